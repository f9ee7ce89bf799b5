"""What is behind a certificate over rows made again (Theorems 9.5, 9.6, 9.10 and 9.11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from probbound.check.compare import disagreements, other_counts, require
from probbound.check.expected import Facts
from probbound.check.models.transformer.network import Network
from probbound.check.models.transformer.weights import Weights
from probbound.check.report import Refused
from probbound.check.stream import Stream
from probbound.check.tasks.next_token.facts import claimed, expected
from probbound.check.tasks.next_token.looks import Asked, all_looked_at, drawn, require_planned
from probbound.check.tasks.next_token.loss_replay import losses_again
from probbound.check.tasks.next_token.recipe import ANYTIME, Recipe, recipe_of


@runtime_checkable
class Counted(Asked, Protocol):
    """Of which rows count or do not."""

    def wrong(self, numbers: np.ndarray, /) -> int:
        """How many of the rows with such numbers do not."""
        ...


@dataclass(frozen=True)
class Brought:
    """A network, and what is asked of it and what is at hand beside it, a `Counted` or `Lost`."""

    first: Network
    asked: Any

    @property
    def weights(self) -> Weights:
        """Those of the network that the claim is about."""
        return self.first.weights

    def logits(self, tokens: np.ndarray) -> np.ndarray:
        """Its outcomes."""
        return self.first.logits(tokens)


def confirmed(predicate: Mapping[str, Any], brought: Brought) -> Iterator[str]:
    """What holds computed again, sentence by sentence.

    Raises:
        Refused: at the first thing that does not.
    """
    claim = predicate["claim"]
    yield "the rows have the digest of the certificate"
    if predicate["delta_chosen"]:
        raise Refused("over rows δ is not chosen by a plan")
    recipe = recipe_of(predicate["ran"]["recipe"], claim)
    require_planned(predicate, recipe, brought.asked)
    yield from _AGAIN[claim["kind"]](predicate, recipe, brought.asked)


def _counts_again(predicate: Mapping[str, Any], recipe: Recipe, asked: Counted) -> Iterator[str]:
    size = predicate["claim"]["population"]["size"]
    facts = claimed(predicate, size)
    require(disagreements(predicate, expected(predicate, facts, recipe, size)))
    yield "the ledger adds up, and the bound follows from the counts"
    again = _counted(predicate, recipe, asked)
    require(other_counts(facts, again))
    require(disagreements(predicate, expected(predicate, again.conceding(facts), recipe, size)))
    balls = (
        ""
        if recipe.balls is None
        else (
            f"; rows that radii leave open were decided by ball arithmetic of {recipe.balls} bits"
        )
    )
    yield f"the same rows were drawn and answered again, with counts no higher{balls}"


def fresh(
    predicate: Mapping[str, Any], brought: Brought, stream: Stream, draws: int
) -> tuple[float, int]:
    """Failures of new draws, with replacement, from all rows."""
    size = predicate["claim"]["population"]["size"]
    return 1.0, brought.asked.wrong(stream.below(size, 0, draws))


def _counted(predicate: Mapping[str, Any], recipe: Recipe, asked: Counted) -> Facts:
    size, budget = predicate["claim"]["population"]["size"], predicate["ran"]["budget"]
    if all_looked_at(predicate):
        if predicate["stopped_at"] is not None:
            raise Refused("all rows are looked at, so that nothing was interrupted")
        wrong = asked.wrong(np.arange(size))
        return Facts(wrong / size, failures=wrong)
    draws, stopped = predicate["sampling"]["draws"], predicate["stopped_at"]
    planned = budget if stopped is None else stopped
    early = recipe.law == ANYTIME and stopped is None
    if (not early and draws != planned) or draws > budget:
        raise Refused(f"it looks at {draws} rows, and {planned} were planned")
    return Facts(1.0, draws, draws, draws, asked.wrong(drawn(predicate, draws)))


_AGAIN: dict[str, Callable[[Mapping[str, Any], Recipe, Any], Iterator[str]]] = {
    "accuracy": _counts_again,
    "margin": _counts_again,
    "kl": _counts_again,
    "loss": losses_again,
}
