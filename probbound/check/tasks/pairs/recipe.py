"""What a certificate over pairs says is run: levels and a law, of which each meaning has one form.

Whatever is not that form is refused, since a second one would be a second seed to try (6.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from probbound.check import rules
from probbound.check.report import Refused
from probbound.check.tasks.arithmetic import RUN
from probbound.check.tasks.recipes import require_settings

LOW_RANK, GATES, ROTATING_FRAME = "low-rank", "gates", "rotating-frame"
INTEGRAL, NORMS = "integral", "norms"
FIXED, FIXED_OR_INTERRUPTED, ANYTIME = "fixed", "fixed or interrupted", "anytime"
_SCREENS: dict[str, dict[str, rules.Rule]] = {
    LOW_RANK: {"rank": rules.positive},
    GATES: {"rank": rules.positive, "levels": rules.positive},
    ROTATING_FRAME: {"waves": rules.positive, "beside": rules.count},
    INTEGRAL: {},
    NORMS: {},
}
STRUCTURE, NOISE, ENTRIES = "pattern of gates", "noise", "noise entries"
_OF_ENTRIES: dict[str, dict[str, rules.Rule]] = {
    NOISE: {"noise": rules.one_of("exact", "sums", "row-max", "absolute", "norm")},
    ENTRIES: {},
}
LAWS: dict[str, dict[str, rules.Rule]] = {
    FIXED: {},
    FIXED_OR_INTERRUPTED: {"draws": rules.maybe(rules.count)},
    ANYTIME: {"target": rules.inside},
}
_OF_CHECKED = (FIXED_OR_INTERRUPTED, ANYTIME)
_SCREEN = "a screen"
_RUNS: dict[tuple[tuple[str, str], ...], tuple[str | None, ...]] = {
    ((RUN, "enumerated"),): (None,),
    ((RUN, "sampled"),): (FIXED,),
    ((_SCREEN, "enumerated"),): (None,),
    ((_SCREEN, "enumerated"), (RUN, "sampled")): (FIXED,),
    ((_SCREEN, "passed through"), (RUN, "sampled")): _OF_CHECKED,
    ((STRUCTURE, "enumerated"), (ENTRIES, "sampled")): (FIXED,),
    ((STRUCTURE, "enumerated"), (NOISE, "enumerated")): (None,),
}


@dataclass(frozen=True)
class Screen:
    """A screen by name, of so many directions of the output matrix, 0 if it has no rank.

    `waves` are frequencies of the output, `beside` directions beside them; `noise` is how what a
    pattern of gates loses is bounded.
    """

    name: str
    rank: int = 0
    levels: int | None = None
    waves: int = 0
    beside: int = 0
    noise: str = ""

    @classmethod
    def of(cls, level: Mapping[str, Any], noise: str = "") -> Screen:
        """Of a level of a recipe whose settings are known ones."""
        settings = {name: level[name] for name in level if name not in ("level", "mode")}
        return cls(level["level"], **settings, noise=noise)


@dataclass(frozen=True)
class Recipe:
    """Perhaps a screen, enumerated or passed through, and perhaps draws under a law.

    `pattern` is the pattern of gates of which entries are drawn, if any are.
    """

    levels: tuple[tuple[str, str], ...]
    screen: Screen | None
    law: str | None
    draws: int | None = None
    target: float | None = None
    pattern: Screen | None = None

    @property
    def cascade(self) -> bool:
        """Whether draws of all pairs pass the screen."""
        return self.levels[0][1] == "passed through"

    @property
    def budgeted(self) -> bool:
        """Whether a budget of forward passes decides anything."""
        return self.levels[-1] in ((RUN, "sampled"), (ENTRIES, "sampled"))

    @property
    def may_stop(self) -> bool:
        """Whether its law holds where the user interrupts."""
        return self.law in _OF_CHECKED

    @property
    def text(self) -> str:
        """For people."""
        return ", ".join(f"{name} {mode}" for name, mode in self.levels)


def recipe_of(found: Any, claim: Mapping[str, Any]) -> Recipe:
    """A recipe of a claim, from JSON.

    Raises:
        Refused: if it has a level, a mode, a law or a setting that there is not, or is not in the
            one form of what it means.
    """
    del claim
    levels, law = found["levels"], found["law"]
    known = {**_SCREENS, **_OF_ENTRIES, RUN: {}, STRUCTURE: _pattern(levels)}
    for level in levels:
        require_settings("level", level, known, {"mode": rules.text})
    rows = tuple((level["level"], level["mode"]) for level in levels)
    shape = tuple((_SCREEN if name in _SCREENS else name, mode) for name, mode in rows)
    if shape not in _RUNS:
        raise Refused(f"no strategy runs {', '.join(f'{name} {mode}' for name, mode in rows)}")
    named = None if law is None else law.get("law")
    if named not in _RUNS[shape]:
        raise Refused(f"the law {str(named)[:80]!r} is none that such levels are drawn by")
    if law is not None:
        require_settings("law", law, LAWS, {})
    settings, first = law or {}, levels[0]
    screen = Screen.of(first) if shape[0][0] == _SCREEN else None
    if shape[-1][0] == NOISE:
        screen = Screen.of(first, levels[-1]["noise"])
    pattern = Screen.of(first) if shape[-1][0] == ENTRIES else None
    return Recipe(rows, screen, named, settings.get("draws"), settings.get("target"), pattern)


def _pattern(levels: Sequence[Mapping[str, Any]]) -> dict[str, rules.Rule]:
    """The settings of a pattern of gates: how far gates are away decides in two treatments only."""
    looked = any(level.get("noise") in ("sums", "row-max") for level in levels)
    return _SCREENS[GATES] if looked else _SCREENS[LOW_RANK]


def run_by(predicate: Mapping[str, Any]) -> Recipe:
    """What ran.

    Raises:
        Refused: as `recipe_of`.
    """
    return recipe_of(predicate["ran"]["recipe"], predicate["claim"])
