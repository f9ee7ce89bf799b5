"""A transformer that takes the largest token by construction."""

import numpy as np
import pytest

import probbound
from probbound.machine.errors import UserError
from probbound.tasks.max_of_k.planted_max import planted_max_of_k
from probbound.tasks.max_of_k.task import task_for


def test_it_is_right_where_noise_is_small_and_wrong_where_nothing_is_copied():
    clear = planted_max_of_k(12, 3, 64, steepness=200.0)
    made = probbound.certify(clear, task_for(clear), strategy="brute-force")
    assert made.bound == 1
    mute = planted_max_of_k(12, 3, 64, copying=0.0)
    assert probbound.certify(mute, task_for(mute), strategy="brute-force").bound < 0.5


def test_the_seed_decides():
    same, again, other = (planted_max_of_k(5, 2, 4, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(same.W_E, again.W_E)
    assert not np.array_equal(same.W_E, other.W_E)


@pytest.mark.parametrize("sizes", [(0, 2, 4), (5, 0, 4), (5, 2, 1)])
def test_sizes_that_make_no_model_are_refused(sizes):
    with pytest.raises(UserError, match="d_vocab and n_ctx must be at least 1 and d_model at"):
        planted_max_of_k(*sizes)
