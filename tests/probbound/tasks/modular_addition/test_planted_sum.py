"""A network that adds modulo p by construction."""

from typing import Any

import numpy as np
import pytest

import probbound
from probbound.machine.errors import UserError
from probbound.tasks.modular_addition.planted_sum import planted_sum
from probbound.tasks.modular_addition.task import ModularAddition


def failure(model, strategy="brute-force"):
    task = ModularAddition(model.d_vocab)
    return probbound.certify(model, task, strategy=strategy).failure_upper


def test_it_is_right_where_noise_is_small_and_wrong_where_it_is_loud():
    small: dict[str, Any] = {"waves": 6, "neurons": 24, "beside": 4}
    assert failure(planted_sum(29, **small)) == 0
    assert failure(planted_sum(29, **small, noise=0.02), "low-rank:12") == 0
    assert failure(planted_sum(29, **small, noise=3.0)) > 0.5


def test_the_bottleneck_is_the_same_function():
    narrow, direct = (planted_sum(23, 1, waves=3, bottleneck=kept) for kept in (True, False))
    pairs = np.array([[0, 0], [3, 22], [17, 9]])
    np.testing.assert_allclose(narrow.plain(pairs), direct.plain(pairs), rtol=0, atol=1e-11)
    assert (narrow.d_out, direct.d_out) == (38, direct.d_mlp)


def test_the_seed_decides():
    same, again, other = (planted_sum(13, seed, waves=2, neurons=8) for seed in (1, 1, 2))
    np.testing.assert_array_equal(same.W_E, again.W_E)
    assert not np.array_equal(same.W_E, other.W_E)


@pytest.mark.parametrize("given", [{"waves": 7}, {"neurons": 0}, {"noise": -0.1}, {"beside": -1}])
def test_what_makes_no_network_is_refused(given):
    with pytest.raises(UserError, match="waves must be 1 to 6 for p = 13"):
        planted_sum(13, **{"waves": 3, **given})
