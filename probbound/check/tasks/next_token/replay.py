"""The counts behind a certificate over rows, counted again (Theorems 9.5 and 9.6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from probbound.check.compare import disagreements, other_counts, require
from probbound.check.expected import Facts
from probbound.check.models.transformer.network import Network
from probbound.check.models.transformer.prices import row_price
from probbound.check.models.transformer.weights import Weights
from probbound.check.own.draws import different
from probbound.check.report import Refused
from probbound.check.stream import Stream
from probbound.check.tasks.next_token.answers import Answered
from probbound.check.tasks.next_token.facts import claimed, expected
from probbound.check.tasks.next_token.recipe import ANYTIME, Recipe, recipe_of


@dataclass(frozen=True)
class Brought:
    """A network, and what is at hand beside it: rows, and the network it is compared with."""

    first: Network
    answered: Answered

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
    answered, stated = brought.answered, predicate["claim"]["population"]
    yield "the rows have the digest of the certificate"
    if predicate["delta_chosen"]:
        raise Refused("over rows δ is not chosen by a plan")
    recipe, size = recipe_of(predicate["ran"]["recipe"], predicate["claim"]), stated["size"]
    _require_planned(predicate, recipe, answered)
    facts = claimed(predicate, size)
    require(disagreements(predicate, expected(predicate, facts, recipe, size)))
    yield "the ledger adds up, and the bound follows from the counts"
    again = _counted(predicate, recipe, answered)
    require(other_counts(facts, again))
    require(disagreements(predicate, expected(predicate, again.conceding(facts), recipe, size)))
    yield "the same rows were drawn and answered again, with counts no higher"


def fresh(
    predicate: Mapping[str, Any], brought: Brought, stream: Stream, draws: int
) -> tuple[float, int]:
    """Failures of new draws, with replacement, from all rows."""
    size = predicate["claim"]["population"]["size"]
    return 1.0, brought.answered.wrong(stream.below(size, 0, draws))


def _require_planned(predicate: Mapping[str, Any], recipe: Recipe, answered: Answered) -> None:
    """Looks are those of the budget, or of what was to be spent.

    Raises:
        Refused: if there are others.
    """
    operations, budget = predicate["budget_flops"], predicate["ran"]["budget"]
    size = predicate["claim"]["population"]["size"]
    if operations is not None:
        length = answered.rows.tokens.shape[1] - 1
        each = sum(row_price(network.weights, length) for network in answered.networks)
        if recipe.law is None or recipe.law == ANYTIME:
            raise Refused("operations are planned for different rows, with no target")
        if budget != min(int(Fraction(operations) / each), size):
            raise Refused(f"its operations pay for other looks than {budget}")
    listed = predicate["levels"][0]["mode"] == "enumerated"
    if listed != (budget is None or budget >= size):
        raise Refused("all rows are looked at where the budget covers them, and only there")


def _counted(predicate: Mapping[str, Any], recipe: Recipe, answered: Answered) -> Facts:
    size, budget = predicate["claim"]["population"]["size"], predicate["ran"]["budget"]
    if predicate["levels"][0]["mode"] == "enumerated":
        if predicate["stopped_at"] is not None:
            raise Refused("all rows are looked at, so that nothing was interrupted")
        wrong = answered.wrong(np.arange(size))
        return Facts(wrong / size, failures=wrong)
    draws, stopped = predicate["sampling"]["draws"], predicate["stopped_at"]
    planned = budget if stopped is None else stopped
    early = recipe.law == ANYTIME and stopped is None
    if (not early and draws != planned) or draws > budget:
        raise Refused(f"it looks at {draws} rows, and {planned} were planned")
    stream = Stream.of_seed(predicate["seed"]).named("certify").named("rows")
    wrong = answered.wrong(different(stream, size, draws))
    return Facts(1.0, draws, draws, draws, wrong)
