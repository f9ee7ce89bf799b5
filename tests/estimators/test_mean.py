"""The mean intervals against slow references, by their properties, and in how they refuse."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from estimators import EstimatorError, Guarantee
from estimators.mean import (
    betting,
    betting_sequence,
    empirical_bernstein,
    empirical_bernstein_serfling,
    hoeffding,
    hoeffding_serfling,
)
from tests.bench import structured
from tests.estimators import betting_reference, gallery

WITH_REPLACEMENT = (hoeffding, empirical_bernstein, betting)
WITHOUT_REPLACEMENT = (
    hoeffding_serfling,
    empirical_bernstein,
    empirical_bernstein_serfling,
    betting,
)
FIXED = {f.__name__: f for f in (*WITH_REPLACEMENT, *WITHOUT_REPLACEMENT)}

unit_samples = hnp.arrays(
    np.float64, st.integers(1, 40), elements=st.floats(0, 1, allow_subnormal=False)
)


@pytest.mark.parametrize("population", [None, 90])
@pytest.mark.parametrize("delta", [0.1, 1e-3, 1e-30])
def test_betting_equals_the_slow_reference(delta, population):
    rng = np.random.default_rng(1)
    for values in gallery.POPULATIONS.values():
        for n in (1, 7, 80):
            x = gallery.draw(rng, values, n, 1, replace=population is None)[0]
            found = betting(x, delta=delta, population=population)
            wanted = betting_reference.interval(x.tolist(), delta, population)
            assert found.lower == pytest.approx(wanted[0], abs=1e-9)
            assert found.upper == pytest.approx(wanted[1], abs=1e-9)


@pytest.mark.parametrize("population", [None, 45])
def test_the_sequence_holds_the_slow_reference_and_is_hardly_wider(population):
    rng = np.random.default_rng(2)
    for name in ("u-shaped", "two points at the ends", "heavy tail clipped"):
        x = gallery.draw(rng, gallery.POPULATIONS[name], 40, 1, replace=population is None)[0]
        found = betting_sequence(x, delta=0.05, population=population)
        lower, upper = betting_reference.running_interval(x.tolist(), 0.05, population)
        assert np.all(found.lower <= np.array(lower) + 1e-9)
        assert np.all(found.upper >= np.array(upper) - 1e-9)
        log_inverse = np.log(2 / 0.05)
        last = betting_reference.lower_end(x.tolist(), log_inverse, population, horizon=40)
        assert np.max(found.lower) >= last - 1e-9
        assert np.max(found.width - (np.array(upper) - lower)) <= 0.04
        assert np.all(np.diff(found.lower) >= 0)
        assert np.all(np.diff(found.upper) <= 0)
        np.testing.assert_array_equal(found.n, np.arange(1, 41))


def test_the_classical_intervals_equal_their_formulas():
    x = np.random.default_rng(3).random(50)
    mean, var, log = x.mean(), x.var(ddof=1), np.log
    wanted = [
        (hoeffding(x, delta=0.01, side="upper").upper, mean + np.sqrt(log(100) / 100)),
        (
            empirical_bernstein(x, delta=0.1, side="lower").lower,
            mean - np.sqrt(2 * var * log(20) / 50) - 7 * log(20) / (3 * 49),
        ),
        (
            hoeffding_serfling(x, delta=0.01, population=80).lower,
            mean - np.sqrt((1 - 50 / 80) * (1 + 1 / 50) * log(200) / 100),
        ),
        (
            empirical_bernstein_serfling(x, delta=0.5, population=200, side="upper").upper,
            mean
            + np.sqrt(2 * (1 - 49 / 200) * x.var() * log(10) / 50)
            + (7 / 3 + 3 / np.sqrt(2)) * log(10) / 50,
        ),
    ]
    for found, value in wanted:
        assert found == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.parametrize("side", ["lower", "upper", "two"])
def test_a_batch_is_its_problems_one_by_one(name, side):
    estimate = FIXED[name]
    x = np.random.default_rng(4).random((2, 3, 25))
    keywords = {"population": 40} if "serfling" in name else {}
    batch = estimate(x, delta=0.05, side=side, **keywords)
    assert np.shape(batch.lower) == (2, 3)
    for index in np.ndindex(2, 3):
        one = estimate(x[index], log_delta=np.log(0.05), side=side, **keywords)
        assert isinstance(one.lower, float)
        assert one.lower == pytest.approx(np.asarray(batch.lower)[index], abs=1e-12)
        assert one.upper == pytest.approx(np.asarray(batch.upper)[index], abs=1e-12)
        assert one.guarantee is Guarantee.HIGH_PROBABILITY


def test_delta_and_population_broadcast_against_the_batch():
    x = np.random.default_rng(5).random((3, 20))
    deltas, members = np.array([0.1, 0.01, 1e-30]), np.array([20, 30, 1000])
    for estimate in WITHOUT_REPLACEMENT:
        found = estimate(x, delta=deltas, population=members)
        for i in range(3):
            one = estimate(x[i], delta=deltas[i], population=int(members[i]))
            assert one.lower == pytest.approx(np.asarray(found.lower)[i], abs=1e-12)
    running = betting_sequence(x, delta=deltas, population=members)
    assert np.shape(running.lower) == (3, 20)
    last = betting_sequence(x[2], delta=1e-30, population=1000)
    np.testing.assert_allclose(last.upper, np.asarray(running.upper)[2], atol=1e-12)


@given(x=unit_samples, log_delta=st.floats(-70, -0.01), spare=st.integers(0, 30))
@example(x=np.array([np.finfo(float).tiny, 0, 0, 0, 0]), log_delta=-1.0, spare=0)
@settings(max_examples=60, deadline=None)
def test_intervals_are_ordered_and_hold_what_is_certain(x, log_delta, spare):
    members = len(x) + spare
    certain = (x.sum() / members, (x.sum() + spare) / members)
    for estimate in WITHOUT_REPLACEMENT:
        found = estimate(x, log_delta=log_delta, population=members)
        assert 0 <= found.lower <= found.upper <= 1
        assert found.lower >= certain[0] - 1e-9
        assert found.upper <= certain[1] + 1e-9
        if spare == 0:
            assert found.width < 1e-12
            assert found.lower <= x.mean() <= found.upper
    for estimate in WITH_REPLACEMENT:
        assert estimate(x, log_delta=log_delta).lower <= x.mean() + 1e-9


@given(x=unit_samples, delta=st.floats(1e-30, 0.5))
@settings(max_examples=40, deadline=None)
def test_reflection_and_scale(x, delta):
    plain, mirrored = betting(x, delta=delta), betting(1 - x, delta=delta)
    assert plain.lower == pytest.approx(1 - mirrored.upper, abs=1e-9)
    scaled = betting(np.clip(6 * x - 2, -2, 4), delta=delta, low=-2, high=4)
    assert scaled.upper == pytest.approx(6 * plain.upper - 2, abs=1e-8)


@given(x=unit_samples, delta=st.floats(1e-12, 0.05))
@settings(max_examples=40, deadline=None)
def test_more_confidence_is_never_narrower(x, delta):
    strict, loose = betting(x, delta=delta / 10), betting(x, delta=delta)
    assert strict.width >= loose.width - 0.02
    one_sided = betting(x, delta=delta, side="upper")
    assert one_sided.lower == 0
    assert one_sided.upper == pytest.approx(betting(x, delta=2 * delta).upper, abs=1e-9)


@pytest.mark.parametrize("name", FIXED)
def test_no_samples_give_the_whole_range(name):
    keywords: dict[str, Any] = {"population": 5} if "serfling" in name else {}
    found = FIXED[name](np.zeros((2, 0)), delta=1e-30, low=-1, high=3, **keywords)
    np.testing.assert_array_equal(found.lower, [-1, -1])
    np.testing.assert_array_equal(found.upper, [3, 3])
    assert np.shape(betting_sequence([], delta=0.1).lower) == (0,)


def test_an_empty_batch_is_an_empty_answer():
    assert np.shape(betting(np.zeros((0, 5)), delta=0.1).lower) == (0,)


def test_constant_samples_at_an_end_come_near_the_exact_bound():
    for n, delta in ((100, 1e-3), (10_000, 1e-30)):
        exact = 1 - delta ** (1 / n)
        found = betting(np.zeros(n), delta=delta, side="upper")
        assert exact <= found.upper <= 1.35 * exact


@pytest.mark.parametrize("n", [100, 250, 390])
def test_betting_is_never_wider_than_empirical_bernstein_nor_than_with_replacement(n):
    rng = np.random.default_rng(6)
    for values in gallery.POPULATIONS.values():
        x = gallery.draw(rng, values, n, 10, replace=False)
        for delta in (0.1, 0.01, 1e-6, 1e-30):
            ours = betting(x, delta=delta)
            finite = betting(x, delta=delta, population=gallery.SIZE)
            reference = empirical_bernstein(x, delta=delta)
            finite_reference = empirical_bernstein(x, delta=delta, population=gallery.SIZE)
            assert np.all(ours.width <= reference.width + 1e-9)
            assert np.all(finite.width <= finite_reference.width + 1e-9)
            assert np.all(finite.width <= ours.width + 1e-9)
            assert np.all(finite_reference.width <= reference.width + 1e-9)


def test_half_width_at_a_quarter_of_a_population():
    rng = np.random.default_rng(7)
    marks = np.repeat([1.0, 0.0], [50, 950])
    x = np.stack([rng.permutation(marks) for _ in range(100)])
    found = betting(x, delta=1e-3, population=4096)
    assert np.max(found.width) / 2 <= 0.024


STRUCTURED = {
    "zeros": lambda n: np.zeros(n),
    "a spike": lambda n: np.eye(1, n, n // 2)[0],
    "alternating": lambda n: np.arange(n) % 2.0,
    "a third": lambda n: (np.arange(n) % 3 == 1) * 1.0,
    "ones first": lambda n: (np.arange(n) < n / 3) * 1.0,
    "ones last": lambda n: (np.arange(n) >= n / 3) * 1.0,
    "a ramp": lambda n: np.linspace(0, 1, n),
    "near a half": lambda n: 0.5 + 0.01 * (-1.0) ** np.arange(n),
}


@pytest.mark.parametrize("population", [None, 3000])
@pytest.mark.parametrize("kind", STRUCTURED)
def test_betting_is_wider_than_hoeffding_by_no_more_than_theorem_2_34_says(kind, population):
    plain = (
        hoeffding
        if population is None
        else lambda x, **options: hoeffding_serfling(x, population=population, **options)
    )
    for n in (1, 2, 5, 10, 30, 300, 2000):
        x = STRUCTURED[kind](n)
        for delta in (0.05, 1e-6, 1e-30):
            needed = -np.log(delta)
            part = min(max(needed / n, 1e-9), 1 / 20)
            most = np.sqrt(1 + np.log(1 / part) / needed) + 1e-9
            for sample in (x, 1 - x):
                ours = betting(sample, delta=delta, side="upper", population=population).upper
                theirs = plain(sample, delta=delta, side="upper").upper
                mean = sample.mean()
                trivial = np.isclose(theirs, 1, atol=1e-9)
                assert trivial or ours - mean <= most * (theirs - mean) + 1e-9, (n, delta)


@pytest.mark.parametrize("n", [3, 10, 40, 200])
def test_on_structured_samples_betting_is_seldom_wider_than_the_simple_bounds(n):
    draws = structured.in_random_order
    for delta in structured.DELTAS:
        assert structured.worst(draws(n), hoeffding, delta, None) <= 1.25
        assert structured.worst(draws(n), hoeffding_serfling, delta, 2 * n) <= 1.15
        for population in (None, 2 * n):
            assert structured.worst(draws(n), empirical_bernstein, delta, population) <= 1 + 1e-9


def test_ten_zeros_at_one_in_a_million_say_more_than_hoeffding():
    ours = betting(np.zeros(10), delta=1e-6)
    assert 1 - 5e-7 ** (1 / 10) < ours.upper < 0.83
    assert ours.upper < hoeffding(np.zeros(10), delta=1e-6).upper
    assert betting(np.zeros(10), delta=1e-6, population=10**6).upper < 0.83


@given(x=unit_samples, delta=st.floats(1e-12, 0.5), spare=st.none() | st.integers(0, 30))
@settings(max_examples=40, deadline=None)
def test_the_ends_lie_on_their_sides_of_the_sample_mean(x, delta, spare):
    """So that they never cross, even where an unlikely order lets the bets win on both sides."""
    population = None if spare is None else len(x) + spare
    for order in (x, np.sort(x), -np.sort(-x)):
        found = betting(order, delta=delta, population=population)
        assert found.lower <= x.mean() + 1e-9
        assert found.upper >= x.mean() - 1e-9


REFUSED = {
    "samples must lie in": {"samples": [0.5, 1.5]},
    "samples must not hold NaN": {"samples": [0.5, np.nan]},
    "samples must be numbers": {"samples": ["a"]},
    "at least one axis": {"samples": 0.5},
    "delta must lie strictly between 0 and 1": {"delta": 1.0},
    "log_delta must be finite and negative": {"delta": None, "log_delta": 0.0},
    "give exactly one of delta and log_delta": {"delta": None},
    "side must be": {"side": "both"},
    "low must be below high": {"low": 1.0},
    "population must hold at least one member and all": {"population": 1},
    "population must be whole numbers": {"population": 2.5},
    "to stop early use betting_sequence": {"planned": 100},
}


@pytest.mark.parametrize("message", REFUSED)
def test_misuse_is_refused_in_one_sentence(message):
    keywords = {"samples": [0.2, 0.4], "delta": 0.1, "population": 10} | REFUSED[message]
    for estimate in (*WITHOUT_REPLACEMENT, betting_sequence):
        if estimate is betting_sequence and "planned" in keywords:
            continue
        with pytest.raises(EstimatorError, match=message) as error:
            estimate(**keywords)
        assert "\n" not in str(error.value)


def test_the_mean_estimators_load_neither_jax_nor_numpyro():
    modules = "estimators, estimators.mean, estimators.stratified, estimators.posterior"
    code = f"import sys, {modules}; print({{'jax', 'numpyro'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_range_too_wide_for_doubles_and_masked_samples_are_refused():
    with pytest.raises(EstimatorError, match="high - low must not exceed"):
        betting([0.0, 1.0], delta=0.1, low=-1e308, high=1e308)
    with pytest.raises(EstimatorError, match="masked"):
        betting(np.ma.array([0.0, 1.0], mask=[False, True]), delta=0.1)
