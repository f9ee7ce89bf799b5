"""The betting bound on a mean, from its statements (Theorems 2.25, 2.33 and 2.34)."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from probbound.check.bounds import root

_CAP = 0.9
_EPS = 2.0**-52
_LEAST_PART, _MOST_PART = 1e-9, 0.05


def upper_mean(
    values: np.ndarray, largest: float, log_delta: float, population: int | None = None
) -> float:
    """What the mean of the law of values in [0, largest] exceeds with probability at most δ.

    The values (n,) are independent, in the order drawn, or the first n of a population in random
    order, whose mean is bounded; n was fixed beforehand.
    """
    n = len(values)
    if n == 0:
        return largest
    upper = unit_upper(np.clip(values / largest, 0.0, 1.0), log_delta, population)
    return min(largest * upper + _EPS * (n + 12) * largest, largest)


def unit_upper(shares: np.ndarray, log_delta: float, population: int | None = None) -> float:
    """The bound of 2.34 from shares (n,) in [0, 1], n > 0, before its end is moved outwards.

    Without replacement they are the first n of a population in random order.
    """
    n = len(shares)
    aims = np.ones(n) if population is None else population / (population - np.arange(n))
    bets = _bets(1 - shares, math.sqrt(-2 * log_delta / float((aims * aims).sum())), aims)
    part = min(max(-log_delta / n, _LEAST_PART), _MOST_PART)
    wanted = _wanted(log_delta + math.log1p(-part), n)
    mean, least, most = float(shares.mean()), 0.0, 1.0
    before = np.concatenate([[0.0], shares.cumsum()[:-1]])
    if population is not None:
        total = math.fsum(shares)
        least, most = total / population, (total + population - n) / population

    def excess(bound: float) -> float:
        bounds = bound
        if population is not None:
            bounds = (population * bound - before) / (population - np.arange(n))
        return _log_capital(shares, bets, bounds) - wanted

    by_bets = root(excess, least)
    by_mean = _upper_by_mean(mean, n, log_delta + math.log(part), population)
    return min(max(by_bets, mean), by_mean, most)


def _upper_by_mean(mean: float, n: int, log_delta: float, population: int | None) -> float:
    """Chernoff's bound from the mean of n numbers in [0, 1], rounded up first (Theorem 2.33)."""
    mean = min(mean + _EPS * (n + 8), 1.0)

    def excess(bound: float) -> float:
        divergence = special.kl_div(mean, bound) + special.kl_div(1 - mean, 1 - bound)
        return n * float(divergence) - _wanted(log_delta, n)

    by_chernoff = root(excess, mean)
    if population is None:
        return by_chernoff
    left = min(1 - (n - 1) / population, (1 - n / population) * (1 + 1 / n))
    return min(by_chernoff, mean + math.sqrt(left * _wanted(log_delta, n) / (2 * n)))


def _wanted(log_delta: float, n: int) -> float:
    """log(1/δ), and more than the error of n logarithms."""
    return -log_delta + 64 * _EPS * (n - log_delta)


def _log_capital(shares: np.ndarray, bets: np.ndarray, bound: float | np.ndarray) -> float:
    """Of somebody who bet that 1 - shares have a larger mean than m = 1 - bound.

    `bound` may be one for each draw, given those before; one above 1 cannot be.
    """
    if isinstance(bound, np.ndarray) and (bound > 1).any():
        return math.inf
    with np.errstate(divide="ignore", invalid="ignore"):
        stakes = np.minimum(bets, _CAP / (1 - np.asarray(bound)))
        return float(np.log1p(stakes * (bound - shares)).sum())


def _bets(draws: np.ndarray, aim: float, aims: np.ndarray | None = None) -> np.ndarray:
    """The bets of 2.25, each from the draws before; `aim` is r, `aims` (n,) the a_t, or all one.

    The sums of squares and cubes are of distances from the mean of the draws so far, and hold two
    imagined draws to begin with.
    """
    bets = np.empty(len(draws))
    weights = (np.ones(len(draws)) if aims is None else aims).tolist()
    total, squares, cubes = 1.0, 0.5, -0.25
    for before, draw in enumerate(map(float, draws)):
        variance, skew = squares / (before + 2), cubes / squares
        deviation = math.sqrt(variance)
        reach = min(aim, 1.5 * deviation / skew) if skew > 0 else aim
        distance = weights[before] * (deviation * reach - skew * reach * reach / 3)
        bets[before] = distance / max(variance - skew * distance, variance / 4)
        total += draw
        away = draw - total / (before + 3)
        squares, cubes = squares + away * away, cubes + away * away * away
    return bets
