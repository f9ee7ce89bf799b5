"""Rows of tokens: how a claim states them, and how its counts are made again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from probbound.check import rules
from probbound.check.effort import Work
from probbound.check.layout import Cases
from probbound.check.models.registry import kind_named, read_weights
from probbound.check.models.transformer.answers import AGREEMENT
from probbound.check.models.transformer.balls import library
from probbound.check.models.transformer.prices import price, price_once
from probbound.check.models.transformer.weights import Weights
from probbound.check.report import Refused, Unusable
from probbound.check.tasks.contract import Replay
from probbound.check.tasks.next_token.answers import answered
from probbound.check.tasks.next_token.outcomes import lost, near
from probbound.check.tasks.next_token.populations import KINDS, Files
from probbound.check.tasks.next_token.recipe import recipe_of
from probbound.check.tasks.next_token.replay import Brought, confirmed, fresh
from probbound.check.tasks.one_kind import one_kind
from probbound.check.tasks.recipes import misasked

_ARITHMETIC = (
    "IEEE float64, round to nearest, functions assumed within 16 units in the last place; where a "
    "claim is about real numbers, rounding errors are bounded on the way and counted against it, "
    "ties too (docs/theory.md, 5.1 to 5.3 and chapter 9)"
)
_LABELS = ("name", "rounded_bits")  # no part of a question
_LEAST, _ROW, _TOKEN = 1e7, 1e4, 300.0
_BETTING = 2500.0  # for a loss of the interval of Theorem 2.34
_BALL, _FUNCTION = 20.0, 1e4
_ASKED: dict[str, Callable[..., Any]] = {
    "accuracy": answered,
    "margin": answered,
    "kl": near,
    "loss": lost,
}


def _misfits(claim: Mapping[str, Any], weights: Weights) -> Iterator[str]:
    """Where a claim is not about rows that the weights read."""
    stated, (most, _, _) = claim["population"], weights.reads
    if stated["length"] < 2 or stated["length"] - 1 > most:
        yield f"rows of {stated['length']} tokens are none that the weights read"
    if stated["agreement"] != (None if stated["arithmetic"] == "real" else AGREEMENT):
        yield f"the agreement of {stated['arithmetic']} is not {stated['agreement']}"
    if claim["kind"] not in _ASKED:
        yield f"no claim of kind {claim['kind']} is made of rows"
    if stated["against"] is None and claim["kind"] == "kl":
        yield "a divergence is one from another network, and it names none"
    if stated["against"] is not None and claim["kind"] == "margin":
        yield "how often two networks agree is claimed without a margin"
    if stated["against"] is not None and claim["kind"] == "loss":
        yield "a loss is that of one network, and it names two"


def _one_claim(claim: Mapping[str, Any]) -> dict[str, Any]:
    stated = {name: None if name in _LABELS else x for name, x in claim["population"].items()}
    return one_kind({**claim, "population": stated})


def _work(predicate: Mapping[str, Any], weights: Weights) -> Work:
    """What answering the rows again takes, at most about."""
    stated, budget = predicate["claim"]["population"], predicate["ran"]["budget"]
    size = stated["size"]
    rows = budget if size is None else size if budget is None else min(budget, size)
    said, real = weights.configuration, stated["arithmetic"] == "real"
    each = float(price(said, stated["length"] - 1, real=real)) + _ROW + _TOKEN * stated["length"]
    stored = float(sum(values.size for values in weights.arrays.values()))
    networks = 1 if stated["against"] is None else 2
    once = float(price_once(said, real=real)) + 10.0 * stored
    balls = recipe_of(predicate["ran"]["recipe"], predicate["claim"]).balls
    if balls is not None:
        length = stated["length"] - 1
        functions = said.n_layers * length * (said.d_mlp + said.n_heads * length + said.d_model)
        each += (_BALL * each + _FUNCTION * functions) * max(1.0, balls / 192) ** 1.5
    each += 25.0 * said.d_out  # a loss or a divergence from outcomes
    bets = _BETTING * rows if predicate["claim"]["kind"] == "loss" else 0.0
    operations = _LEAST + bets + networks * (rows * each + once)
    return Work(operations, 2.0**30 + 24.0 * stored + 32.0 * rows)


def _dressed(predicate: Mapping[str, Any], network: Any, files: Mapping[str, Path]) -> Brought:
    """The network with the rows of the claim, and the network that it names beside it.

    Raises:
        Unusable: if a file is not at hand, or cannot be used.
        Refused: if it is another one than the claim is about.
    """
    stated = predicate["claim"]["population"]
    rows, networks = KINDS[stated["kind"]].brought(stated, files), [network]
    if stated["against"] is None and "against" in files:
        raise Unusable("it is about one network; leave --against out")
    if (wanted := stated["against"]) is not None:
        if "against" not in files:
            raise Unusable("it compares two networks; give the other one's file with --against")
        other = read_weights(files["against"])
        if other.kind != Weights.kind or other.digest() != wanted["sha256"]:
            raise Refused(f"the other network is none with digest {wanted['sha256']}")
        if other.parts != wanted["parts"]:
            raise Refused("the other network is stated to be another than its file holds")
        networks.append(kind_named(other.kind).subject(other, 0.0, network.most))
    if any(rows.length - 1 > each.weights.reads[0] for each in networks):
        raise Refused("the rows are none that the networks read")
    if len({each.weights.reads[2] for each in networks}) > 1:
        raise Refused("networks with other answers cannot agree")
    claim = predicate["claim"]
    balls = recipe_of(predicate["ran"]["recipe"], claim).balls
    if balls is not None:
        library()
    asked = _ASKED[claim["kind"]](claim, tuple(networks), rows, balls)
    asked.require_known(*rows.reach)
    return Brought(network, asked)


def _population_of(kind: str) -> dict[str, Any] | None:
    """How rows of a kind are stated, None if there is no such kind."""
    if kind not in KINDS:
        return None
    return {
        "kind": rules.one_of(kind),
        "length": rules.positive,
        "prior": rules.maybe(rules.one_of()),
        "arithmetic": rules.one_of("real", "float64"),
        "agreement": rules.maybe(rules.inside),
        "against": [None, {"sha256": rules.sha256, "parts": kind_named(Weights.kind).parts}],
        **KINDS[kind].fields,
    }


def _trusted(predicate: Mapping[str, Any]) -> Iterator[str]:
    stated = predicate["claim"]["population"]
    return KINDS[stated["kind"]].trusted(stated)


def _assumed(predicate: Mapping[str, Any], files: Files) -> Iterator[str]:
    claim, draws = predicate["claim"], predicate["sampling"]["draws"]
    return KINDS[claim["population"]["kind"]].unmade(files, claim["kind"], draws)


REPLAY = Replay(
    networks=(Weights.kind,),
    arithmetic=_ARITHMETIC,
    population=Cases("kind", _population_of),
    misfits=_misfits,
    misasked=lambda predicate: misasked(predicate, recipe_of),
    one_claim=_one_claim,
    work=_work,
    confirmed=confirmed,
    fresh=fresh,
    dressed=_dressed,
    trusted=_trusted,
    assumed=_assumed,
)
