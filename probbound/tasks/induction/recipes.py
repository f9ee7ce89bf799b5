"""What the name of a strategy of induction says is run: its recipe. As light as the grammar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.contract.defaults import AUTO
from probbound.contract.recipe import Recipe, RecipeLaw, RecipeLevel
from probbound.machine.errors import UserError
from probbound.tasks.induction.grammar import (
    BRUTE_FORCE,
    CASCADE,
    HYBRID,
    IID,
    TREE,
    Name,
    parsed,
)

FORWARD_PASS, EVERY_FILLING = "forward pass", "every filling"
FIXED, FIXED_OR_INTERRUPTED, ANYTIME = "fixed", "fixed or interrupted", "anytime"


def recipe_of(strategy: str, size: int, given: Mapping[str, Any]) -> Recipe:
    """What a strategy runs; settings not given have their default.

    Raises:
        UserError: if there is no such strategy, or it is "auto", which stands for another.
    """
    name = parsed(strategy)
    if name.kind == AUTO:
        raise UserError(f"{AUTO} is no strategy of its own; a plan puts one in its place")
    check = EVERY_FILLING if given.get("universal") else FORWARD_PASS
    if name.kind == BRUTE_FORCE:
        return Recipe((RecipeLevel(check, "enumerated"),))
    if name.kind == IID:
        return Recipe((RecipeLevel(check, "sampled"),), RecipeLaw(FIXED))
    if name.kind == CASCADE:
        cheap = RecipeLevel(name.screen, "passed through")
        return Recipe((cheap, RecipeLevel(FORWARD_PASS, "sampled")), _law(given))
    levels = (_enumerated(name),)
    if name.kind == HYBRID:
        return Recipe((*levels, RecipeLevel(FORWARD_PASS, "sampled")), RecipeLaw(FIXED))
    return Recipe(levels)


def _enumerated(name: Name) -> RecipeLevel:
    settings = {"nodes": name.nodes} if name.screen == TREE else {}
    return RecipeLevel(name.screen, "enumerated", settings)


def _law(given: Mapping[str, Any]) -> RecipeLaw:
    if (target := given.get("target")) is not None:
        return RecipeLaw(ANYTIME, {"target": target})
    return RecipeLaw(FIXED_OR_INTERRUPTED, {"draws": given.get("draws")})
