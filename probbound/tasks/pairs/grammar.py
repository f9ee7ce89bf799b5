"""What the strategies of a task over pairs are called; light enough for who only names them.

NAME   := auto | brute-force | iid | SCREEN | hybrid[:SCREEN] | cascade[:SCREEN]
        | entries[:NOISE][:RANK]
SCREEN := the name of a screen, or, where it has ranks, NAME:RANK, as in low-rank:12
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from probbound.contract.defaults import AUTO
from probbound.machine.errors import UserError

BRUTE_FORCE, IID, SCREEN, HYBRID, CASCADE = "brute-force", "iid", "screen", "hybrid", "cascade"
ENTRIES = "entries"
ENTRIES_CHOICES = ("exact", "sums", "row-max", "absolute", "norm")
_ON_SCREENS = (HYBRID, CASCADE)


def _as_many_as_values(values: int) -> int:
    return values


@dataclass(frozen=True)
class Usual:
    """The rank that a name without one means: `rank`, or all that there is among p values."""

    rank: int
    most: Callable[[int], int] = _as_many_as_values

    def of(self, values: int) -> int:
        """Among so many values of an operand."""
        return min(self.rank, self.most(values))


@dataclass(frozen=True)
class ScreenName:
    """A screen and its rank, None where none was given, or it has none."""

    base: str
    rank: int | None = None


@dataclass(frozen=True)
class Name:
    """A name taken apart: `kind` is "screen" where a screen stands alone.

    Of `entries` the screen is the one whose pattern is the structure, and `noise` says how what is
    beside it is bounded for certain, "" if it is sampled.
    """

    kind: str
    screen: ScreenName | None = None
    noise: str = ""


@dataclass(frozen=True)
class PairGrammar:
    """The screens of a task by name, each with its usual rank, None if it has none.

    The first is that of `hybrid` and `cascade` alone. `structure` names the one that `entries`
    rests on, if the task has entries.
    """

    screens: Mapping[str, Usual | None]
    structure: str | None = None

    def parsed(self, name: str) -> Name:
        """A name taken apart.

        Raises:
            UserError: if there is none of that name.
        """
        if name in (AUTO, BRUTE_FORCE, IID):
            return Name(name)
        kind, colon, rest = name.partition(":")
        if kind in _ON_SCREENS:
            return Name(kind, self._screen(rest if colon else next(iter(self.screens)), name))
        if kind == ENTRIES and self.structure is not None:
            first, _, others = rest.partition(":")
            noise = first if first in ENTRIES_CHOICES else ""
            rank, given = (others, others or rest.endswith(":")) if noise else (rest, colon)
            text = f"{self.structure}:{rank}" if given else self.structure
            return Name(kind, self._screen(text, name), noise)
        return Name(SCREEN, self._screen(name, name))

    def _screen(self, text: str, name: str) -> ScreenName:
        base, colon, number = text.partition(":")
        known = base in self.screens and (not colon or (number.isascii() and number.isdigit()))
        if not known or len(number) > 9:
            raise UserError(f"there is no strategy {name!r}; choose from {self.strategy_summary()}")
        if colon and self.screens[base] is None:
            raise UserError(f"{base} has no rank to set, so there is no strategy {name!r}")
        return ScreenName(base, int(number) if colon else None)

    def rank(self, screen: ScreenName, size: int) -> int | None:
        """Its rank among so many pairs: the usual one where none was given, None if it has none."""
        usual = self.screens[screen.base]
        if screen.rank is not None or usual is None:
            return screen.rank
        return usual.of(math.isqrt(size))

    def with_noise(self, strategy: str, noise: str) -> str:
        """`strategy` with that treatment of its noise; as it is if it takes none, or names one.

        Raises:
            UserError: as `parsed`.
        """
        name = self.parsed(strategy)
        if name.kind != ENTRIES or name.noise or noise not in ENTRIES_CHOICES:
            return strategy
        return f"{ENTRIES}:{noise}{strategy.removeprefix(ENTRIES)}"

    def strategy_names(self) -> list[str]:
        """Every name but auto, and but those with a number."""
        on_screens = [f"{kind}:{screen}" for kind in _ON_SCREENS for screen in self.screens]
        entries = [] if self.structure is None else [ENTRIES, *_certain()]
        return [BRUTE_FORCE, IID, *self.screens, *_ON_SCREENS, *on_screens, *entries]

    def strategy_summary(self) -> str:
        """The names of all strategies, numbers as what they are called."""
        screens = [
            screen if usual is None else f"{screen}[:RANK]"
            for screen, usual in self.screens.items()
        ]
        on_screens = [f"{kind}[:SCREEN]" for kind in _ON_SCREENS]
        found = ", ".join([BRUTE_FORCE, IID, *screens, *on_screens])
        if self.structure is None:
            return found
        return f"{found}, {ENTRIES}[:NOISE][:RANK] (NOISE one of {', '.join(ENTRIES_CHOICES)})"


def _certain() -> list[str]:
    return [f"{ENTRIES}:{noise}" for noise in ENTRIES_CHOICES]
