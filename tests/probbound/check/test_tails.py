"""The checker's tails in decimals against exact arithmetic, and the bounds that rest on them."""

from decimal import Decimal
from fractions import Fraction
from math import comb

import mpmath
import numpy as np
import pytest
from scipy import special

from estimators import proportion
from probbound.check import bounds, tails

mpmath.mp.dps = 100
CLOSE = 1e-20


def exact_tail(k, n, p):
    p = Fraction(p)
    return sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))


def log_of(ratio):
    return mpmath.log(mpmath.mpf(ratio.numerator) / ratio.denominator)


def above(log: Decimal, truth):
    gap = mpmath.mpf(str(log)) - truth
    assert 0 <= gap < CLOSE * max(1, abs(truth)), gap


@pytest.mark.parametrize("seed", range(40))
def test_tails_are_those_of_exact_arithmetic(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 300))
    k = int(rng.integers(0, n))
    p = float(rng.uniform(k / n, 1)) or 0.5
    above(tails.log_binomial_tail(k, n, p), log_of(exact_tail(k, n, p)))
    mass = exact_tail(k, n, p) - (exact_tail(k - 1, n, p) if k else 0)
    above(tails.log_binomial_mass(k, n, p), log_of(mass))
    mixture = (1 - exact_tail(k, n + 1, p)) / ((n + 1) * Fraction(p) * mass)
    above(-tails.log_beta_mixture(k, n, p), -log_of(mixture))
    population = n + int(rng.integers(0, 300))
    marked = int(rng.integers(k, population - (n - k) + 1))
    ways = sum(comb(marked, i) * comb(population - marked, n - i) for i in range(k + 1))
    above(
        tails.log_finite_tail(k, n, marked, population), log_of(Fraction(ways, comb(population, n)))
    )


def test_large_counts_are_those_of_scipy():
    for k, n, p in [(0, 10**9, 1e-7), (5, 10**12, 3e-11), (10**5, 10**8, 1.02e-3), (70, 80, 0.999)]:
        tail = np.log(special.betaincc(k + 1, n - k, p))
        assert float(tails.log_binomial_tail(k, n, p)) == pytest.approx(tail, rel=1e-9)


def test_factorials_meet_where_the_series_begins():
    with tails.localcontext(tails._CONTEXT):
        for n in (63, 64, 65, 1000, 10**15):
            truth = mpmath.loggamma(n + 1)
            assert abs(mpmath.mpf(str(tails._log_factorial(n))) - truth) < 1e-30 * abs(truth)


@pytest.mark.parametrize("log_delta", [-1e-3, -0.7, -7.0, -30.0, -800.0])
def test_bounds_are_proven_and_hardly_wider(log_delta):
    for k, n in [(0, 1), (0, 10**6), (3, 10), (9, 10), (40, 10**4), (20_000, 10**6), (7, 10**13)]:
        upper = bounds.clopper_pearson(k, n, log_delta)
        least = float(proportion.clopper_pearson(k, n, log_delta=log_delta, side="upper").upper)
        assert least * (1 - 1e-7) <= upper <= least * (1 + 1e-10)
        assert upper == 1 or tails.log_binomial_tail(k, n, upper) <= Decimal(log_delta)
        upper = bounds.anytime(k, n, log_delta)
        least = float(proportion.anytime(k, n, log_delta=log_delta, side="upper").upper)
        assert least * (1 - 1e-7) <= upper <= least * (1 + 1e-10)
        assert upper == 1 or tails.log_beta_mixture(k, n, upper) >= -Decimal(log_delta)


def test_what_the_search_got_wrong_is_found_out(monkeypatch):
    """A float tail that is a hundred times too small: the bound is widened until it is proven."""
    honest = bounds.clopper_pearson(5, 1000, -10.0)
    plain = bounds._log_tail
    monkeypatch.setattr(bounds, "_log_tail", lambda *given: plain(*given) - 5)
    assert bounds.clopper_pearson(5, 1000, -10.0) >= honest * (1 - 1e-12)
    share = bounds.hypergeometric(5, 1000, 10**6, -10.0)
    finite = bounds._log_finite_tail
    monkeypatch.setattr(bounds, "_log_finite_tail", lambda *given: finite(*given) - 1e-3)
    assert bounds.hypergeometric(5, 1000, 10**6, -10.0) == share
