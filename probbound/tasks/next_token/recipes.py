"""What the name of a strategy over rows says is run: its recipe. As light as the grammar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.contract.defaults import AUTO
from probbound.contract.recipe import Recipe, RecipeLaw, RecipeLevel
from probbound.machine.errors import UserError
from probbound.tasks.next_token.grammar import BRUTE_FORCE, require_strategy

FORWARD_PASS = "forward pass"
FIXED_OR_INTERRUPTED, ANYTIME = "without replacement", "without replacement, anytime"


def recipe_of(strategy: str, size: int, given: Mapping[str, Any]) -> Recipe:
    """What a strategy runs; settings not given have their default.

    Raises:
        UserError: if there is no such strategy, or it is "auto", which stands for another.
    """
    name = require_strategy(strategy)
    if name == AUTO:
        raise UserError(f"{AUTO} is no strategy of its own; a plan puts one in its place")
    balls = given.get("balls")
    settings = {} if balls is None else {"balls": balls}
    if name == BRUTE_FORCE:
        return Recipe((RecipeLevel(FORWARD_PASS, "enumerated", settings),))
    target = given.get("target")
    law = (
        RecipeLaw(FIXED_OR_INTERRUPTED)
        if target is None
        else RecipeLaw(ANYTIME, {"target": target})
    )
    return Recipe((RecipeLevel(FORWARD_PASS, "sampled", settings),), law)
