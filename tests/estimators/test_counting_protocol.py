"""What every counting estimator has in common: arguments, sides, levels, and refusals."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

from estimators import EstimatorError, Guarantee, Interval, cascade, proportion, quantile
from tests.estimators.helpers import bounds

SAMPLES = np.linspace(0.005, 0.995, 100)

ESTIMATORS: dict[str, Callable[..., Interval]] = {
    "clopper_pearson": lambda **given: proportion.clopper_pearson(30, 100, **given),
    "hypergeometric": lambda **given: proportion.hypergeometric(30, 100, 900, **given),
    "anytime": lambda **given: proportion.anytime(30, 100, **given),
    "anytime, finite": lambda **given: proportion.anytime(30, 100, population=900, **given),
    "order_statistic": lambda **given: quantile.order_statistic(
        SAMPLES, 0.3, low=0, high=1, **given
    ),
    "order_statistic, finite": lambda **given: quantile.order_statistic(
        SAMPLES, 0.3, low=0, high=1, population=900, **given
    ),
    "exceedance": lambda **given: quantile.exceedance(SAMPLES, 0.7, **given),
    "exceedance, finite": lambda **given: quantile.exceedance(
        SAMPLES, 0.7, population=900, **given
    ),
    "dkw": lambda **given: quantile.dkw(SAMPLES, [0.3], **given),
    "cascade": lambda **given: (
        cascade.product(
            [cascade.Sampled(60, 100), cascade.Enumerated(0.7), cascade.Sampled(70, 100)], **given
        ).total
    ),
}

every = pytest.mark.parametrize("estimate", ESTIMATORS.values(), ids=ESTIMATORS)


@every
def test_returns_an_interval_around_the_estimate(estimate):
    for delta in (0.4, 1e-2, 1e-30):
        interval = estimate(delta=delta, side="two")
        assert isinstance(interval, Interval)
        assert interval.guarantee is Guarantee.HIGH_PROBABILITY
        assert interval.log_delta == pytest.approx(math.log(delta))
        lower, upper = bounds(interval)
        assert np.all((lower >= 0) & (lower <= 0.3) & (upper >= 0.29) & (upper <= 1))


@every
def test_delta_and_its_logarithm_mean_the_same(estimate):
    for side in ("lower", "upper", "two"):
        by_delta = bounds(estimate(delta=1e-5, side=side))
        by_log = bounds(estimate(log_delta=math.log(1e-5), side=side))
        np.testing.assert_allclose(by_delta, by_log, rtol=1e-12)
    lower, upper = bounds(estimate(log_delta=-2_000.0, side="two"))
    assert np.all((lower >= 0) & (upper <= 1))


@every
def test_two_sided_is_two_one_sided_at_half_delta(estimate):
    two = estimate(delta=0.02, side="two")
    lower, upper = estimate(delta=0.01, side="lower"), estimate(delta=0.01, side="upper")
    np.testing.assert_allclose(bounds(two)[0], bounds(lower)[0], rtol=1e-12)
    np.testing.assert_allclose(bounds(two)[1], bounds(upper)[1], rtol=1e-12)
    assert np.all(bounds(lower)[1] == 1)
    assert np.all(bounds(upper)[0] == 0)


@every
def test_less_delta_never_gives_a_tighter_bound(estimate):
    for side in ("lower", "upper", "two"):
        steps = [bounds(estimate(delta=delta, side=side)) for delta in (0.4, 0.1, 1e-3, 1e-9)]
        for (low, up), (next_low, next_up) in itertools.pairwise(steps):
            assert np.all(next_low <= low)
            assert np.all(next_up >= up)


@every
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "exactly one of delta and log_delta"),
        ({"delta": 0.1, "log_delta": -2.0}, "exactly one of delta and log_delta"),
        ({"delta": 1.0}, "strictly between 0 and 1"),
        ({"delta": math.nan}, "strictly between 0 and 1"),
        ({"log_delta": 0.0}, "finite and negative"),
        ({"log_delta": -math.inf}, "finite and negative"),
        ({"delta": 0.1, "side": "both"}, "side must be"),
    ],
)
def test_misuse_is_refused_in_one_sentence(estimate, given, message):
    with pytest.raises(EstimatorError, match=message) as caught:
        estimate(**given)
    assert "\n" not in str(caught.value)
