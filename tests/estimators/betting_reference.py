"""Betting intervals written from the paper, one number at a time, with no thought for speed.

Waudby-Smith & Ramdas (2024): the capital of Theorem 3, its version without replacement of
section 5, and the truncation of their equation 26, here with c = 0.9. The bets are those of
Theorem 2.25 of docs/theory.md; Chernoff's and Serfling's bounds stand beside them as in 2.34.
Also what the benchmarks compare with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

TRUNCATION = 0.9


def bets_for_lower_end(
    x: Sequence[float], log_inverse: float, population: int | None, aim: int | None = None
) -> list[float]:
    """The bet on each draw, from the draws before it; aimed at all of them or at `aim`."""
    n = len(x)
    pull = [1.0] * n
    if aim is None and population is not None:
        pull = [population / (population - t) for t in range(n)]
    power = sum(a * a for a in pull) if aim is None else aim
    r = math.sqrt(2 * log_inverse / power)
    bets = []
    draws, total, squares, cubes = 2, 1.0, 0.5, -0.25
    for value, weight in zip(x, pull, strict=True):
        variance, skew = squares / draws, cubes / squares
        reach = min(r, 1.5 * math.sqrt(variance) / skew) if skew > 0 else r
        gap = weight * (math.sqrt(variance) * reach - skew * reach * reach / 3)
        bets.append(gap / max(variance - skew * gap, variance / 4))
        draws, total = draws + 1, total + value
        squares += (value - total / draws) ** 2
        cubes += (value - total / draws) ** 3
    return bets


def log_capital(
    x: Sequence[float], bets: Sequence[float], mean: float, population: int | None
) -> float:
    """log K_n(mean)."""
    log, seen = 0.0, 0.0
    for t, (value, bet) in enumerate(zip(x, bets, strict=True)):
        own = mean if population is None else (population * mean - seen) / (population - t)
        own = min(max(own, 0.0), 1.0)
        stake = bet if own == 0 else min(bet, TRUNCATION / own)
        log += math.log1p(stake * (value - own))
        seen += value
    return log


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
    x: Sequence[float],
    log_inverse: float,
    population: int | None = None,
    *,
    bets: Sequence[float] = (),
    horizon: int | None = None,
) -> float:
    """The infimum of the means that the capital does not rule out after the last draw.

    The capital is that of the `bets`, or with a `horizon` the anytime one, its aims up to four
    times that many draws.
    """
    plans = [(0.0, list(bets))]
    if horizon is not None:
        plans = []
        while 4 ** len(plans) < 4 * horizon:
            j = len(plans)
            prior = math.log((j + 1) * (j + 2))
            aim = 4 ** (j + 1)
            bets = bets_for_lower_end(x[:aim], log_inverse + prior, population, aim)
            plans.append((prior, bets))
    lo = 0.0 if population is None else sum(x) / population
    hi = 1.0 if population is None else (sum(x) + population - len(x)) / population

    def excess(mean: float) -> float:
        capital = sum(
            math.exp(log_capital(x[: len(bets)], bets, mean, population) - prior)
            for prior, bets in plans
        )
        return math.log(capital) - log_inverse

    return _last_ruled_out(excess, lo, hi)


def mean_lower_end(x: Sequence[float], log_inverse: float, population: int | None = None) -> float:
    """The largest mean that Chernoff's bound rules out, or without replacement Serfling's."""
    n, mean = len(x), math.fsum(x) / len(x)

    def term(share: float, expected: float) -> float:
        if share == 0:
            return 0.0
        return math.inf if expected == 0 else share * math.log(share / expected)

    def excess(tried: float) -> float:
        return n * (term(mean, tried) + term(1 - mean, 1 - tried)) - log_inverse

    end = _last_ruled_out(excess, 0.0, mean)
    if population is None:
        return end
    left = min(1 - (n - 1) / population, (1 - n / population) * (1 + 1 / n))
    return max(end, mean - math.sqrt(left * log_inverse / (2 * n)))


def fixed_lower_end(x: Sequence[float], log_inverse: float, population: int | None) -> float:
    """The largest mean ruled out by the bets, or by the mean of the draws with a part of δ."""
    part = min(max(log_inverse / len(x), 1e-9), 1 / 20)
    by_mean = mean_lower_end(x, log_inverse + math.log(1 / part), population)
    aim = bets_for_lower_end(x, log_inverse, population)
    by_bets = lower_end(x, log_inverse - math.log(1 - part), population, bets=aim)
    return max(by_mean, min(by_bets, math.fsum(x) / len(x)))


def interval(x: Sequence[float], delta: float, population: int | None = None) -> list[float]:
    """Both ends at δ/2 each."""
    log_inverse = math.log(2 / delta)
    flipped = [1 - value for value in x]
    return [
        fixed_lower_end(x, log_inverse, population),
        1 - fixed_lower_end(flipped, log_inverse, population),
    ]


def running_interval(
    x: Sequence[float], delta: float, population: int | None = None
) -> tuple[list[float], list[float]]:
    """The running intersection of the anytime intervals, every end solved for on its own."""
    log_inverse = math.log(2 / delta)
    lower, upper = [], []
    for t in range(1, len(x) + 1):
        flipped = [1 - value for value in x[:t]]
        lower.append(lower_end(x[:t], log_inverse, population, horizon=len(x)))
        upper.append(1 - lower_end(flipped, log_inverse, population, horizon=len(x)))
    for t in range(1, len(x)):
        lower[t], upper[t] = max(lower[t - 1], lower[t]), min(upper[t - 1], upper[t])
    return lower, upper
