"""Induction: how a claim states its sequences, and how its counts are made again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from probbound.check import rules
from probbound.check.models.transformer.weights import Weights
from probbound.check.tasks.contract import Replay
from probbound.check.tasks.induction.recipe import recipe_of
from probbound.check.tasks.induction.replay import confirmed, fresh
from probbound.check.tasks.induction.sequences import Sequences
from probbound.check.tasks.induction.work import work_of
from probbound.check.tasks.one_kind import one_kind
from probbound.check.tasks.recipes import misasked

_ARITHMETIC = (
    "IEEE float64, round to nearest, functions assumed within 16 units in the last place; rounding "
    "errors are bounded and counted against the claim, ties too (docs/theory.md, 5.1 to 5.3 and "
    "chapters 9 and 10)"
)
_FEWEST = {"once": 3, "any": 2}


def _misfits(claim: Mapping[str, Any], weights: Weights) -> Iterator[str]:
    """Where a claim is not about the sequences that the weights read."""
    stated, (most, known, answers) = claim["population"], weights.reads
    if claim["kind"] == "loss":
        yield "no loss is bounded over sequences of induction"
    if claim["kind"] == "kl":
        yield "a divergence is claimed of rows, not of sequences of induction"
    v, n = stated["d_vocab"], stated["n_ctx"]
    if claim["kind"] == "universal" and (stated["repeats"] != "once" or claim["at"] > n - 3):
        yield "universal claims are about tokens that repeat once, at most n - 3 of them revealed"
    if (v, n) != (known, most):
        yield f"the claim is about {n} of {v} tokens, and the weights read {most} of {known}"
    if v < 2 or n < _FEWEST[stated["repeats"]]:
        yield f"there are no sequences of {n} of {v} tokens whose last one stands before"
    if answers < v:
        yield f"the weights have {answers} answers for {v} tokens"
    if stated["size"] != Sequences.of(stated).size:
        yield f"there are {Sequences.of(stated).size} sequences, not {stated['size']}"


REPLAY = Replay(
    networks=(Weights.kind,),
    arithmetic=_ARITHMETIC,
    population={
        "kind": rules.one_of("induction"),
        "repeats": rules.one_of("once", "any"),
        "d_vocab": rules.positive,
        "n_ctx": rules.positive,
        "prior": rules.maybe(rules.one_of()),
        "size": rules.positive,
    },
    misfits=_misfits,
    misasked=lambda predicate: misasked(predicate, recipe_of),
    one_claim=one_kind,
    work=work_of,
    confirmed=confirmed,
    fresh=fresh,
)
