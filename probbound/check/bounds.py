"""Bounds on a rate, straight from their definitions: found by SciPy, proven in decimals."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import numpy as np
import scipy

from probbound.check.tails import log_beta_mixture, log_binomial_tail, log_finite_tail

_FEW = 1000
_AT_ONCE = 1 << 22


def up(value: Fraction) -> float:
    """The least float that is not below."""
    nearest = float(value)
    return nearest if Fraction(nearest) >= value else math.nextafter(nearest, math.inf)


def clopper_pearson(k: int, n: int, log_delta: float) -> float:
    """A U with P(Bin(n, U) <= k) at most δ, hardly above the least (Theorems 2.3 and 6.8)."""
    if n == 0 or k >= n:
        return 1.0
    least = -math.expm1(log_delta / n)
    if k:
        least = root(lambda p: log_delta - _log_tail(k, n, p), 0.0)
    return _proven(least, lambda p: log_binomial_tail(k, n, p) <= lowered(log_delta))


def anytime(k: int, n: int, log_delta: float) -> float:
    """A U beyond which the mixture of Theorem 2.6 is at least 1/δ, hardly above the least (6.8)."""
    if n == 0:
        return 1.0

    def log_mixture(p: float) -> float:
        tail = math.log(scipy.special.betainc(k + 1, n - k + 1, p))
        return tail - math.log((n + 1) * p) - _log_mass(k, n, p)

    least = root(lambda p: log_mixture(p) + log_delta, k / n)
    return _proven(least, lambda p: log_beta_mixture(k, n, p) >= -lowered(log_delta))


def hypergeometric(k: int, n: int, population: int, log_delta: float) -> float:
    """The largest share of a population that n different members, k of them marked, allow (2.4).

    K marked are allowed if at most k of n are with a probability above δ (6.8).
    """
    below, most = k, population - (n - k)
    above = most
    while below < above:
        middle = (below + above + 1) // 2
        if _log_finite_tail(k, n, middle, population) > log_delta:
            below = middle
        else:
            above = middle - 1
    while below < most and log_finite_tail(k, n, below + 1, population) > lowered(log_delta):
        below += 1
    return up(Fraction(below, population))


def _proven(least: float, holds: Callable[[float], bool]) -> float:
    """`least`, a little larger, so that it `holds`; 1 if that is not seen below."""
    for digits in range(15, 0, -1):
        wider = least * (1 + 10.0**-digits)
        if wider >= 1:
            return 1.0
        if holds(wider):
            return wider
    return 1.0


def lowered(log_delta: float) -> Decimal:
    """No more than log δ, of which `log_delta` is a rounding."""
    return Decimal(log_delta * (1 + 2.0**-48))


def _log_finite_tail(k: int, n: int, marked: int, population: int) -> float:
    """log P(X <= k) for the number X of marked members among n different ones."""
    least = max(0, n + marked - population)
    spared = (n, marked) if least == 0 else (population - n, population - marked)
    i = np.arange(least, k, dtype=np.float64)
    ratios = np.log((n - i) * (marked - i) / ((i + 1) * (population - marked - n + i + 1)))
    terms = np.concatenate([[0.0], ratios.cumsum()])
    return _log_disjoint(*spared, population) + float(np.logaddexp.reduce(terms))


def _log_disjoint(n: int, marked: int, population: int) -> float:
    """log P(X = 0)."""
    few, many = sorted((n, marked))
    parts = (np.arange(at, min(at + _AT_ONCE, few)) for at in range(0, few, _AT_ONCE))
    return math.fsum(float(np.log1p(-many / (population - part)).sum()) for part in parts)


def _log_tail(k: int, n: int, p: float) -> float:
    """log P(Bin(n, p) <= k), also where the probability is below the least float."""
    tail = float(scipy.special.betaincc(k + 1, n - k, p))
    if tail > 1e-290:
        return math.log(tail)
    ratio = total = 1.0
    for i in range(k, 0, -1):
        ratio *= i * (1 - p) / ((n - i + 1) * p)
        total += ratio
        if ratio < 1e-17 * total:
            break
    return _log_mass(k, n, p) + math.log(total)


def _log_mass(k: int, n: int, p: float) -> float:
    """log P(Bin(n, p) = k)."""
    few = min(k, n - k)
    choices = (
        math.fsum(math.log((n - i) / (i + 1)) for i in range(few))
        if few <= _FEW
        else -math.log(n + 1) - float(scipy.special.betaln(n - k + 1, k + 1))
    )
    return choices + float(scipy.special.xlogy(k, p)) + float(scipy.special.xlog1py(n - k, -p))


def root(rising: Callable[[float], float], low: float) -> float:
    """The p in (low, 1) at which a rising function reaches zero, by bisection, rounded up.

    1 if it is not seen to; what is not a number has not reached it.
    """
    below, above = low, 1.0
    while (middle := (below + above) / 2) not in (below, above):
        if rising(middle) >= 0:
            above = middle
        else:
            below = middle
    return above
