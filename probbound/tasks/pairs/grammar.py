"""What the strategies of a task over pairs are called; light enough for who only names them.

NAME   := auto | brute-force | iid | SCREEN | hybrid[:SCREEN] | cascade[:SCREEN]
SCREEN := the name of a screen, or NAME:RANK, as in low-rank:12
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from probbound.contract.defaults import AUTO
from probbound.machine.errors import UserError

BRUTE_FORCE, IID, SCREEN, HYBRID, CASCADE = "brute-force", "iid", "screen", "hybrid", "cascade"
_ON_SCREENS = (HYBRID, CASCADE)


@dataclass(frozen=True)
class ScreenName:
    """A screen and its rank, None where none was given."""

    base: str
    rank: int | None = None


@dataclass(frozen=True)
class Name:
    """A name taken apart: `kind` is "screen" where a screen stands alone."""

    kind: str
    screen: ScreenName | None = None


@dataclass(frozen=True)
class PairGrammar:
    """The screens of a task by name, each with its usual rank.

    The first is that of `hybrid` and `cascade` alone.
    """

    screens: Mapping[str, int]

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
        return Name(SCREEN, self._screen(name, name))

    def _screen(self, text: str, name: str) -> ScreenName:
        base, colon, number = text.partition(":")
        known = base in self.screens and (not colon or (number.isascii() and number.isdigit()))
        if not known or len(number) > 9:
            raise UserError(f"there is no strategy {name!r}; choose from {self.strategy_summary()}")
        return ScreenName(base, int(number) if colon else None)

    def rank(self, screen: ScreenName, size: int) -> int:
        """Its rank among so many pairs: the usual one, or all there is, where none was given."""
        if screen.rank is not None:
            return screen.rank
        return min(self.screens[screen.base], math.isqrt(size))

    def strategy_names(self) -> list[str]:
        """Every name but auto, and but those with a number."""
        on_screens = [f"{kind}:{screen}" for kind in _ON_SCREENS for screen in self.screens]
        return [BRUTE_FORCE, IID, *self.screens, *_ON_SCREENS, *on_screens]

    def strategy_summary(self) -> str:
        """The names of all strategies, numbers as what they are called."""
        screens = [f"{screen}[:RANK]" for screen in self.screens]
        on_screens = [f"{kind}[:SCREEN]" for kind in _ON_SCREENS]
        return ", ".join([BRUTE_FORCE, IID, *screens, *on_screens])
