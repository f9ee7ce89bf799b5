"""What a certificate says is run: levels and a law as data, of which each meaning has one form.

Whatever is not that form is refused, since a second one would be a second seed to try (6.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probbound.check import rules
from probbound.check.report import Refused
from probbound.check.tasks.max_of_k.listing import LIMIT
from probbound.check.tasks.max_of_k.noise import SPREADS
from probbound.check.tasks.recipes import FIXED, OF_CHECKED, run_of
from probbound.check.tasks.recipes import Rows as Shape

CUBIC, SUB_CUBIC, SKETCH = "cubic", "sub-cubic", "sketch"
FORWARD_PASS, FROM_TABLES, COPYING = "forward pass", "forward pass from tables", "copying"
STRUCTURE, NOISE, ENTRIES = "structure with tolerated noise", "noise", "noise entries"

ALL_RUN: Shape = ((FORWARD_PASS, "enumerated"),)
RUN: Shape = ((FORWARD_PASS, "sampled"),)
LOOKED_UP: Shape = ((FROM_TABLES, "sampled"),)
CHECKED: Shape = ((COPYING, "passed through"), (FROM_TABLES, "sampled"))
CASES: Shape = ((STRUCTURE, "sampled"), (ENTRIES, "sampled"))
COUNTED: Shape = ((STRUCTURE, "enumerated"), (ENTRIES, "sampled"))
CERTAIN: Shape = ((STRUCTURE, "enumerated"), (NOISE, "enumerated"))

_LINEAR = ("recursive", "frobenius", SKETCH)
NOISE_OF = {  # the rungs that split a path, and what bounds their noise
    **dict.fromkeys(("low-rank-qk", "low-rank-eu", "low-rank-qk-eu"), (*SPREADS, SKETCH)),
    **dict.fromkeys(("quadratic-qk", "quadratic-qk-eu"), _LINEAR),
}
_SCREENS: dict[str, dict[str, rules.Rule]] = {
    CUBIC: {"grid_points": rules.maybe(rules.positive)},
    SUB_CUBIC: {"mean_diff": rules.flag},
    **{name: {"noise": rules.one_of(*choices)} for name, choices in NOISE_OF.items()},
}
_SETTINGS: dict[str, dict[str, rules.Rule]] = {
    **_SCREENS,
    FORWARD_PASS: {},
    FROM_TABLES: {},
    COPYING: {},
    STRUCTURE: {},
    ENTRIES: {"paths": rules.one_of("joint", "separate")},
    NOISE: {"noise": rules.one_of(*SPREADS)},
}
_SCREEN: Shape = (("a screen", "enumerated"),)
_RUNS: dict[Shape, tuple[str | None, ...]] = {
    _SCREEN: (None,),
    (*_SCREEN, *RUN): (FIXED,),
    (*_SCREEN, *CHECKED): OF_CHECKED,
    ALL_RUN: (None,),
    RUN: (FIXED,),
    LOOKED_UP: (FIXED,),
    CHECKED: OF_CHECKED,
    CASES: (FIXED,),
    COUNTED: (FIXED,),
    CERTAIN: (None,),
}


@dataclass(frozen=True)
class Screen:
    """A screen that is enumerated: the additive one, counted on a grid or listed, or a rung."""

    name: str
    noise: str | None = None
    mean_diff: bool = True
    grid_points: int | None = None

    @property
    def text(self) -> str:
        """As the levels of a certificate name it."""
        if self.noise is not None:
            return f"{self.name}:{self.noise}"
        return self.name if self.mean_diff else f"{self.name}:no-mean-diff"

    @property
    def by_chance(self) -> bool:
        """Whether it spends δ."""
        return self.noise == SKETCH


@dataclass(frozen=True)
class Recipe:
    """A screen, if there is one, and the `rest` that comes behind it, under a law.

    `noise` is how that of `entries` is bounded, or the paths along which it is sampled.
    """

    screen: Screen | None
    rest: Shape
    law: str | None = None
    noise: str | None = None
    draws: int | None = None
    target: float | None = None

    @property
    def budgeted(self) -> bool:
        """Whether a budget of inputs or noise entries decides anything."""
        return any(mode == "sampled" for _, mode in self.rest)

    @property
    def may_stop(self) -> bool:
        """Whether its law holds where the user interrupts."""
        return self.law in OF_CHECKED

    @property
    def text(self) -> str:
        """For people."""
        names = [self.screen.text] if self.screen else []
        return ", ".join((*names, *(f"{name} {mode}" for name, mode in self.rest)))


def recipe_of(found: Any, claim: Mapping[str, Any]) -> Recipe:
    """A recipe of a claim, from JSON.

    Raises:
        Refused: if it has a level, a mode, a law or a setting that there is not, or is not in the
            one form of what it means.
    """
    run, levels = run_of(found, _SETTINGS, _RUNS, _kind), found["levels"]
    first, last = levels[0], levels[-1]
    screened = first["level"] in _SCREENS
    screen, rest = Screen(**_settings_of(first)) if screened else None, run.levels[screened:]
    if screen == Screen(CUBIC) and claim["population"]["size"] > LIMIT:
        raise Refused("so many inputs are not listed: its grid is not said")
    noise = last.get("paths", last.get("noise")) if rest else None
    return Recipe(screen, rest, run.law, noise, run.draws, run.target)


def _kind(level: str) -> str:
    return _SCREEN[0][0] if level in _SCREENS else level


def run_by(predicate: Mapping[str, Any]) -> Recipe:
    """What ran.

    Raises:
        Refused: as `recipe_of`.
    """
    return recipe_of(predicate["ran"]["recipe"], predicate["claim"])


def _settings_of(level: Mapping[str, Any]) -> dict[str, Any]:
    settings = {name: value for name, value in level.items() if name not in ("level", "mode")}
    return {"name": level["level"], **settings}
