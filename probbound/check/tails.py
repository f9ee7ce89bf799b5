"""Logarithms of tails of counts in 60 decimal digits, on the safe side (Theorem 6.8)."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from fractions import Fraction

_CONTEXT = Context(prec=60, Emin=MIN_EMIN, Emax=MAX_EMAX)
_ERROR = Decimal("1e-25")
_NEGLIGIBLE = Decimal("1e-30")
_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
_BY_MULTIPLYING = 64
_STIRLING = tuple(
    Fraction(*pair)
    for pair in (
        (1, 12),
        (-1, 360),
        (1, 1260),
        (-1, 1680),
        (1, 1188),
        (-691, 360360),
        (1, 156),
        (-3617, 122400),
        (43867, 244188),
        (-174611, 125400),
    )
)


def log_binomial_tail(k: int, n: int, p: float) -> Decimal:
    """At least log P(Bin(n, p) <= k), for k <= np and 0 < p < 1."""
    with localcontext(_CONTEXT):
        odds = (1 - Decimal(p)) / Decimal(p)
        return log_binomial_mass(k, n, p) + _log_sum(k, lambda i: i * odds / (n - i + 1))


def log_binomial_upper_tail(k: int, n: int, p: float) -> Decimal:
    """At least log P(Bin(n, p) >= k), for k >= np and 0 < p < 1."""
    with localcontext(_CONTEXT):
        odds = Decimal(p) / (1 - Decimal(p))
        return log_binomial_mass(k, n, p) + _log_sum(n - k, lambda i: i * odds / (n - i + 1))


def log_beta_mixture(k: int, n: int, p: float) -> Decimal:
    """At most the log of the mixture of Theorem 2.6 at p, for k <= np and 0 < p < 1."""
    with localcontext(_CONTEXT):
        above = 1 - log_binomial_tail(k, n + 1, p).exp()
        if above <= 0:
            return Decimal("-Infinity")
        return above.ln() - ((n + 1) * Decimal(p)).ln() - log_binomial_mass(k, n, p) - _ERROR


def log_beta_mixture_below(k: int, n: int, p: float) -> Decimal:
    """At most the log of the mixture of Theorem 2.6 of the n - k at 1 - p, for k >= np."""
    with localcontext(_CONTEXT):
        above = 1 - log_binomial_upper_tail(k + 1, n + 1, p).exp()
        if above <= 0:
            return Decimal("-Infinity")
        rate = ((n + 1) * (1 - Decimal(p))).ln()
        return above.ln() - rate - log_binomial_mass(k, n, p) - _ERROR


def log_uniform_mixture(k: int, n: int, marked: int, population: int) -> Decimal:
    """At most the log of the mixture of Theorem 2.7, k <= marked; infinite if k cannot be."""
    rest = population - marked
    if n - k > rest:
        return Decimal("Infinity")
    with localcontext(_CONTEXT):
        above = 1 - log_finite_tail(k, n + 1, marked + 1, population + 1).exp()
        if above <= 0:
            return Decimal("-Infinity")
        mass = _log_choices(marked, k) + _log_choices(rest, n - k) - _log_choices(population, n)
        ratio = Decimal(population + 1) / Decimal((n + 1) * (marked + 1))
        return ratio.ln() + above.ln() - mass - _ERROR


def log_binomial_mass(k: int, n: int, p: float) -> Decimal:
    """At least log P(Bin(n, p) = k), for 0 < p < 1."""
    with localcontext(_CONTEXT):
        exact = Decimal(p)
        spread = k * exact.ln() + (n - k) * (1 - exact).ln()
        return _log_choices(n, k) + spread + _ERROR


def log_finite_tail(k: int, n: int, marked: int, population: int) -> Decimal:
    """At least log P(X <= k), X the marked among n different members, for k at most its mean."""
    rest = population - marked
    if n - k > rest:
        return Decimal("-Infinity")
    with localcontext(_CONTEXT):
        mass = _log_choices(marked, k) + _log_choices(rest, n - k) - _log_choices(population, n)

        def ratio(i: int) -> Decimal:
            return Decimal(i * max(rest - n + i, 0)) / ((marked - i + 1) * (n - i + 1))

        return mass + _log_sum(k, ratio) + _ERROR


def _log_sum(k: int, ratio: Callable[[int], Decimal]) -> Decimal:
    """log(1 + ratio(k) + ratio(k) ratio(k - 1) + …), where ratios fall with i, rounded up."""
    term = total = Decimal(1)
    for i in range(k, 0, -1):
        step = ratio(i)
        term *= step
        total += term
        if step < 1 and term / (1 - step) < _NEGLIGIBLE * total:
            return (total + term / (1 - step)).ln() + _ERROR
    return total.ln() + _ERROR


def _log_choices(n: int, k: int) -> Decimal:
    return _log_factorial(n) - _log_factorial(k) - _log_factorial(n - k)


def _log_factorial(n: int) -> Decimal:
    """By Stirling's series, whose error is less than the first term left out."""
    if n < _BY_MULTIPLYING:
        return Decimal(math.factorial(n)).ln()
    size = Decimal(n)
    series = (
        Decimal(c.numerator) / (c.denominator * size ** (2 * power + 1))
        for power, c in enumerate(_STIRLING)
    )
    return (size + Decimal("0.5")) * size.ln() - size + (2 * _PI).ln() / 2 + sum(series)
