"""Ends of intervals for counts, proven in decimals (Theorems 2.3, 2.4, 2.6, 2.7 and 6.11)."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from probbound.check.bounds import anytime, clopper_pearson, lowered
from probbound.check.tails import (
    log_beta_mixture_below,
    log_binomial_upper_tail,
    log_finite_tail,
    log_uniform_mixture,
)

SLACK = Fraction(1, 10**9)  # of a float end, that a certificate may be inside ours by (6.2)
_BY_WHOLE_NUMBERS = 200
_CLOSE = 2.0**-40


def most_share(k: int, n: int, rest: int | None, delta: float, *, at_any_time: bool) -> Fraction:
    """What the marked share is at most, k of n draws being marked, but for `SLACK` of floats.

    Without replacement from `rest` tickets, with it if that is None; fixed-n or at any time.
    """
    if rest is None:
        upper = (anytime if at_any_time else clopper_pearson)(k, n, math.log(delta))
        return Fraction(upper) * (1 - SLACK) if upper < 1 else Fraction(1)
    return Fraction(most_marked(k, n, rest, delta, at_any_time=at_any_time), rest)


def least_share(k: int, n: int, rest: int | None, delta: float, *, at_any_time: bool) -> Fraction:
    """What the marked share is at least, likewise."""
    if rest is not None:
        most = most_marked(n - k, n, rest, delta, at_any_time=at_any_time)
        return Fraction(rest - most, rest)
    if k == 0:
        return Fraction(0)
    wanted, highest = lowered(math.log(delta)), min(k / n, 1 - 2.0**-53)
    if at_any_time:
        lower = _largest(highest, lambda p: log_beta_mixture_below(k, n, p) >= -wanted)
    else:
        lower = _largest(highest, lambda p: log_binomial_upper_tail(k, n, p) <= wanted)
    return Fraction(lower) * (1 + SLACK)


def most_marked(k: int, n: int, population: int, delta: float, *, at_any_time: bool) -> int:
    """How many of a population may be marked where k of n different ones are.

    The largest number that is not rejected: by its tail at most δ (2.4), or its mixture at least
    1/δ (2.7). Of few draws tails are compared with δ in whole numbers.
    """
    wanted = lowered(math.log(delta))

    def kept(marked: int) -> bool:
        if at_any_time:
            return log_uniform_mixture(k, n, marked, population) < -wanted
        if n <= _BY_WHOLE_NUMBERS:
            return _tail(k, n, marked, population) > Fraction(delta)
        return log_finite_tail(k, n, marked, population) > wanted

    below, above = k, population - (n - k)
    while below < above:
        middle = (below + above + 1) // 2
        if kept(middle):
            below = middle
        else:
            above = middle - 1
    return below


def _tail(k: int, n: int, marked: int, population: int) -> Fraction:
    """P(X <= k), X the marked among n different members."""
    rest = population - marked
    ways = sum(math.comb(marked, i) * math.comb(rest, n - i) for i in range(k + 1))
    return Fraction(ways, math.comb(population, n))


def _largest(most: float, holds: Callable[[float], bool]) -> float:
    """Hardly below the largest p <= most that `holds`, which all smaller ones do; 0 if none is."""
    below = above = most
    while not holds(below):
        above, below = below, below / 2 if below > 1e-3 * most else below * below / most
        if below < 1e-320:
            return 0.0
    while above - below > _CLOSE * below:
        middle = (below + above) / 2
        below, above = (middle, above) if holds(middle) else (below, middle)
    return below
