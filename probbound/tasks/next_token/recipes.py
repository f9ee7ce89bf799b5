"""What the name of a strategy over rows says is run: its recipe. As light as the grammar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.contract.defaults import AUTO
from probbound.contract.recipe import Recipe, RecipeLaw, RecipeLevel
from probbound.machine.errors import UserError
from probbound.tasks.next_token.grammar import BRUTE_FORCE, IID, require_strategy

FORWARD_PASS = "forward pass"
APART, INDEPENDENT = "without replacement", "with replacement"


def recipe_of(strategy: str, size: int | None, given: Mapping[str, Any]) -> Recipe:
    """What a strategy runs over so many rows, None where they are only drawn (9.12).

    Settings not given have their default.

    Raises:
        UserError: if there is no such strategy, it is "auto", which stands for another, or it looks
            at every row where there is no list of them.
    """
    name = require_strategy(strategy)
    if name == AUTO:
        raise UserError(f"{AUTO} is no strategy of its own; a plan puts one in its place")
    if name == BRUTE_FORCE and size is None:
        raise UserError(
            f"{BRUTE_FORCE} looks at every row of a list, and rows of a law or a generator are no "
            f"list; {IID} draws them"
        )
    balls = given.get("balls")
    settings = {} if balls is None else {"balls": balls}
    if name == BRUTE_FORCE:
        return Recipe((RecipeLevel(FORWARD_PASS, "enumerated", settings),))
    target, drawn = given.get("target"), INDEPENDENT if size is None else APART
    law = RecipeLaw(drawn) if target is None else RecipeLaw(f"{drawn}, anytime", {"target": target})
    return Recipe((RecipeLevel(FORWARD_PASS, "sampled", settings),), law)
