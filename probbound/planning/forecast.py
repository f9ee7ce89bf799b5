"""What a planner knows of a source of draws, and what it says of a strategy."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from probbound.contract.residue import Residue
from probbound.machine.errors import UserError

MOST_SAMPLES = 10**15
LARGEST_BUDGET = 1e15


@dataclass(frozen=True)
class Forecast:
    """One strategy with its knobs, the bound it is predicted to give, and its predicted cost.

    `weighted` is 1 - the confidence-weighted accuracy. `at_best`: what the screen leaves is not
    known, and the bound and the cost are the best that is possible. `note` says why of `entries`.
    """

    strategy: str
    failure_upper: float
    cost: float
    budget: int = 0
    draws: int | None = None
    delta: float = 0.0
    weighted: float = 1.0
    at_best: bool = False
    note: str = ""

    @property
    def samples(self) -> int:
        """Draws that the bound rests on."""
        return self.budget if self.draws is None else self.draws


@dataclass(frozen=True)
class Passed:
    """How many draws a pilot made, how many the copying check left, and how many were wrong."""

    draws: int = 0
    left: int = 0
    wrong: int = 0

    @property
    def kept(self) -> float:
        """The share that the copying check leaves, never 0."""
        return share_seen(self.left, self.draws)

    @property
    def failing(self) -> float:
        """The share answered wrongly, never 0."""
        return share_seen(self.wrong, self.draws)


@dataclass(frozen=True)
class Measured:
    """A deterministic screen that a plan has run: what it leaves, and a pilot of that.

    It costs `shared` beside tables and `alone` without. Its residue may be used as it is, since
    no randomness is in it (Theorem 4.25).
    """

    residue: Residue
    shared: int
    alone: int
    seen: Passed


@dataclass(frozen=True)
class Source:
    """Where draws come from: all inputs, or what a screen leaves. Shares are of the source.

    `kept` is what the copying check leaves of it. A screen costs `alone`, or `shared` beside
    tables; `members` is how many sequences it left, None if they cannot be listed; a `sampled` one
    spends δ; of one that is `at_best` only this is known, that it leaves no less.
    """

    screen: str
    share: float
    kept: float
    wrong: float
    alone: float = 0.0
    shared: float = 0.0
    draw: Callable[[int], float] = lambda _: 0.0
    members: int | None = None
    sampled: bool = False
    at_best: bool = False

    def named(self, kind: str) -> str:
        """The strategy of that kind on this source."""
        return f"{kind}:{self.screen}" if self.screen else kind


def share_seen(hits: int | float, draws: int) -> float:
    """(hits + ½) / (draws + 1): what nobody has seen may still be there."""
    return (hits + 0.5) / (draws + 1)


def largest(holds: Callable[[int], bool], most: int) -> int:
    """The largest integer up to `most` at which a condition that fails from some point on holds."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def cheapest_for(
    target: float,
    forecasts: Callable[[float], list[Forecast]],
    unit: float = 1.0,
    named: Callable[[str], object] = str,
) -> list[Forecast]:
    """The cheapest way in which each strategy is predicted to reach a failure rate.

    `forecasts` makes those of a budget, of which 46 are tried, from 10^6 to 10^15 units. Strategies
    that are `named` the same are one.
    """
    reached: dict[object, Forecast] = {}
    for budget in np.geomspace(1e6, LARGEST_BUDGET, 46) * unit:
        for forecast in forecasts(float(budget)):
            if forecast.failure_upper <= target:
                reached.setdefault(named(forecast.strategy), forecast)
    return sorted(reached.values(), key=lambda forecast: (forecast.at_best, forecast.cost))


def checked_amount(name: str, amount: float) -> float:
    """A budget or target that is a positive number.

    Raises:
        UserError: if it is not.
    """
    if not (math.isfinite(amount) and amount > 0):
        raise UserError(f"{name} must be a positive number, got {amount}")
    return amount
