"""Which rows are looked at, and how many of them a budget pays for (9.5, 9.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from probbound.check.models.transformer.network import Network
from probbound.check.own.draws import different
from probbound.check.report import Refused
from probbound.check.stream import Stream
from probbound.check.tasks.next_token.prices import looks
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


def require_planned(predicate: Mapping[str, Any], recipe: Recipe, asked: Asked) -> None:
    """Looks are those of the budget, or of what was to be spent.

    Raises:
        Refused: if there are others.
    """
    operations, budget = predicate["budget_flops"], predicate["ran"]["budget"]
    size = predicate["claim"]["population"]["size"]
    if operations is not None:
        if recipe.law is None or recipe.law == ANYTIME:
            raise Refused("operations are planned for different rows, with no target")
        if budget != _paid_for(predicate, recipe, asked):
            raise Refused(f"its operations pay for other looks than {budget}")
    if all_looked_at(predicate) != (budget is None or budget >= size):
        raise Refused("all rows are looked at where the budget covers them, and only there")


def _paid_for(predicate: Mapping[str, Any], recipe: Recipe, asked: Asked) -> int:
    stated = predicate["claim"]["population"]
    said = [network.weights.configuration for network in asked.networks]
    real, balls = stated["arithmetic"] == "real", recipe.balls is not None
    operations, size = predicate["budget_flops"], stated["size"]
    return looks(operations, said, stated["length"] - 1, size, real=real, balls=balls)


def all_looked_at(predicate: Mapping[str, Any]) -> bool:
    """Whether it says that no row was left to chance."""
    return [level["mode"] for level in predicate["levels"]] == ["enumerated"]


def drawn(predicate: Mapping[str, Any], number: int) -> np.ndarray:
    """The numbers of the rows that its seed has looked at, in their order."""
    stream = Stream.of_seed(predicate["seed"]).named("certify").named("rows")
    return different(stream, predicate["claim"]["population"]["size"], number)
