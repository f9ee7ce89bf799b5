"""Betting intervals written from the paper, one number at a time, with no thought for speed.

Waudby-Smith & Ramdas (2024): the capital of Theorem 3, its version without replacement of
section 5, and the truncation of their equation 26, here with c = 0.9. The bets are those of
Theorem 2.25 of docs/theory.md. Also what the benchmarks compare with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

TRUNCATION = 0.9


def bets_for_lower_end(
    x: Sequence[float], log_inverse: float, population: int | None, *, anytime: bool = False
) -> list[float]:
    """The bet on each draw, from the draws before it."""
    n = len(x)
    pull = [1.0 if population is None else population / (population - t) for t in range(n)]
    power = sum(a * a for a in pull)
    bets = []
    draws, total, squares, cubes = 2, 1.0, 0.5, -0.25
    for t, value in enumerate(x):
        aim = (t + 1) * math.log(t + 2) if anytime else power
        weight = 1.0 if anytime else pull[t]
        variance, skew = squares / draws, cubes / squares
        r = math.sqrt(2 * log_inverse / aim)
        if skew > 0:
            r = min(r, 1.5 * math.sqrt(variance) / skew)
        gap = weight * (math.sqrt(variance) * r - skew * r * r / 3)
        bets.append(gap / max(variance - skew * gap, variance / 4))
        draws, total = draws + 1, total + value
        squares += (value - total / draws) ** 2
        cubes += (value - total / draws) ** 3
    return bets


def log_capital(
    x: Sequence[float], bets: Sequence[float], mean: float, population: int | None
) -> list[float]:
    """log K_t(mean) after each draw."""
    out, log, seen = [], 0.0, 0.0
    for t, (value, bet) in enumerate(zip(x, bets, strict=True)):
        own = mean if population is None else (population * mean - seen) / (population - t)
        own = min(max(own, 0.0), 1.0)
        stake = bet if own == 0 else min(bet, TRUNCATION / own)
        log += math.log1p(stake * (value - own))
        out.append(log)
        seen += value
    return out


def _last_ruled_out(excess: Callable[[float], float], lo: float, hi: float) -> float:
    if excess(lo) < 0:
        return lo
    if excess(hi) >= 0:
        return hi
    for _ in range(60):
        middle = (lo + hi) / 2
        lo, hi = (middle, hi) if excess(middle) >= 0 else (lo, middle)
    return lo


def lower_end(
    x: Sequence[float], log_inverse: float, population: int | None = None, *, anytime: bool = False
) -> float:
    """The infimum of the means that the capital does not rule out after the last draw."""
    bets = bets_for_lower_end(x, log_inverse, population, anytime=anytime)
    lo = 0.0 if population is None else sum(x) / population
    hi = 1.0 if population is None else (sum(x) + population - len(x)) / population
    return _last_ruled_out(
        lambda mean: log_capital(x, bets, mean, population)[-1] - log_inverse, lo, hi
    )


def interval(x: Sequence[float], delta: float, population: int | None = None) -> list[float]:
    """Both ends at δ/2 each."""
    log_inverse = math.log(2 / delta)
    flipped = [1 - value for value in x]
    return [
        lower_end(x, log_inverse, population),
        1 - lower_end(flipped, log_inverse, population),
    ]


def running_interval(
    x: Sequence[float], delta: float, population: int | None = None
) -> tuple[list[float], list[float]]:
    """The running intersection of the anytime intervals, every end solved for on its own."""
    log_inverse = math.log(2 / delta)
    lower, upper = [], []
    for t in range(1, len(x) + 1):
        flipped = [1 - value for value in x[:t]]
        lower.append(lower_end(x[:t], log_inverse, population, anytime=True))
        upper.append(1 - lower_end(flipped, log_inverse, population, anytime=True))
    for t in range(1, len(x)):
        lower[t], upper[t] = max(lower[t - 1], lower[t]), min(upper[t - 1], upper[t])
    return lower, upper
