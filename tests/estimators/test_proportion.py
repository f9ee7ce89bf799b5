"""Exactness of the proportion bounds: against SciPy, mpmath, enumeration and closed forms."""

from __future__ import annotations

from fractions import Fraction
from math import comb, inf

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import special, stats

from estimators import EstimatorError, _tails, proportion
from tests.estimators.helpers import bounds

DELTAS = (0.5, 0.1, 0.05, 1e-3, 1e-6)


def brute_force_kept(population: int, n: int, delta: float) -> list[int]:
    """For each k the largest number of marked whose lower tail at k exceeds delta, in integers."""
    threshold = Fraction(delta) * comb(population, n)
    kept = [0] * (n + 1)
    for marked in range(population + 1):
        ways = 0
        for k in range(n + 1):
            ways += comb(marked, k) * comb(population - marked, n - k)
            if ways > threshold:
                kept[k] = marked
    return kept


def binomial_log_tail(k, n, rate):
    """log P(Bin(n, rate) <= k) to 60 digits, from the mass at k downwards."""
    with mpmath.workdps(60):
        p = mpmath.mpf(rate)
        term = total = mpmath.mpf(1)
        for x in range(k, 0, -1):
            term *= mpmath.mpf(x) / (n - x + 1) * (1 - p) / p
            total += term
            if term < total * mpmath.mpf(10) ** -30:
                break
        ways = mpmath.loggamma(n + 1) - mpmath.loggamma(k + 1) - mpmath.loggamma(n - k + 1)
        return ways + k * mpmath.log(p) + (n - k) * mpmath.log(1 - p) + mpmath.log(total)


@pytest.mark.parametrize("delta", DELTAS)
def test_clopper_pearson_equals_scipy(delta):
    rng = np.random.default_rng(1)
    n = rng.integers(1, 2_000, size=5_000)
    k = rng.binomial(n, rng.random(5_000))
    two = proportion.clopper_pearson(k, n, delta=2 * delta if delta < 0.5 else 0.9)
    lower, upper = bounds(two)
    half = delta if delta < 0.5 else 0.45
    below, above = k > 0, k < n
    expected = special.betaincinv(k[below], n[below] - k[below] + 1, half)
    np.testing.assert_allclose(lower[below], expected, rtol=1e-12)
    expected = special.betainccinv(k[above] + 1, n[above] - k[above], half)
    np.testing.assert_allclose(upper[above], expected, rtol=1e-12)
    assert np.all(lower[~below] == 0)
    assert np.all(upper[~above] == 1)


def test_clopper_pearson_agrees_with_the_scipy_interval():
    reference = stats.binomtest(7, 50).proportion_ci(0.95, method="exact")
    interval = proportion.clopper_pearson(7, 50, delta=0.05)
    assert interval.lower == pytest.approx(reference.low, rel=1e-12)
    assert interval.upper == pytest.approx(reference.high, rel=1e-12)


@pytest.mark.parametrize("log_delta", [np.log(0.1), np.log(1e-30), np.log(1e-300), -2_000.0])
@pytest.mark.parametrize(
    ("k", "n"),
    [(1, 10**12), (40, 10**12), (3_000, 10**12), (5, 12), (11, 12), (300, 900), (99_000, 10**5)],
)
def test_upper_bounds_are_rejected_and_all_but_tight_by_mpmath(k, n, log_delta):
    upper = proportion.clopper_pearson(k, n, log_delta=log_delta, side="upper").upper
    if upper < 1:
        assert binomial_log_tail(k, n, upper) <= log_delta
    inner = min(upper, 1 - 1e-9) * (1 - 1e-9)
    assert binomial_log_tail(k, n, inner) > log_delta


@pytest.mark.parametrize("log_delta", [np.log(0.1), np.log(1e-30), np.log(1e-300), -2_000.0])
@pytest.mark.parametrize(("k", "n"), [(2, 10**12), (40, 10**12), (5, 12), (300, 900)])
def test_lower_bounds_are_rejected_and_all_but_tight_by_mpmath(k, n, log_delta):
    lower = proportion.clopper_pearson(k, n, log_delta=log_delta, side="lower").lower

    def log_upper_tail(rate):
        with mpmath.workdps(60):
            p = mpmath.mpf(rate)
            term = total = mpmath.mpf(1)
            for x in range(k, min(n, k + 2_000)):
                term *= mpmath.mpf(n - x) / (x + 1) * p / (1 - p)
                total += term
            ways = mpmath.loggamma(n + 1) - mpmath.loggamma(k + 1) - mpmath.loggamma(n - k + 1)
            return ways + k * mpmath.log(p) + (n - k) * mpmath.log(1 - p) + mpmath.log(total)

    if lower > 0:
        assert log_upper_tail(lower) <= log_delta
        assert log_upper_tail(lower * (1 + 1e-9)) > log_delta
    else:
        assert log_upper_tail(1e-300) > log_delta


def test_clopper_pearson_closed_forms_at_the_ends():
    interval = proportion.clopper_pearson([0, 20], [20, 20], delta=0.1)
    closed = -np.expm1(np.log(0.05) / 20)
    np.testing.assert_allclose(interval.upper, [closed, 1], rtol=1e-14)
    np.testing.assert_allclose(interval.lower, [0, 0.05 ** (1 / 20)], rtol=1e-14)
    assert np.all(np.asarray(interval.upper) >= [closed, 1])
    assert proportion.clopper_pearson(1, 1, delta=1e-30, side="lower").lower <= 1e-30
    tiny = proportion.clopper_pearson(0, 10**12, log_delta=-69.0, side="upper")
    assert tiny.upper == pytest.approx(69e-12, rel=1e-9)


@pytest.mark.parametrize("delta", [0.5, 0.1, 0.05, 1e-3])
@pytest.mark.parametrize("population", [1, 2, 3, 5, 8, 13, 20, 31])
def test_hypergeometric_equals_brute_force(population, delta):
    compare_with_brute_force(population, delta)


@pytest.mark.slow
@pytest.mark.parametrize("delta", [0.9, 0.5, 0.25, 0.1, 0.05, 0.01, 1e-6, 1e-12])
@pytest.mark.parametrize("population", range(1, 61))
def test_hypergeometric_equals_brute_force_for_every_population_up_to_60(population, delta):
    compare_with_brute_force(population, delta)


def compare_with_brute_force(population, delta):
    k = np.concatenate([np.arange(n + 1) for n in range(population + 1)])
    n = np.repeat(np.arange(population + 1), np.arange(population + 1) + 1)
    kept = [brute_force_kept(population, size, delta) for size in range(population + 1)]
    upper = proportion.hypergeometric(k, n, population, delta=delta, side="upper").upper
    lower = proportion.hypergeometric(k, n, population, delta=delta, side="lower").lower
    expected = np.array([kept[size][x] for size, x in zip(n, k, strict=True)])
    mirrored = np.array([kept[size][size - x] for size, x in zip(n, k, strict=True)])
    np.testing.assert_array_equal(upper, expected / population)
    np.testing.assert_array_equal(lower, (population - mirrored) / population)


@pytest.mark.parametrize("log_delta", [np.log(0.1), np.log(1e-30), -2_000.0])
@pytest.mark.parametrize(
    ("k", "n", "population"),
    [(3, 10_000, 10**12), (0, 10**6, 10**12), (900, 10**11, 10**12), (250, 500, 10**6)],
)
def test_hypergeometric_is_the_last_kept_count_by_mpmath(k, n, population, log_delta):
    def log_tail(marked):
        with mpmath.workdps(60):
            log_ways = lambda a, b: (  # noqa: E731
                mpmath.loggamma(a + 1) - mpmath.loggamma(b + 1) - mpmath.loggamma(a - b + 1)
            )
            low = max(0, n + marked - population)
            if low > k:
                return -mpmath.inf
            term = total = mpmath.mpf(1)
            for x in range(k, low, -1):
                term *= mpmath.mpf(x) * (population - marked - n + x)
                term /= mpmath.mpf(marked - x + 1) * (n - x + 1)
                total += term
            first = log_ways(marked, k) + log_ways(population - marked, n - k)
            return first - log_ways(population, n) + mpmath.log(total)

    interval = proportion.hypergeometric(k, n, population, log_delta=log_delta, side="upper")
    marked = round(float(interval.upper) * population)
    assert log_tail(marked + 1) <= log_delta
    assert log_tail(marked - max(1, marked // 10**9)) > log_delta


def test_central_tails_of_a_huge_population_match_the_normal_law():
    n, population = 10**11, 10**12
    interval = proportion.hypergeometric(n // 4, n, population, delta=0.1)
    spread = np.sqrt(0.25 * 0.75 * (1 - n / population) / n)
    assert (interval.upper - 0.25) / spread == pytest.approx(stats.norm.isf(0.05), rel=1e-4)
    assert (0.25 - interval.lower) / spread == pytest.approx(stats.norm.isf(0.05), rel=1e-4)


def test_a_census_leaves_a_point():
    interval = proportion.hypergeometric([0, 7, 10**12], [9, 9, 10**12], [9, 9, 10**12], delta=1e-9)
    np.testing.assert_array_equal(interval.lower, [0, 7 / 9, 1])
    np.testing.assert_array_equal(interval.upper, interval.lower)
    interval = proportion.anytime(7, 9, delta=1e-9, population=9)
    assert interval.lower == interval.upper == 7 / 9


@pytest.mark.parametrize("population", [None, 50])
def test_no_draws_leave_the_whole_range(population):
    interval = proportion.anytime(0, 0, delta=0.1, population=population)
    assert (interval.lower, interval.upper) == (0, 1)
    interval = proportion.clopper_pearson(0, 0, delta=0.1)
    assert (interval.lower, interval.upper) == (0, 1)
    assert proportion.hypergeometric(0, 0, 50, delta=0.1).upper == 1


@given(st.integers(1, 60), st.floats(0, 1), st.sampled_from([0.9, 0.1, 1e-6, 1e-30]))
@settings(max_examples=20, deadline=None)
def test_anytime_inverts_the_mixture_that_quadrature_gives(n, share, delta):
    k = round(share * n)
    upper = proportion.anytime(k, n, delta=delta, side="upper").upper
    if k == n:
        assert upper == 1
        return

    def wealth(rate):
        with mpmath.workdps(30):
            p = mpmath.mpf(rate)
            grow = mpmath.quad(lambda s: s**k * ((1 - p * s) / (1 - p)) ** (n - k), [0, 0.5, 1])
            return float(mpmath.log(grow))

    if upper < 1 - 1e-9:
        assert wealth(upper) >= -np.log(delta) * (1 - 1e-12)
        assert wealth(upper * (1 - 1e-9)) <= -np.log(delta) * (1 + 1e-12)


@pytest.mark.parametrize("delta", [0.5, 0.1, 1e-3])
@pytest.mark.parametrize("population", [1, 2, 7, 15])
def test_finite_anytime_inverts_the_mixture_that_enumeration_gives(population, delta):
    threshold = Fraction(delta) * (1 - Fraction(10) ** -11)  # ties are kept
    for n in range(population + 1):
        for k in range(n + 1):
            mass = [comb(m, k) * comb(population - m, n - k) for m in range(population + 1)]
            kept = [
                m
                for m in range(population + 1)
                if mass[m] > 0 and sum(mass[: m + 1]) * threshold < (m + 1) * mass[m]
            ]
            interval = proportion.anytime(k, n, delta=delta, side="upper", population=population)
            assert round(interval.upper * population) == max(kept)


def test_finite_bounds_approach_the_binomial_ones_from_inside():
    finite = proportion.hypergeometric(30, 1_000, 10**12, delta=1e-6)
    binomial = proportion.clopper_pearson(30, 1_000, delta=1e-6)
    assert binomial.lower < finite.lower < finite.upper < binomial.upper
    assert finite.upper == pytest.approx(binomial.upper, rel=1e-6)


def test_two_sided_half_width_asked_for_by_the_project():
    interval = proportion.hypergeometric(50, 1_000, 4_096, delta=1e-3)
    assert interval.width / 2 <= 0.024


@given(
    st.integers(1, 10**6),
    st.floats(0, 1),
    st.floats(-800, -1e-3),
    st.floats(1.0, 50.0),
    st.floats(0, 1),
)
@example(n=2081, share=0.0, log_delta=-800.0, factor=1.0, drawn=0.0)
@example(n=678393, share=0.9375, log_delta=-13.0, factor=1.0, drawn=0.0)
@settings(max_examples=40, deadline=None)
def test_bounds_are_ordered_nested_and_inside_the_range(n, share, log_delta, factor, drawn):
    """A bound is that of a level within the margin of the tails, or a few floats further out."""
    few_floats = 8 * np.finfo(float).eps
    k = round(share * n)
    population = round(n / max(drawn, 1e-6))
    resolution = 6 * (_tails.ABSOLUTE_ERROR - _tails.RELATIVE_ERROR * log_delta * factor)
    loose = {"log_delta": log_delta}
    tight = {"log_delta": log_delta * factor - resolution}
    for bound in (
        lambda level: proportion.clopper_pearson(k, n, **level),
        lambda level: proportion.hypergeometric(k, n, population, **level),
        lambda level: proportion.anytime(k, n, **level),
        lambda level: proportion.anytime(k, n, population=population, **level),
    ):
        inner, outer = bound(loose), bound(tight)
        assert 0 <= outer.lower <= inner.lower + few_floats
        assert inner.lower <= inner.upper
        assert inner.upper - few_floats <= outer.upper <= 1
        if inner.population is None:
            assert inner.lower <= k / n <= inner.upper


def test_a_batch_of_mixed_sizes_equals_its_parts():
    k = np.array([0, 1, 500, 10**6, 7, 3])
    n = np.array([5, 10**12, 1_000, 10**6, 7, 10**9])
    population = np.array([5, 10**13, 10**4, 10**6, 10**15, 10**9 + 1])
    for bound in (proportion.clopper_pearson, proportion.anytime):
        lower, upper = bounds(bound(k, n, delta=1e-6))
        for i in range(k.size):
            one = bound(k[i], n[i], delta=1e-6)
            assert (lower[i], upper[i]) == (one.lower, one.upper)
    lower, upper = bounds(proportion.hypergeometric(k, n, population, delta=1e-6))
    for i in range(k.size):
        one = proportion.hypergeometric(k[i], n[i], population[i], delta=1e-6)
        assert (lower[i], upper[i]) == (one.lower, one.upper)


def test_shapes_broadcast():
    _, upper = bounds(
        proportion.clopper_pearson(
            np.arange(3)[:, None], 10, delta=np.array([0.1, 1e-3, 1e-9, 1e-30])
        )
    )
    assert upper.shape == (3, 4)
    assert np.all(np.diff(upper, axis=1) > 0)
    assert np.all(np.diff(upper, axis=0) > 0)
    assert isinstance(proportion.clopper_pearson(1, 10, delta=0.1).upper, float)
    _, upper = bounds(proportion.clopper_pearson(np.zeros(0, int), 5, delta=0.1))
    assert upper.shape == (0,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: proportion.clopper_pearson(3, 2, delta=0.1), "k must not exceed n"),
        (lambda: proportion.clopper_pearson(-1, 2, delta=0.1), "k must be whole numbers"),
        (lambda: proportion.clopper_pearson(0.5, 2, delta=0.1), "k must be whole numbers"),
        (lambda: proportion.clopper_pearson(np.nan, 2, delta=0.1), "k must be whole numbers"),
        (lambda: proportion.clopper_pearson(1, inf, delta=0.1), "n must be whole numbers"),
        (lambda: proportion.clopper_pearson("1", 2, delta=0.1), "k must be a whole number"),
        (lambda: proportion.clopper_pearson(1, 2, delta=0.0), "delta must lie strictly"),
        (lambda: proportion.clopper_pearson(1, 2), "exactly one of delta and log_delta"),
        (lambda: proportion.clopper_pearson(1, 2, delta=0.1, side="both"), "side must be"),  # pyright: ignore[reportArgumentType]
        (lambda: proportion.clopper_pearson([1, 1], [2, 2, 2], delta=0.1), "do not broadcast"),
        (lambda: proportion.hypergeometric(1, 5, 4, delta=0.1), "n must not exceed population"),
        (lambda: proportion.hypergeometric(0, 0, 0, delta=0.1), "at least one member"),
        (lambda: proportion.anytime(1, 5, delta=0.1, population=4), "n must not exceed pop"),
    ],
)
def test_misuse_is_refused_in_one_sentence(call, message):
    with pytest.raises(EstimatorError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("estimate", [proportion.clopper_pearson, proportion.anytime])
def test_lower_bounds_mirror_upper_bounds_and_never_give_up(estimate):
    rng = np.random.default_rng(4)
    for n in (10**6, 10**9, 10**12, 2**50):
        k = np.r_[n // 2, n // 3, n - 5, rng.integers(10, n, 100)]
        for delta in (0.9, 0.5, 0.1, 1e-6, 1e-30):
            lower = estimate(k, n, delta=delta, side="lower").lower
            mirrored = 1 - estimate(n - k, n, delta=delta, side="upper").upper
            np.testing.assert_allclose(lower, mirrored, rtol=0, atol=1e-13)


def test_a_delta_of_less_than_double_precision_is_not_rounded_in_its_logarithm():
    for delta in (np.float16(0.01), np.float32(1e-30)):
        found = proportion.clopper_pearson(3, 10, delta=np.asarray(delta))
        assert found.log_delta == np.log(np.float64(delta))
