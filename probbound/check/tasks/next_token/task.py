"""Rows of tokens: how a claim states them, and how its counts are made again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from probbound.check import rules
from probbound.check.effort import Work
from probbound.check.models.registry import kind_named, read_weights
from probbound.check.models.transformer.answers import AGREEMENT
from probbound.check.models.transformer.balls import library
from probbound.check.models.transformer.prices import price, price_once
from probbound.check.models.transformer.weights import Weights
from probbound.check.report import Refused, Unusable
from probbound.check.tasks.contract import Replay
from probbound.check.tasks.next_token.answers import answered
from probbound.check.tasks.next_token.outcomes import lost, near
from probbound.check.tasks.next_token.recipe import recipe_of
from probbound.check.tasks.next_token.replay import Brought, confirmed, fresh
from probbound.check.tasks.next_token.rows import read_rows
from probbound.check.tasks.one_kind import one_kind
from probbound.check.tasks.recipes import misasked

_ARITHMETIC = (
    "IEEE float64, round to nearest, functions assumed within 16 units in the last place; where a "
    "claim is about real numbers, rounding errors are bounded on the way and counted against it, "
    "ties too (docs/theory.md, 5.1 to 5.3 and chapter 9)"
)
_LEAST, _ROW = 1e7, 1e4
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


def _work(predicate: Mapping[str, Any], weights: Weights) -> Work:
    """What answering the rows again takes, at most about."""
    stated, budget = predicate["claim"]["population"], predicate["ran"]["budget"]
    rows = stated["size"] if budget is None else min(budget, stated["size"])
    said, real = weights.configuration, stated["arithmetic"] == "real"
    each = float(price(said, stated["length"] - 1, real=real)) + _ROW
    stored = float(sum(values.size for values in weights.arrays.values()))
    networks = 1 if stated["against"] is None else 2
    once = float(price_once(said, real=real)) + 10.0 * stored
    balls = recipe_of(predicate["ran"]["recipe"], predicate["claim"]).balls
    if balls is not None:
        length = stated["length"] - 1
        functions = said.n_layers * length * (said.d_mlp + said.n_heads * length + said.d_model)
        each += (_BALL * each + _FUNCTION * functions) * max(1.0, balls / 192) ** 1.5
    operations = _LEAST + networks * (rows * each + once)
    return Work(operations, 2.0**30 + 24.0 * stored)


def _dressed(predicate: Mapping[str, Any], network: Any, files: Mapping[str, Path]) -> Brought:
    """The network with the rows of the claim, and the network that it names beside it.

    Raises:
        Unusable: if a file is not at hand, or cannot be used.
        Refused: if it is another one than the claim is about.
    """
    stated = predicate["claim"]["population"]
    if "data" not in files:
        raise Unusable("it is about rows of tokens; give their file with --data")
    rows, networks = read_rows(files["data"]), [network]
    if rows.tokens.shape != (stated["size"], stated["length"]) or rows.digest != stated["sha256"]:
        raise Refused(f"it is about rows with digest {stated['sha256']}, these have {rows.digest}")
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
    claim = predicate["claim"]
    _require_read(networks, rows.tokens, claim)
    balls = recipe_of(predicate["ran"]["recipe"], claim).balls
    if balls is not None:
        library()
    return Brought(network, _ASKED[claim["kind"]](claim, tuple(networks), rows, balls))


def _require_read(networks: list[Any], tokens: Any, claim: Mapping[str, Any]) -> None:
    answers = {network.weights.reads[2] for network in networks}
    for network in networks:
        most, known, out = network.weights.reads
        if tokens.shape[1] - 1 > most or tokens[:, :-1].max() >= known:
            raise Refused("the rows are none that the networks read")
        if claim["population"]["against"] is None and tokens[:, -1].max() >= out:
            raise Refused("the rows end in a token that the network cannot answer")
    if len(answers) > 1:
        raise Refused("networks with other answers cannot agree")


REPLAY = Replay(
    networks=(Weights.kind,),
    arithmetic=_ARITHMETIC,
    population={
        "kind": rules.one_of("rows"),
        "size": rules.positive,
        "length": rules.positive,
        "sha256": rules.sha256,
        "prior": rules.maybe(rules.one_of()),
        "arithmetic": rules.one_of("real", "float64"),
        "agreement": rules.maybe(rules.inside),
        "against": [None, {"sha256": rules.sha256, "parts": kind_named(Weights.kind).parts}],
    },
    misfits=_misfits,
    misasked=lambda predicate: misasked(predicate, recipe_of),
    one_claim=one_kind,
    work=_work,
    confirmed=confirmed,
    fresh=fresh,
    dressed=_dressed,
)
