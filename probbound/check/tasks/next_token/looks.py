"""How many rows a budget pays for, and whether these are all (9.5, 9.7, 9.12)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.check.report import Refused
from probbound.check.tasks.next_token.asked import Asked
from probbound.check.tasks.next_token.prices import looks, planned
from probbound.check.tasks.next_token.recipe import Recipe

_MOST_DRAWS = 1 << 36


def require_planned(predicate: Mapping[str, Any], recipe: Recipe, asked: Asked) -> None:
    """Looks are those of the budget, or of what was to be spent.

    Raises:
        Refused: if there are others.
    """
    operations, budget = predicate["budget_flops"], predicate["ran"]["budget"]
    size = predicate["claim"]["population"]["size"]
    if operations is not None:
        if recipe.law is None or recipe.anytime:
            raise Refused("operations are planned for drawn rows, with no target")
        if budget != _paid_for(predicate, recipe, asked):
            raise Refused(f"its operations pay for other looks than {budget}")
    covered = size is not None and (budget is None or budget >= size)
    if all_looked_at(predicate) != covered:
        raise Refused("all rows are looked at where the budget covers them, and only there")


def _paid_for(predicate: Mapping[str, Any], recipe: Recipe, asked: Asked) -> int:
    claim, size = predicate["claim"], predicate["claim"]["population"]["size"]
    said = [network.weights.configuration for network in asked.networks]
    length, balls = claim["population"]["length"] - 1, recipe.balls is not None
    once, each = planned(claim, said, length, balls=balls)
    most = _MOST_DRAWS if size is None else size
    return looks(predicate["budget_flops"], once, each, most)


def all_looked_at(predicate: Mapping[str, Any]) -> bool:
    """Whether it says that no row was left to chance."""
    return [level["mode"] for level in predicate["levels"]] == ["enumerated"]
