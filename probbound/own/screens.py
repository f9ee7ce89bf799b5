"""What is known before the exact check: what an enumerated screen left, and cheap sound checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from probbound.populations.contract import Population


@dataclass(frozen=True)
class Left:
    """An enumerated screen, given by what it left: every bad member is in `population`.

    Its weights are in the units of the population that it was left of, so that the share that
    was left is the ratio of the two masses. That the rest is good is the user's word.
    """

    name: str
    population: Population


@dataclass(frozen=True)
class Cheap:
    """A cheap sound check: it passes (True) only what the exact check would pass.

    That it is sound is the user's word.
    """

    name: str
    check: Callable[[Any], Any]
    version: str | None = None


Screen = Left | Cheap
