"""Rows of different lengths together are what each is alone, in every arithmetic."""

import jax
import numpy as np
import pytest

from probbound.machine.errors import UserError
from probbound.models.transformer.lengths import firsts, from_the_first, in_front, of_one_length
from probbound.models.transformer.plain import Plain
from probbound.models.transformer.running import (
    everywhere,
    of_each,
    outcomes,
    outcomes_in_balls,
    outcomes_with_radii,
)
from probbound.models.transformer.sharing import Joint
from probbound.models.transformer.sizing import sizes_of
from tests.probbound.check.models.transformer.networks import CASES
from tests.probbound.models.transformer.networks import network

ROWS = np.array([[-1, 2, 5, 1], [3, 0, 6, 2], [-1, -1, -1, 4], [-1, 2, 0, 0]])
ALONE = [[2, 5, 1], [3, 0, 6, 2], [4], [2, 0, 0]]


def test_rows_are_moved_and_sorted_by_length():
    assert firsts(ROWS).tolist() == [1, 0, 3, 1]
    moved = from_the_first(ROWS)
    assert moved.tolist() == [[2, 5, 1, 0], [3, 0, 6, 2], [4, 0, 0, 0], [2, 0, 0, 0]]
    assert in_front(ROWS).tolist() == [[2], [3], [4], [2]]
    found = [(places.tolist(), rows.tolist()) for places, rows in of_one_length(ROWS)]
    assert found == [([1], [ALONE[1]]), ([0, 3], [ALONE[0], ALONE[3]]), ([2], [ALONE[2]])]


@pytest.mark.parametrize(
    "case",
    [
        "post and shortformer",
        "alibi, not causal, capped",
        *(pytest.param(case, marks=pytest.mark.slow) for case in CASES),
    ],
)
def test_each_is_answered_as_it_is_alone(case):
    made = network(3, 0.7, **CASES[case])
    sizes = sizes_of(made)
    with jax.disable_jit():
        together, (values, radii) = outcomes(made, ROWS), outcomes_with_radii(made, ROWS, sizes)
        for number, row in enumerate(ALONE):
            one = np.array([row])
            alone, (value, radius) = outcomes(made, one), outcomes_with_radii(made, one, sizes)
            np.testing.assert_allclose(together[number], alone[0], rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(values[number], value[0], rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(radii[number], radius[0], rtol=0.5)


@pytest.mark.parametrize("case", ["as Gemma 2", "alibi, not causal, capped"])
def test_balls_are_those_of_each_alone(case):
    pytest.importorskip("flint", reason="make test-full installs python-flint")
    made = network(3, 0.7, **CASES[case])
    values, radii = outcomes_in_balls(made, ROWS, 128)
    for number, row in enumerate(ALONE):
        value, radius = outcomes_in_balls(made, np.array([row]), 128)
        np.testing.assert_array_equal(values[number], value[0])
        np.testing.assert_array_equal(radii[number], radius[0])


def test_what_is_no_row_is_refused():
    made = network(3)
    for row in ([1, -1, 2], [-1, -1, -1], [-2, 1, 2]):
        with pytest.raises(UserError, match="tokens"):
            outcomes(made, np.array([row, [1, 2, 3]]))
    with pytest.raises(UserError, match="tokens"):
        everywhere(made, ROWS)


def test_lists_are_rows_and_what_has_no_rows_is_refused():
    alone = Joint.of([network(3)], Plain(), 0)
    np.testing.assert_array_equal(
        of_each(alone, [[1, 2, 3]]), of_each(alone, np.array([[1, 2, 3]]))
    )
    for tokens in (np.array([1, 2, 3]), "tokens", [[1.0, 2.0]]):
        with pytest.raises(UserError, match="rows of whole numbers"):
            of_each(alone, tokens)
