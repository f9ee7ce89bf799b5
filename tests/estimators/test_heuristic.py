"""The heuristics equal their formulas, say what they are, and are seen to fail."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from estimators import EstimatorError, Guarantee
from estimators.heuristic import independent_sum, normal_mean
from tests.estimators import gallery


def test_the_normal_mean_is_its_formula():
    x = np.random.default_rng(41).random(50)
    for population, left in ((None, 1.0), (200, 0.75)):
        found = normal_mean(x, delta=0.01, population=population)
        radius = stats.norm.isf(0.005) * np.sqrt(left * x.var(ddof=1) / 50)
        assert found.lower == pytest.approx(x.mean() - radius, abs=1e-12)
        assert found.upper == pytest.approx(x.mean() + radius, abs=1e-12)
        assert found.guarantee is Guarantee.HEURISTIC
        assert not found.guarantee.is_proof
    assert normal_mean([0.5], delta=0.1).width == 1
    assert np.isfinite(normal_mean(x, log_delta=-500.0, low=-9, high=9).upper)


def test_it_misses_a_spike_most_of_the_time_which_is_why_it_is_no_guarantee():
    values = gallery.POPULATIONS["rate 1/N"]
    x = gallery.draw(np.random.default_rng(42), values, 40, 1000, replace=False)
    found = normal_mean(x, delta=0.01, population=gallery.SIZE)
    assert np.mean(found.upper < values.mean()) > 0.5


def test_a_sum_of_independent_entries_grows_like_the_root_of_their_number():
    rng = np.random.default_rng(43)
    entries = rng.normal(size=500)
    small, large = (independent_sum(entries, count, delta=0.02) for count in (100, 400))
    assert large.width == pytest.approx(2 * small.width)
    radius = stats.norm.isf(0.01) * 10 * entries.std(ddof=1)
    assert small.upper == pytest.approx(100 * entries.mean() + radius)
    assert small.guarantee is Guarantee.HEURISTIC
    assert independent_sum(entries, 3, delta=0.02, side="upper").lower == -np.inf
    batch = independent_sum(rng.normal(size=(3, 9)), 3, delta=0.1, side="lower")
    assert np.shape(batch.upper) == (3,)


def test_misuse_is_refused():
    with pytest.raises(EstimatorError, match="at least two finite numbers"):
        independent_sum([1.0], 3, delta=0.1)
    with pytest.raises(EstimatorError, match="count must be at least 1"):
        independent_sum([1.0, 2.0], 0, delta=0.1)
    with pytest.raises(EstimatorError, match="samples must lie in"):
        normal_mean([3.0], delta=0.1)
