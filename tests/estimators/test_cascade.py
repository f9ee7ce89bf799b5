"""The product bound: values, ledger, and what is refused."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from estimators import EstimatorError, Guarantee, cascade, proportion
from estimators.cascade import Enumerated, Sampled

NO_LEVELS: Any = [0.5]


def test_enumerated_levels_are_deterministic_and_free():
    result = cascade.product([Enumerated(0.5), Enumerated(0.1)], delta=0.1)
    assert result.total.guarantee is Guarantee.DETERMINISTIC
    assert result.total.log_delta == -math.inf
    assert result.total.lower <= 0.05 <= result.total.upper
    assert result.total.width < 1e-16


def test_screen_then_sample_is_the_screen_times_clopper_pearson():
    result = cascade.product([Enumerated(1 / 64), Sampled(0, 10_000)], delta=1e-6)
    alone = proportion.clopper_pearson(0, 10_000, delta=1e-6, side="upper")
    assert result.total.upper == pytest.approx(alone.upper / 64, rel=1e-14)
    assert result.total.upper >= alone.upper / 64
    assert [level.log_delta for level in result.levels] == [-math.inf, math.log(1e-6)]


@pytest.mark.parametrize("side", ["lower", "upper", "two"])
def test_the_ledger_adds_up_to_delta_and_the_levels_multiply(side):
    levels = [Sampled(30, 100), Enumerated(0.5), Sampled(4, 50, 400), Sampled(0, 10)]
    shares = (0.2, 0.5, 0.3)
    result = cascade.product(levels, delta=1e-3, side=side, shares=shares)
    spent = np.exp([float(level.log_delta) for level in result.levels])
    assert spent.sum() <= 1e-3 * (1 + 1e-12)
    np.testing.assert_allclose(spent[[0, 2, 3]], 1e-3 * np.array(shares), rtol=1e-9)
    upper = math.prod(float(level.upper) for level in result.levels)
    lower = math.prod(float(level.lower) for level in result.levels)
    assert result.total.upper == pytest.approx(1.0 if side == "lower" else upper, rel=1e-12)
    assert result.total.lower == pytest.approx(0.0 if side == "upper" else lower, rel=1e-12)


def test_levels_may_hold_many_problems_at_once():
    levels = [Sampled(np.array([0, 3, 9]), 10), Sampled(np.array([1, 2, 3]), 40)]
    result = cascade.product(levels, delta=0.01)
    for i in range(3):
        one = [Sampled(int(np.asarray(level.k)[i]), level.n) for level in levels]
        assert np.asarray(result.total.upper)[i] == cascade.product(one, delta=0.01).total.upper


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cascade.product([], delta=0.1), "at least one level"),
        (lambda: cascade.product([Enumerated(1.5)], delta=0.1), "ratio must lie in"),
        (lambda: cascade.product([Enumerated(math.nan)], delta=0.1), "ratio must lie in"),
        (lambda: cascade.product([Sampled(3, 2)], delta=0.1), "k must not exceed n"),
        (lambda: cascade.product([Sampled(1, 2)], delta=0.1, shares=(0.5, 0.5)), "one entry per"),
        (
            lambda: cascade.product([Sampled(1, 2)] * 2, delta=0.1, shares=(0.9, 0.5)),
            "sum to at most 1",
        ),
        (lambda: cascade.product([Sampled(1, 2)], delta=0.1, shares=(math.nan,)), "be positive"),
        (lambda: cascade.product([Sampled(1, 2)], delta=2.0), "delta must lie strictly"),
        (lambda: cascade.product(NO_LEVELS, delta=0.1), "Enumerated or Sampled and nothing else"),
    ],
)
def test_misuse_is_refused_in_one_sentence(call, message):
    with pytest.raises(EstimatorError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_levels_drawn_entirely_hold_the_true_share_in_spite_of_rounding():
    for size in range(2, 30):
        for first in range(1, size):
            for second in range(1, first):
                levels = [Sampled(first, size, size), Sampled(second, first, first)]
                found = cascade.product(levels, delta=0.1, side="two").total
                assert Fraction(float(found.lower)) <= Fraction(second, size)
                assert Fraction(float(found.upper)) >= Fraction(second, size)
