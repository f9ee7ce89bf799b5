"""The largest weighted mean over a product set, against enumeration (Theorem 10.5)."""

import itertools

import numpy as np
import pytest

from probbound.models.transformer.attention_alone.mean_range import largest_mean
from tests.probbound.models.transformer.attention_alone.reference import some_sets


def largest(weights, allowed, values):
    found = -np.inf
    places = np.arange(len(allowed))
    for picked in itertools.product(*(np.flatnonzero(each) for each in allowed)):
        e = weights[places, picked]
        found = max(found, (e * values[places, picked]).sum() / e.sum())
    return found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("sharp", [0.1, 2.0, 12.0])
def test_it_is_the_largest_mean_of_all_choices(seed, sharp):
    rng = np.random.default_rng(seed)
    places, choices, quantities = 4, 4, 3
    scores = sharp * rng.normal(size=(places, choices))
    weights = np.exp(scores - scores.max())
    values = rng.normal(size=(quantities, places, choices)) * 10.0 ** rng.integers(-3, 4)
    allowed = np.stack([some_sets(rng, places, choices) for _ in range(5)])
    found = largest_mean(np.broadcast_to(weights, allowed.shape), allowed, values, 1e-15)
    wanted = np.array([[largest(weights, each, of) for of in values] for each in allowed])
    size = np.abs(values).max(axis=(1, 2))
    assert np.all(found >= wanted)
    narrow = weights[:, :, None].min() * 1e9 > 1
    assert np.all(found <= wanted + (1e-9 if narrow else 1.0) * size)


def test_weights_that_are_off_are_allowed_for():
    rng, widening = np.random.default_rng(3), 0.1
    weights = np.exp(-rng.random((4, 3)) * 3)
    values, allowed = rng.normal(size=(2, 4, 3)), np.ones((1, 4, 3), dtype=bool)
    bound = largest_mean(weights[None], allowed, values, widening)[0]
    for _ in range(40):
        off = weights * (1 + widening * rng.choice([-1, 1], size=weights.shape))
        assert np.all(bound >= [largest(off, allowed[0], of) for of in values])


def test_where_weights_underflow_the_largest_value_is_taken():
    tiny = np.nextafter(0.0, 1.0)  # it may stand for anything below 2^-1022
    weights = np.array([[[tiny, 0.0], [3 * tiny, 0.0]]])
    values = np.array([[[2.0**150, 0.0], [-(2.0**150), 0.0]]])
    allowed = np.array([[[True, False], [True, False]]])
    assert largest_mean(weights, allowed, values, 1e-12)[0, 0] == 2.0**150
    nothing = np.zeros_like(weights)
    assert largest_mean(nothing, allowed, values, 1e-12)[0, 0] == 2.0**150


def test_large_values_and_faint_weights():
    weights = np.array([[[2.0**-960, 1.0], [2.0**-1021, 1.0]]])
    values = np.array([[[-(2.0**150), 0.0], [2.0**150, 0.0]]])
    allowed = np.array([[[True, False], [True, False]]])
    off = np.array([2.0**-960, 2.0**-1021 * 1.5])
    true = (off * values[0, :, 0]).sum() / off.sum()
    assert largest_mean(weights, allowed, values, 1e-12)[0, 0] >= true


def test_the_largest_mean_may_be_that_of_faint_weights():
    """A choice that outweighs all others by 10^20 is not the one that is made."""
    weights = np.array([[[1.0, 1e-20], [1e-20, 0.0]]])
    values = np.array([[[-5.0, -5.0], [3.0, 0.0]]])
    allowed = np.array([[[True, True], [True, False]]])
    assert largest_mean(weights, allowed, values, 1e-12)[0, 0] == pytest.approx(-1, abs=1e-10)
