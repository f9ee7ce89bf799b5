"""Max-of-K to the checker: claims that fit, questions there are, and what is counted again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from probbound.check import rules
from probbound.check.compare import (
    TOLERANCE,
    disagreements,
    other_counts,
    require,
    wrong_levels,
    wrong_spends,
)
from probbound.check.models.attention_only.network import Network
from probbound.check.models.attention_only.weights import Weights
from probbound.check.prior import Law
from probbound.check.report import Refused
from probbound.check.stream import Stream
from probbound.check.tasks.contract import Replay
from probbound.check.tasks.loss_claim import loss_faults, understated
from probbound.check.tasks.max_of_k.arithmetic import claimed_facts, expected
from probbound.check.tasks.max_of_k.entries import entries_again
from probbound.check.tasks.max_of_k.loss_replay import made_again
from probbound.check.tasks.max_of_k.plan import is_planned, planned_again
from probbound.check.tasks.max_of_k.question import misasked, one_claim
from probbound.check.tasks.max_of_k.recipe import CASES, CERTAIN, COUNTED, run_by
from probbound.check.tasks.max_of_k.replay import counted, drawing, screened, share_of
from probbound.check.tasks.max_of_k.work import work_of

_ARITHMETIC = (
    "IEEE float64, round to nearest, exp and log assumed within 16 units in the last place; "
    "rounding errors bounded a priori and counted against the claim, ties too "
    "(docs/theory.md, 5.1 to 5.13)"
)


def misfits(claim: Mapping[str, Any], weights: Weights) -> Iterator[str]:
    """Where a claim is not about the inputs that the weights read."""
    vocabulary, length, *_, out = weights.sizes
    stated = claim["population"]
    if (stated["d_vocab"], stated["n_ctx"]) != (vocabulary, length):
        yield "the claim is about another vocabulary or context than the weights have"
    if out < vocabulary:
        yield "the weights have fewer outputs than tokens, so they cannot name every maximum"
    if stated["size"] != vocabulary**length:
        yield f"the population is {vocabulary}^{length}, not {stated['size']}"
    if claim["kind"] in ("kl", "universal"):
        yield f"no claim of kind {claim['kind']} is made of sequences of max-of-k"
    if claim["kind"] == "loss" and claim["at"] is not None:
        yield "the loss over sequences of max-of-k is claimed whole, at no number"


def confirmed(predicate: Mapping[str, Any], network: Network) -> Iterator[str]:
    """What holds computed again, sentence by sentence.

    Raises:
        Refused: at the first thing that does not.
        Declined: if it is seen to take more operations than the network allows.
    """
    law, claim, weights = Law.of(predicate["claim"]), predicate["claim"], network.weights
    known = None
    if is_planned(predicate):
        known = planned_again(predicate, network, law)
        yield "what was planned before the draws was planned again, and is what ran"
    if claim["kind"] == "loss":
        if predicate["recipe"] is None or predicate["delta_chosen"]:
            raise Refused("nothing plans for a claim of a loss")
        require(loss_faults(predicate, TOLERANCE))
        yield "the ledger adds up, and its bounds fit each other"
        loss = made_again(predicate, network, law)
        require(understated(predicate, loss, TOLERANCE))
        require(wrong_levels(predicate, loss))
        require(wrong_spends(predicate, loss))
        yield "layers, draws and losses were computed again, and claim no less"
    elif run_by(predicate).rest in (CASES, COUNTED, CERTAIN):
        require(disagreements(predicate, entries_again(predicate, weights, law)))
        yield "pilot, tolerances and noise samples were computed again, with the same counts"
    else:
        facts = claimed_facts(predicate)
        require(disagreements(predicate, expected(predicate, facts)))
        yield "the ledger adds up, and the bound follows from the counts"
        again = counted(predicate, network, law, known)
        require(other_counts(facts, again))
        require(disagreements(predicate, expected(predicate, again.conceding(facts))))
        yield "screens and samples were computed again, with the same counts"


def fresh(
    predicate: Mapping[str, Any], network: Network, stream: Stream, draws: int
) -> tuple[float, int]:
    """The share that a screen leaves, if one is run, and the failures of draws from it."""
    law = Law.of(predicate["claim"])
    left = screened(predicate, network, law)
    share, failures = share_of(left, network, law), 0
    if share > 0:
        tokens, blank = drawing(network, left, law, stream)(0, draws)
        failures = int(network.wrong(tokens[~blank]).sum())
    return share, failures


POPULATION = {
    "kind": rules.one_of("tokens"),
    "d_vocab": rules.positive,
    "n_ctx": rules.positive,
    "prior": [
        None,
        {
            "sha256": rules.sha256,
            "total": rules.positive,
            "rounded_bits": rules.maybe(rules.count),
            "weights": rules.counts,
        },
    ],
    "size": rules.positive,
}

REPLAY = Replay(
    networks=("attention-only",),
    arithmetic=_ARITHMETIC,
    population=POPULATION,
    misfits=misfits,
    misasked=misasked,
    one_claim=one_claim,
    work=work_of,
    confirmed=confirmed,
    fresh=fresh,
)
