"""What is behind a certificate over rows made again (Theorems 9.5, 9.6 and 9.10 to 9.12)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from probbound.check.compare import disagreements, other_counts, require
from probbound.check.expected import Facts
from probbound.check.models.transformer.network import Network
from probbound.check.models.transformer.weights import Weights
from probbound.check.report import Refused
from probbound.check.stream import Stream
from probbound.check.tasks.next_token.asked import Counted, anew, drawn
from probbound.check.tasks.next_token.facts import claimed, expected
from probbound.check.tasks.next_token.looks import all_looked_at, require_planned
from probbound.check.tasks.next_token.loss_replay import losses_again
from probbound.check.tasks.next_token.recipe import Recipe, recipe_of


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
    yield from brought.asked.rows.seen
    if predicate["delta_chosen"]:
        raise Refused("over rows δ is not chosen by a plan")
    recipe = recipe_of(predicate["ran"]["recipe"], claim)
    require_planned(predicate, recipe, brought.asked)
    yield from _AGAIN[claim["kind"]](predicate, recipe, brought.asked)


def _counts_again(predicate: Mapping[str, Any], recipe: Recipe, asked: Counted) -> Iterator[str]:
    size = predicate["claim"]["population"]["size"]
    _require_looks(predicate, recipe)
    facts = claimed(predicate, size)
    require(disagreements(predicate, expected(predicate, facts, recipe, size)))
    yield "the ledger adds up, and the bound follows from the counts"
    if not asked.rows.at_hand:
        return
    again = _counted(predicate, asked)
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
    """Failures of new draws, with replacement."""
    asked, numbers = anew(brought.asked, stream, draws)
    return 1.0, asked.wrong(numbers)


def _require_looks(predicate: Mapping[str, Any], recipe: Recipe) -> None:
    """Rows that are said to be looked at are as many as were to be.

    Raises:
        Refused: if they are not.
    """
    draws, stopped = predicate["sampling"]["draws"], predicate["stopped_at"]
    if all_looked_at(predicate):
        if stopped is not None:
            raise Refused("all rows are looked at, so that nothing was interrupted")
        return
    budget = predicate["ran"]["budget"]
    planned = budget if stopped is None else stopped
    early = recipe.anytime and stopped is None
    if (not early and draws != planned) or draws > budget:
        raise Refused(f"it looks at {draws} rows, and {planned} were planned")


def _counted(predicate: Mapping[str, Any], asked: Counted) -> Facts:
    if all_looked_at(predicate):
        size = predicate["claim"]["population"]["size"]
        wrong = asked.wrong(np.arange(size))
        return Facts(wrong / size, failures=wrong)
    draws = predicate["sampling"]["draws"]
    of_these, numbers = drawn(asked, predicate["seed"], draws)
    return Facts(1.0, draws, draws, draws, of_these.wrong(numbers))


_AGAIN: dict[str, Callable[[Mapping[str, Any], Recipe, Any], Iterator[str]]] = {
    "accuracy": _counts_again,
    "margin": _counts_again,
    "kl": _counts_again,
    "loss": losses_again,
}
