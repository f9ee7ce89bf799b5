"""Order statistics, exceedance and the DKW band against enumeration and brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from estimators import EstimatorError, proportion, quantile
from tests.estimators.helpers import bounds


@pytest.mark.parametrize("delta", [0.3, 0.05, 1e-6, 1e-30])
@pytest.mark.parametrize("q", [0.01, 0.5, 0.9])
@pytest.mark.parametrize("n", [1, 7, 200])
def test_ranks_are_the_closest_that_the_binomial_law_allows(n, q, delta):
    samples = np.arange(1.0, n + 1)
    upper = quantile.order_statistic(samples, q, delta=delta, side="upper", high=n + 1).upper
    lower = quantile.order_statistic(samples, q, delta=delta, side="lower", low=0).lower
    ranks = np.arange(1, n + 2)
    assert upper == ranks[stats.binom.sf(ranks - 1, n, q) <= delta][0]
    fits = np.arange(n + 1)[stats.binom.cdf(np.arange(n + 1) - 1, n, q) <= delta]
    assert lower == fits[-1]


@pytest.mark.parametrize("delta", [0.3, 0.05, 1e-6])
@pytest.mark.parametrize("q", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("n", [1, 11, 40])
def test_ranks_without_replacement_are_the_closest_the_hypergeometric_law_allows(n, q, delta):
    population = 40
    samples = np.arange(1.0, n + 1)
    options = {"delta": delta, "population": population, "low": 0, "high": n + 1}
    below = math.floor(q * population + 1e-9)
    above = math.floor((1 - q) * population + 1e-9)
    ranks = np.arange(1, n + 2)
    tails = stats.hypergeom.sf(ranks - 1, population, below, n)
    assert (
        quantile.order_statistic(samples, q, side="upper", **options).upper
        == (ranks[tails <= delta][0])
    )
    tails = stats.hypergeom.sf(ranks - 1, population, above, n)
    assert quantile.order_statistic(samples, q, side="lower", **options).lower == (
        n + 1 - ranks[tails <= delta][0]
    )


def test_a_census_encloses_every_quantile_between_its_neighbours():
    values = np.array([3.0, 1.0, 2.0, 4.0])
    interval = quantile.order_statistic(values, 0.5, delta=1e-9, population=4)
    assert (interval.lower, interval.upper) == (2.0, 3.0)
    interval = quantile.order_statistic(values, 0.6, delta=1e-9, population=4)
    assert interval.lower == interval.upper == 3.0


def test_too_few_samples_leave_the_known_limits():
    interval = quantile.order_statistic([0.4, 0.6], 0.99, delta=1e-3, low=0, high=1)
    assert interval.upper == 1
    interval = quantile.order_statistic(np.zeros((3, 0)), 0.5, delta=0.1)
    lower, upper = bounds(interval)
    assert np.all(lower == -np.inf)
    assert np.all(upper == np.inf)
    assert lower.shape == (3,)


def test_exceedance_counts_what_is_strictly_above():
    samples = np.array([[0.5, 0.5, 0.7, 0.2], [0.9, 0.9, 0.9, 0.9]])
    interval = quantile.exceedance(samples, 0.5, delta=0.1)
    expected = proportion.clopper_pearson([1, 4], 4, delta=0.1)
    np.testing.assert_array_equal(interval.upper, expected.upper)
    interval = quantile.exceedance(samples, np.array([0.5, 0.95]), delta=0.1, population=9)
    expected = proportion.hypergeometric([1, 0], 4, 9, delta=0.1)
    np.testing.assert_array_equal(interval.upper, expected.upper)


@given(
    st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=30),
    st.lists(st.floats(-1, 2), min_size=1, max_size=5),
)
@settings(max_examples=50, deadline=None)
def test_the_band_is_the_empirical_function_and_the_massart_width(values, points):
    lower, upper = bounds(quantile.dkw([values, values], points, delta=0.1))
    share = np.mean(np.asarray(values) <= np.asarray(points)[:, None], axis=-1)
    half = math.sqrt(math.log(20) / (2 * len(values)))
    np.testing.assert_allclose(upper, [np.minimum(share + half, 1)] * 2, atol=1e-13)
    np.testing.assert_allclose(lower, [np.maximum(share - half, 0)] * 2, atol=1e-13)


def test_a_one_sided_band_spends_all_of_delta():
    values = np.linspace(0, 1, 100)
    lower, upper = bounds(quantile.dkw(values, [0.5], delta=0.1, side="upper"))
    assert upper[0] == pytest.approx(0.5 + math.sqrt(math.log(10) / 200), abs=1e-12)
    assert lower[0] == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: quantile.order_statistic([0.1, np.nan], 0.5, delta=0.1), "must not hold NaN"),
        (lambda: quantile.order_statistic([0.1], 1.0, delta=0.1), "q must lie strictly"),
        (lambda: quantile.order_statistic([0.1], math.nan, delta=0.1), "q must lie strictly"),
        (lambda: quantile.order_statistic([2.0], 0.5, delta=0.1, high=1), "samples must lie in"),
        (lambda: quantile.order_statistic([0.1] * 3, 0.5, delta=0.1, population=2), "n must not"),
        (lambda: quantile.order_statistic(0.1, 0.5, delta=0.1), "at least one axis"),
        (lambda: quantile.order_statistic(["a"], 0.5, delta=0.1), "must be numbers"),
        (lambda: quantile.exceedance([0.1], np.nan, delta=0.1), "threshold must not hold NaN"),
        (lambda: quantile.exceedance([[0.1]] * 2, np.ones(3), delta=0.1), "do not broadcast"),
        (lambda: quantile.dkw([], [0.5], delta=0.1), "at least one draw"),
        (lambda: quantile.dkw([0.1], 0.5, delta=0.1), "at must have one axis"),
        (lambda: quantile.dkw([0.1], [0.5], delta=0.6, side="lower"), "delta <= 1/2"),
    ],
)
def test_misuse_is_refused_in_one_sentence(call, message):
    with pytest.raises(EstimatorError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
