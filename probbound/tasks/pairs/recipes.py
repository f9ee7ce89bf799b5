"""What the name of a strategy over pairs says is run: its recipe. As light as the grammar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probbound.contract.defaults import AUTO
from probbound.contract.recipe import Mode, Recipe, RecipeLaw, RecipeLevel
from probbound.machine.errors import UserError
from probbound.tasks.pairs.grammar import (
    BRUTE_FORCE,
    CASCADE,
    HYBRID,
    SCREEN,
    PairGrammar,
    ScreenName,
)

FORWARD_PASS = "forward pass"
FIXED, FIXED_OR_INTERRUPTED, ANYTIME = "fixed", "fixed or interrupted", "anytime"
LEVELS = 8  # of how far from its threshold a gate is taken to be
_BESIDE_RANK = {"gates": {"levels": LEVELS}}


@dataclass(frozen=True)
class PairRecipes:
    """The recipes of a task's names."""

    grammar: PairGrammar

    def of(self, strategy: str, size: int, given: Mapping[str, Any]) -> Recipe:
        """What a strategy runs for so many pairs; settings not given have their default.

        Raises:
            UserError: if there is no such strategy, or it is "auto", which stands for another.
        """
        name = self.grammar.parsed(strategy)
        if name.kind == AUTO:
            raise UserError(f"{AUTO} is no strategy of its own; a plan puts one in its place")
        if name.screen is None:
            every = name.kind == BRUTE_FORCE
            exact = RecipeLevel(FORWARD_PASS, "enumerated" if every else "sampled")
            return Recipe((exact,), None if every else RecipeLaw(FIXED))
        if name.kind == SCREEN:
            return Recipe((self._screen(name.screen, "enumerated", size),))
        mode: Mode = "enumerated" if name.kind == HYBRID else "passed through"
        levels = (self._screen(name.screen, mode, size), RecipeLevel(FORWARD_PASS, "sampled"))
        return Recipe(levels, _law(given) if name.kind == CASCADE else RecipeLaw(FIXED))

    def _screen(self, screen: ScreenName, mode: Mode, size: int) -> RecipeLevel:
        rank = self.grammar.rank(screen, size)
        return RecipeLevel(screen.base, mode, {"rank": rank, **_BESIDE_RANK.get(screen.base, {})})


def _law(given: Mapping[str, Any]) -> RecipeLaw:
    target = given.get("target")
    if target is not None:
        return RecipeLaw(ANYTIME, {"target": target})
    return RecipeLaw(FIXED_OR_INTERRUPTED, {"draws": given.get("draws")})
