import itertools

import numpy as np
import pytest

from probbound.check.models.transformer.alone.mean import Places, largest_mean, weights


@pytest.mark.parametrize(("spread", "near"), [(0.1, 1e-10), (1, 1e-9), (3, 1e-6), (100, np.inf)])
def test_it_is_the_largest_mean_itself(spread, near):
    rng = np.random.default_rng(int(10 * spread))
    for _ in range(20):
        exponents, values = spread * rng.normal(size=(3, 4)), rng.normal(size=(3, 4, 5))
        chosen = np.array(list(itertools.product(range(4), repeat=3)))
        share, value = exponents[np.arange(3), chosen], values[np.arange(3), chosen]
        share = np.exp(share - share.max(axis=1, keepdims=True))
        true = ((share[..., None] * value).sum(axis=1) / share.sum(axis=1)[:, None]).max(axis=0)
        exponents -= exponents.max()
        low, high = weights(exponents, exponents)
        found = largest_mean([Places(low[..., None], high[..., None], values)])
        assert (found >= true - 1e-14).all()
        assert (found <= np.minimum(true + near, values.max(axis=(0, 1)))).all()


def test_bounds_of_weights_are_taken_at_their_worst():
    rng = np.random.default_rng(0)
    middle, values = rng.normal(size=(4, 1)) - 3, rng.normal(size=(4, 1, 6))
    low, high = weights(middle - 0.5, middle + 0.5)
    found = largest_mean([Places(low[..., None], high[..., None], values)])
    corners = np.array(list(itertools.product((-0.5, 0.5), repeat=4))) + middle[:, 0]
    e = np.exp(corners)
    true = (e @ values[:, 0] / e.sum(axis=1)[:, None]).max(axis=0)
    np.testing.assert_allclose(found, true, atol=1e-11)
    assert (found >= true).all()


def test_weights_that_vanish_and_values_that_are_no_numbers():
    low, high = weights(np.array([[-2000.0], [0.0]]), np.array([[-2000.0], [0.0]]))
    assert low[0] == 0
    assert high[0] > 0
    found = largest_mean([Places(low[..., None], high[..., None], np.array([[[1.0]], [[-1.0]]]))])
    np.testing.assert_allclose(found, -1, atol=1e-11)
    broken = largest_mean(
        [Places(low[..., None], high[..., None], np.array([[[np.nan]], [[0.0]]]))]
    )
    assert not broken <= np.inf


def test_the_largest_mean_may_be_that_of_faint_weights():
    """A member that outweighs all others by e^46 is not the one that stands there."""
    faint = np.array([[0.0, -46.0], [-46.0, -46.0]])
    values = np.array([[-5.0, -5.0], [3.0, 3.0]])
    low, high = weights(faint, faint)
    found = largest_mean([Places(low[..., None], high[..., None], values[..., None])])
    np.testing.assert_allclose(found, -1, atol=1e-10)
    assert found >= -1
