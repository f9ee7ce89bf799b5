"""The log tails against long sums, where the terms are too many to add one by one in the code."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from estimators import _tails


def log_ways(n: int, k: int):
    return mpmath.loggamma(n + 1) - mpmath.loggamma(k + 1) - mpmath.loggamma(n - k + 1)


def allowed(reference: float) -> float:
    return _tails.ABSOLUTE_ERROR - _tails.RELATIVE_ERROR * reference


@pytest.mark.parametrize(
    ("n", "rate", "deviations"),
    [(10**10, 0.3, 0.2), (10**10, 0.3, 1), (10**8, 1e-3, 12), (10**6, 0.5, 60), (10**5, 0.9, 3)],
)
def test_binomial_tails_to_the_declared_error(n, rate, deviations):
    spread = np.sqrt(n * rate * (1 - rate))
    k = int(n * rate - deviations * spread)
    p = np.longdouble(rate)
    j = np.arange(min(k, int(10 * spread)), dtype=np.longdouble)
    total = 1 + np.cumprod((k - j) / (n - k + 1 + j) * ((1 - p) / p)).sum()
    with mpmath.workdps(50):
        p = mpmath.mpf(rate)
        first = log_ways(n, k) + k * mpmath.log(p) + (n - k) * mpmath.log(1 - p)
        reference = float(first + mpmath.log(float(total)))
    table = _tails.binomial(np.array([float(k)]), np.array([float(n - k)]), np.array([rate]))
    assert abs(_tails.log_tail(table)[0][0] - reference) <= allowed(reference)


@pytest.mark.parametrize(
    ("population", "marked", "n", "deviations"),
    [
        (10**12, 4 * 10**11, 10**10, 1),
        (10**12, 5 * 10**11, 9 * 10**9, 8),
        (10**7, 3 * 10**6, 9 * 10**6, 0.1),
        (10**6, 10**5, 10**5, 40),
    ],
)
def test_hypergeometric_tails_to_the_declared_error(population, marked, n, deviations):
    share = marked / population
    spread = np.sqrt(n * share * (1 - share) * (1 - n / population))
    k = int(n * share - deviations * spread)
    undrawn = population - marked - n + k
    j = np.arange(min(k, undrawn, int(10 * spread)), dtype=np.longdouble)
    ratios = (k - j) / (marked - k + 1 + j) * ((undrawn - j) / (n - k + 1 + j))
    total = 1 + np.cumprod(ratios).sum()
    with mpmath.workdps(50):
        first = log_ways(marked, k) + log_ways(population - marked, n - k)
        first -= log_ways(population, n)
        reference = float(first + mpmath.log(float(total)))
    counts = (np.array([float(count)]) for count in (k, n, population, marked))
    tail, _ = _tails.log_tail(_tails.hypergeometric(*counts))
    assert abs(tail[0] - reference) <= allowed(reference)


def test_opposite_tails_add_up_to_one():
    k, n = np.arange(0.0, 300.0, 7), np.full(43, 300.0)
    rate = np.full(43, 0.37)
    lower, _ = _tails.log_tail(_tails.binomial(k, n - k, rate))
    upper, _ = _tails.log_tail(_tails.binomial(n - k - 1, k + 1, rate, of_rising=True))
    np.testing.assert_allclose(np.exp(lower) + np.exp(upper), 1, rtol=1e-13)
