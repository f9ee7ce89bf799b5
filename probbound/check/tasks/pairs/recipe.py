"""What a certificate over pairs says is run: levels and a law, of which each meaning has one form.

Whatever is not that form is refused, since a second one would be a second seed to try (6.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from probbound.check import rules
from probbound.check.tasks.arithmetic import RUN
from probbound.check.tasks.recipes import FIXED, OF_CHECKED, Rows, Run, run_of

LOW_RANK, GATES, ROTATING_FRAME = "low-rank", "gates", "rotating-frame"
INTEGRAL, NORMS = "integral", "norms"
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
_SCREEN = "a screen"
_RUNS: dict[Rows, tuple[str | None, ...]] = {
    ((RUN, "enumerated"),): (None,),
    ((RUN, "sampled"),): (FIXED,),
    ((_SCREEN, "enumerated"),): (None,),
    ((_SCREEN, "enumerated"), (RUN, "sampled")): (FIXED,),
    ((_SCREEN, "passed through"), (RUN, "sampled")): OF_CHECKED,
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
class Recipe(Run):
    """Perhaps a screen, enumerated or passed through, and perhaps draws under a law.

    `pattern` is the pattern of gates of which entries are drawn, if any are.
    """

    screen: Screen | None = None
    pattern: Screen | None = None

    @property
    def budgeted(self) -> bool:
        """Whether a budget of forward passes decides anything."""
        return self.levels[-1] in ((RUN, "sampled"), (ENTRIES, "sampled"))


def recipe_of(found: Any, claim: Mapping[str, Any]) -> Recipe:
    """A recipe of a claim, from JSON.

    Raises:
        Refused: if it has a level, a mode, a law or a setting that there is not, or is not in the
            one form of what it means.
    """
    del claim
    levels = found["levels"]
    known = {**_SCREENS, **_OF_ENTRIES, RUN: {}, STRUCTURE: _pattern(levels)}
    run = run_of(found, known, _RUNS, lambda name: _SCREEN if name in _SCREENS else name)
    (first, *_), last = levels, levels[-1]
    drawn = last["level"] == ENTRIES
    screened = first["level"] in _SCREENS or last["level"] == NOISE
    return Recipe(
        *(run.levels, run.law, run.draws, run.target),
        screen=Screen.of(first, last.get("noise", "")) if screened else None,
        pattern=Screen.of(first) if drawn else None,
    )


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
