"""Bounds on a rate, straight from their definitions, by SciPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
from scipy import special

_FEW = 1000
_AT_ONCE = 1 << 22


def up(value: Fraction) -> float:
    """The least float that is not below."""
    nearest = float(value)
    return nearest if Fraction(nearest) >= value else math.nextafter(nearest, math.inf)


def clopper_pearson(k: int, n: int, log_delta: float) -> float:
    """The U with P(Bin(n, U) <= k) = δ (Theorem 2.3), 1 if there is none."""
    if n == 0 or k >= n:
        return 1.0
    if k == 0:
        return -math.expm1(log_delta / n)
    return _root(lambda p: log_delta - _log_tail(k, n, p), 0.0)


def anytime(k: int, n: int, log_delta: float) -> float:
    """sup{p : M_n(p) < 1/δ} for the mixture of Theorem 2.6."""
    if n == 0:
        return 1.0

    def log_mixture(p: float) -> float:
        tail = math.log(special.betainc(k + 1, n - k + 1, p))
        return tail - math.log((n + 1) * p) - _log_mass(k, n, p)

    return _root(lambda p: log_mixture(p) + log_delta, k / n)


def hypergeometric(k: int, n: int, population: int, log_delta: float) -> float:
    """The largest share of a population that n different members, k of them marked, allow (2.4).

    K marked are allowed if at most k of n are with a probability above δ.
    """
    below, above = k, population - (n - k)
    while below < above:
        middle = (below + above + 1) // 2
        if _log_finite_tail(k, n, middle, population) > log_delta:
            below = middle
        else:
            above = middle - 1
    return up(Fraction(below, population))


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
    tail = float(special.betaincc(k + 1, n - k, p))
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
        else -math.log(n + 1) - float(special.betaln(n - k + 1, k + 1))
    )
    return choices + float(special.xlogy(k, p)) + float(special.xlog1py(n - k, -p))


def _root(rising: Callable[[float], float], low: float) -> float:
    """The p in (low, 1) at which a rising function reaches zero, by bisection, rounded up."""
    below, above = low, 1.0
    while (middle := (below + above) / 2) not in (below, above):
        if rising(middle) < 0:
            below = middle
        else:
            above = middle
    return above
