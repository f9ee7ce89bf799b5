"""Which rows are looked at, and how many of them a budget pays for (9.5, 9.7)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Protocol, runtime_checkable

import numpy as np

from probbound.check.models.transformer.network import Network
from probbound.check.models.transformer.weights import Weights
from probbound.check.own.draws import different
from probbound.check.report import Refused
from probbound.check.stream import Stream
from probbound.check.tasks.next_token.recipe import ANYTIME, Recipe
from probbound.check.tasks.next_token.rows import Rows


@runtime_checkable
class Asked(Protocol):
    """What is asked of rows."""

    @property
    def networks(self) -> tuple[Network, ...]:
        """Those that read them, the one that the claim is about first."""
        ...

    @property
    def rows(self) -> Rows:
        """All of them."""
        ...


def price(weights: Weights, length: int) -> int:
    """What a row is planned to cost (Definition 9.7)."""
    entries = 0
    for name, values in weights.arrays.items():
        last = name.rpartition(".")[2]
        if last.startswith("W") and last not in ("W_E", "W_pos"):
            entries += 2 * values.size * (length if name.startswith("blocks.") else 1)
    return max(entries, 1)


def require_planned(predicate: Mapping[str, Any], recipe: Recipe, asked: Asked) -> None:
    """Looks are those of the budget, or of what was to be spent.

    Raises:
        Refused: if there are others.
    """
    operations, budget = predicate["budget_flops"], predicate["ran"]["budget"]
    size = predicate["claim"]["population"]["size"]
    if operations is not None:
        length = asked.rows.tokens.shape[1] - 1
        each = sum(price(network.weights, length) for network in asked.networks)
        if recipe.law is None or recipe.law == ANYTIME:
            raise Refused("operations are planned for different rows, with no target")
        if budget != min(int(Fraction(operations) / each), size):
            raise Refused(f"its operations pay for other looks than {budget}")
    if all_looked_at(predicate) != (budget is None or budget >= size):
        raise Refused("all rows are looked at where the budget covers them, and only there")


def all_looked_at(predicate: Mapping[str, Any]) -> bool:
    """Whether it says that no row was left to chance."""
    return [level["mode"] for level in predicate["levels"]] == ["enumerated"]


def drawn(predicate: Mapping[str, Any], number: int) -> np.ndarray:
    """The numbers of the rows that its seed has looked at, in their order."""
    stream = Stream.of_seed(predicate["seed"]).named("certify").named("rows")
    return different(stream, predicate["claim"]["population"]["size"], number)
