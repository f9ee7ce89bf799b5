"""What the name of a strategy over pairs says is run: its recipe. As light as the grammar."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from probbound.contract.defaults import AUTO
from probbound.contract.recipe import ENTRIES as DRAWN_ENTRIES
from probbound.contract.recipe import Mode, Recipe, RecipeLaw, RecipeLevel, Settings
from probbound.machine.errors import UserError
from probbound.tasks.pairs.grammar import (
    BRUTE_FORCE,
    CASCADE,
    ENTRIES,
    HYBRID,
    SCREEN,
    Name,
    PairGrammar,
    ScreenName,
)

FORWARD_PASS, STRUCTURE, NOISE = "forward pass", "pattern of gates", "noise"
FIXED, FIXED_OR_INTERRUPTED, ANYTIME = "fixed", "fixed or interrupted", "anytime"
LEVELS = 8  # of how far from its threshold a gate is taken to be
BESIDE = 32  # directions beside waves, or all that are left
_ON_LEVELS = ("sums", "row-max")  # treatments of noise that look how far a gate is away


def _no_settings(rank: int | None, values: int) -> Settings:
    return {}


def _ranked(rank: int | None, values: int) -> Settings:
    return {"rank": rank}


def _gated(rank: int | None, values: int) -> Settings:
    return {"rank": rank, "levels": LEVELS}


def _turned(rank: int | None, values: int) -> Settings:
    waves = rank or 0
    return {"waves": waves, "beside": max(0, min(BESIDE, values - 2 * waves))}


_SETTINGS: dict[str, Callable[[int | None, int], Settings]] = {
    "low-rank": _ranked,
    "gates": _gated,
    "rotating-frame": _turned,
    "integral": _no_settings,
    "norms": _no_settings,
}


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
        if name.kind == ENTRIES:
            return self._entries(name, name.screen, size)
        mode: Mode = "enumerated" if name.kind == HYBRID else "passed through"
        levels = (self._screen(name.screen, mode, size), RecipeLevel(FORWARD_PASS, "sampled"))
        return Recipe(levels, _law(given) if name.kind == CASCADE else RecipeLaw(FIXED))

    def settings(self, screen: ScreenName, size: int) -> Settings:
        """All that decides what a screen does among so many pairs."""
        return _SETTINGS[screen.base](self.grammar.rank(screen, size), math.isqrt(size))

    def _screen(self, screen: ScreenName, mode: Mode, size: int) -> RecipeLevel:
        return RecipeLevel(screen.base, mode, self.settings(screen, size))

    def _entries(self, name: Name, screen: ScreenName, size: int) -> Recipe:
        settings = {"rank": self.grammar.rank(screen, size)}
        if name.noise in _ON_LEVELS:
            settings["levels"] = LEVELS
        structure = RecipeLevel(STRUCTURE, "enumerated", settings)
        if not name.noise:
            return Recipe((structure, RecipeLevel(DRAWN_ENTRIES, "sampled")), RecipeLaw(FIXED))
        return Recipe((structure, RecipeLevel(NOISE, "enumerated", {"noise": name.noise})))


def _law(given: Mapping[str, Any]) -> RecipeLaw:
    target = given.get("target")
    if target is not None:
        return RecipeLaw(ANYTIME, {"target": target})
    return RecipeLaw(FIXED_OR_INTERRUPTED, {"draws": given.get("draws")})
