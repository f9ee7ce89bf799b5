"""What the name of a strategy says is run: its recipe. As light as the grammar of names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from probbound.contract.recipe import ENTRIES, Recipe, RecipeLaw, RecipeLevel
from probbound.tasks.max_of_k.grammar import DEFAULT_SCREEN, Name, ScreenName, strategy_parsed

LISTING_LIMIT = 1 << 26
DEFAULT_GRID_POINTS = 1023
DEFAULT_PATHS: Literal["joint", "separate"] = "separate"
FORWARD_PASS, FROM_TABLES, COPYING = "forward pass", "forward pass from tables", "copying"
STRUCTURE, NOISE = "structure with tolerated noise", "noise"
FIXED, FIXED_OR_INTERRUPTED, ANYTIME = "fixed", "fixed or interrupted", "anytime"
_NO_MEAN_DIFF = "no-mean-diff"

_Given = Mapping[str, Any]


def recipe_of(strategy: str, size: int, given: Mapping[str, Any]) -> Recipe:
    """What a strategy runs for a population of this size; settings not given have their default.

    Raises:
        UserError: as `strategy_parsed`.
    """
    name, points = strategy_parsed(strategy), given.get("grid_points")
    if points is None and size > LISTING_LIMIT:
        points = DEFAULT_GRID_POINTS
    paths = given.get("paths") or DEFAULT_PATHS
    return _KINDS[name.kind](name, {**given, "grid_points": points, "paths": paths})


def _brute_force(name: Name, given: _Given) -> Recipe:
    return Recipe((RecipeLevel(FORWARD_PASS, "enumerated"),))


def _iid(name: Name, given: _Given) -> Recipe:
    exact = FROM_TABLES if name.variant else FORWARD_PASS
    return Recipe((RecipeLevel(exact, "sampled"),), RecipeLaw(FIXED))


def _screened(name: Name, given: _Given) -> Recipe:
    return Recipe(_first(name, given))


def _hybrid(name: Name, given: _Given) -> Recipe:
    levels = (*_first(name, given), RecipeLevel(FORWARD_PASS, "sampled"))
    return Recipe(levels, RecipeLaw(FIXED))


def _cascade(name: Name, given: _Given) -> Recipe:
    checks = (RecipeLevel(COPYING, "passed through"), RecipeLevel(FROM_TABLES, "sampled"))
    target = given.get("target")
    law = RecipeLaw(FIXED_OR_INTERRUPTED, {"draws": given.get("draws")})
    if target is not None:
        law = RecipeLaw(ANYTIME, {"target": target})
    return Recipe((*_first(name, given), *checks), law)


def _entries(name: Name, given: _Given) -> Recipe:
    if name.variant not in ("", "counted"):
        certain = RecipeLevel(NOISE, "enumerated", {"noise": name.variant})
        return Recipe((RecipeLevel(STRUCTURE, "enumerated"), certain))
    structure = RecipeLevel(STRUCTURE, "enumerated" if name.variant else "sampled")
    noise = RecipeLevel(ENTRIES, "sampled", {"paths": given["paths"]})
    return Recipe((structure, noise), RecipeLaw(FIXED))


def _first(name: Name, given: _Given) -> tuple[RecipeLevel, ...]:
    """The screen, if there is one."""
    return () if name.screen is None else (_screen(name.screen, given),)


def _screen(screen: ScreenName, given: _Given) -> RecipeLevel:
    base, _, variant = screen.base.partition(":")
    if base == DEFAULT_SCREEN:
        settings = {"grid_points": given["grid_points"]}
    elif screen.own_noise:
        settings = {"noise": screen.noise or screen.own_noise}
    else:
        settings = {"mean_diff": variant != _NO_MEAN_DIFF}
    return RecipeLevel(base, "enumerated", settings)


_KINDS: dict[str, Callable[[Name, _Given], Recipe]] = {
    "brute-force": _brute_force,
    "iid": _iid,
    "screen": _screened,
    "hybrid": _hybrid,
    "cascade": _cascade,
    "entries": _entries,
}
