"""The product bound: values, ledger, split of δ, and what is refused."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import optimize

from estimators import EstimatorError, Guarantee, cascade, proportion
from estimators.cascade import Enumerated, Sampled


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


def test_a_collapsed_cascade_is_one_clopper_pearson_and_beats_the_product():
    nested = cascade.product([cascade.collapsed([10_000, 400, 3])], delta=1e-6)
    one = proportion.clopper_pearson(3, 10_000, delta=1e-6, side="upper")
    assert nested.total.upper == one.upper
    apart = cascade.product([Sampled(400, 10_000), Sampled(3, 400)], delta=1e-6)
    assert nested.total.upper < apart.total.upper


def test_collapsed_without_replacement_is_hypergeometric():
    level = cascade.collapsed([50, 20, 2], population=60)
    expected = proportion.hypergeometric(2, 50, 60, delta=0.1, side="upper")
    assert cascade.product([level], delta=0.1).total.upper == expected.upper


@pytest.mark.parametrize("log_delta", [math.log(0.1), math.log(1e-6), -200.0])
@pytest.mark.parametrize(
    "pilot",
    [
        [Sampled(0, 100), Sampled(500, 10_000)],
        [Sampled(3, 10), Sampled(0, 10**6)],
        [Sampled(50, 100), Sampled(0, 400)],
    ],
)
def test_the_split_is_optimal(pilot, log_delta):
    def log_bound(share):
        result = cascade.product(pilot, log_delta=log_delta, shares=(share, 1 - share))
        return math.log(float(result.total.upper))

    best = optimize.brute(lambda x: log_bound(1 / (1 + math.exp(-x[0]))), ((-10, 10),), Ns=100)
    shares = cascade.split(pilot, log_delta=log_delta)
    assert sum(shares) <= 1 + 1e-12
    chosen = math.log(float(cascade.product(pilot, log_delta=log_delta, shares=shares).total.upper))
    assert chosen <= log_bound(1 / (1 + math.exp(-best[0]))) + 1e-6
    assert chosen <= log_bound(0.5) + 1e-12
    assert cascade.split(pilot, log_delta=log_delta) == shares


def test_the_split_gives_next_to_nothing_to_a_census_and_everything_to_one_level():
    shares = cascade.split([Sampled(20, 50, 50), Sampled(2, 100)], delta=1e-6)
    assert shares[0] < 1e-3
    assert cascade.split([Sampled(2, 100)], delta=1e-6) == (1.0,)
    assert cascade.split([Sampled(0, 0), Sampled(2, 100)], delta=0.9)[1] > 0.99


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
        (lambda: cascade.collapsed([5]), "at least one count"),
        (lambda: cascade.collapsed([5, 6]), "survivors must not increase"),
        (lambda: cascade.split([], delta=0.1), "at least one sampled level"),
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
