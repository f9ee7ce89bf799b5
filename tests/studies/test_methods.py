"""What the study of coverage repeats: its populations, and its own ways to draw."""

from __future__ import annotations

import numpy as np
import pytest

from estimators import mean, proportion
from studies.methods import METHODS, Draw
from studies.populations import MADE, of_model, population
from tests.factories import copying_model, slow_wrong

MEANS = {
    "rate 0.3": 0.3,
    "rate 1/n": 0.02,
    "one in a million": 1e-6,
    "rate 1 - 3/n": 0.94,
}


def drawn(among: str, delta: float, repeats: int = 40, n: int = 50) -> Draw:
    return Draw(population(among, n, {}), n, repeats, delta, np.random.default_rng(0))


@pytest.mark.parametrize("name", MADE)
def test_populations_are_sorted_values_of_known_mean(name):
    made = population(name, 50, {})
    assert made.members.min() >= 0
    assert made.members.max() <= 1
    assert np.all(np.diff(made.members) >= 0)
    assert (made.marked is None) == (name == "skewed losses")
    if name in MEANS:
        assert made.truth == pytest.approx(MEANS[name], rel=1e-9)


def test_those_of_a_model_hold_every_input():
    model = copying_model(0)
    found = of_model(model)
    assert {len(values) for values in found.values()} == {6**3}
    assert found["a model's errors"].sum() == len(slow_wrong(model))
    margins = population("a model's margins", 50, found)
    assert (margins.members[0], margins.members[-1], margins.marked) == (0.0, 1.0, None)


@pytest.mark.parametrize("name", METHODS)
def test_at_a_small_delta_every_method_with_a_guarantee_holds_and_says_something(name):
    method = METHODS[name]
    case = drawn("rate 0.3", 1e-3, repeats=8, n=400)
    lower, upper = method.run(case)
    assert lower.shape == upper.shape == (8,)
    if method.guarantee.is_proof:
        assert np.all((lower <= 0.3) & (upper >= 0.3))
    assert np.median(upper - lower) < 1
    assert method.fits(population("skewed losses", 50, {})) == (not method.counts)


def test_an_interval_read_at_every_draw_is_the_intersection_over_the_draws():
    lower, upper = METHODS["Clopper-Pearson, peeking"].run(drawn("rate 0.3", 0.1))
    counts = drawn("rate 0.3", 0.1).values().cumsum(axis=1)
    found = proportion.clopper_pearson(counts, np.arange(1, 51), delta=0.1)
    assert np.array_equal(lower, np.max(found.lower, axis=1))
    assert np.array_equal(upper, np.min(found.upper, axis=1))


def test_one_reading_of_betting_at_the_end_is_that_of_its_sequence():
    lower, upper = METHODS["betting, every draw"].run(drawn("skewed losses", 0.1, repeats=3))
    found = mean.betting_sequence(drawn("skewed losses", 0.1, repeats=3).values(), delta=0.1)
    assert np.array_equal(lower, np.max(found.lower, axis=1))
    assert np.array_equal(upper, np.min(found.upper, axis=1))
