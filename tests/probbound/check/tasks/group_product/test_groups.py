"""The checker's groups: the same tables as the maker's, and no table that is no group's."""

from __future__ import annotations

import numpy as np
import pytest

from probbound.check.tasks.group_product.groups import faults, is_cyclic_sum, named
from probbound.tasks.group_product.groups import group_named


def table_of(name):
    table = named(name)
    assert table is not None
    return table


@pytest.mark.parametrize("name", ["c1", "c7", "s1", "s2", "s3", "s4", "a3", "a4", "a5"])
def test_a_name_stands_for_one_table_on_both_sides(name):
    table = table_of(name)
    assert np.array_equal(table, group_named(name).array)
    assert not list(faults(table.tolist(), len(table)))


@pytest.mark.parametrize("name", ["", "C7", "c0", "c07", "s7", "c1025", "c99999", "d4", "s3 "])
def test_other_names_stand_for_none(name):
    assert named(name) is None


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ([[0, 1]], "rows and columns"),
        ([[0, 1], [1]], "rows and columns"),
        ([[0, 5], [5, 0]], "no elements"),
        ([[0, 1], [0, 1]], "twice"),
        ([[1, 2, 0], [0, 1, 2], [2, 0, 1]], "identity"),
        (
            [
                [0, 1, 2, 3, 4],
                [1, 0, 3, 4, 2],
                [2, 4, 0, 1, 3],
                [3, 2, 4, 0, 1],
                [4, 3, 1, 2, 0],
            ],
            "associative",
        ),
    ],
)
def test_what_is_no_group_is_said_so(table, reason):
    assert reason in next(faults(table, len(table)))


def test_sums_are_known():
    assert is_cyclic_sum(table_of("s2"))
    assert not is_cyclic_sum(table_of("s3"))
