"""A first layer that looks at the token before, all others in a hull (Theorem 10.9)."""

import itertools

import numpy as np
import pytest

from probbound.models.transformer.attention_alone.form import form_of
from probbound.models.transformer.attention_alone.near import Near, near_weights
from tests.probbound.models.transformer.attention_alone.networks import random_network
from tests.probbound.models.transformer.attention_alone.reference import attention, states


@pytest.mark.parametrize("scale", [0.5, 4.0])
def test_no_mean_is_beyond_that_of_the_hull(scale):
    v, n, rng = 3, 5, np.random.default_rng(0)
    form = form_of(random_network(4, v=v, n=n, scale=scale))
    near, table = near_weights(form), rng.normal(size=(n, v, 4))
    tokens = np.array(list(itertools.product(range(v), repeat=n)))
    pattern = attention(form, states(form, tokens)[0], 0, 0)
    means = pattern @ table[np.arange(n), tokens]
    for p in range(n):
        bound = near.means(p, table)
        before = tokens[:, p - 1] if p else tokens[:, p]
        assert np.all(bound[tokens[:, p], before] >= means[:, p])
        if p < 2:  # nothing further back
            np.testing.assert_allclose(bound[tokens[:, p], before], means[:, p], atol=1e-6)


def test_weights_that_are_too_faint_to_be_told_apart_bound_nothing():
    tiny = np.nextafter(0.0, 1.0)
    # of token 0, with token 0 before, nothing is certain; with 1 before all is sharp
    near = Near(
        np.array([[1.0], [2 * tiny]]),
        np.array([[[0.0, 0.0]], [[tiny, 1.0]]]),
        np.zeros((2, 1)),
        np.zeros((2, 1)),
        1e-12,
    )
    table = np.array([[[5.0], [1.0]], [[-5.0], [-5.0]]])
    assert near.mean(1, table, 0, 0) == 5
    assert near.mean(1, table, 0, 1) == pytest.approx(1)
