"""Counting tuples within a capacity, against enumeration."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probbound.tasks.max_of_k.screens.knapsack import (
    Scale,
    _convolve,
    root_counts,
    tables_of,
    tuples_by_number,
)


def members(prices, required, must_contain, capacity):
    """The tuples in the order the tables number them."""
    offered = range(required + 1)
    return [
        tokens
        for tokens in itertools.product(offered, repeat=len(prices))
        if sum(prices[p][t] for p, t in enumerate(tokens)) <= capacity
        and (required in tokens or not must_contain)
    ]


problems = st.integers(0, 3).flatmap(
    lambda positions: st.tuples(
        st.lists(
            st.lists(st.integers(0, 9), min_size=4, max_size=4),
            min_size=positions,
            max_size=positions,
        ),
        st.integers(0, 3),
        st.booleans(),
        st.integers(0, 12),
    )
)


@given(problems)
@settings(max_examples=200, deadline=None)
def test_counts_and_members_equal_the_enumeration(problem):
    prices, required, must_contain, capacity = problem
    expected = members(prices, required, must_contain, capacity)
    array = np.array(prices, dtype=np.int64).reshape(len(prices), 4)
    scale = Scale.fitting(4, len(prices), 1)
    assert scale.exponents == (0,) * (len(prices) + 1)
    wanted, needed, ones = np.array([required]), np.array([must_contain]), np.ones(4, dtype=int)
    tables = tables_of(array[None], wanted, capacity, scale, ones)
    (count,) = root_counts(array[None], wanted, needed, capacity, scale, tables, ones)
    assert count == len(expected)
    words = np.zeros((len(expected), len(prices)), dtype=np.uint64)
    numbers = np.arange(len(expected))
    tuples, blank = tuples_by_number(
        array, required, must_contain, capacity, scale, tables, ones, numbers, words
    )
    assert not blank.any()
    assert [tuple(row) for row in tuples] == expected


def test_rounded_up_tables_give_every_tuple_one_share():
    """With units of several tuples, enumerate all low bits: equal shares, and the rest blank."""
    rng = np.random.default_rng(0)
    prices = rng.integers(0, 5, (3, 4))
    scale = Scale((0, 0, 1, 3))
    required, capacity = 3, 6
    for must_contain in (False, True):
        expected = members(prices, required, must_contain, capacity)
        wanted, needed = np.array([required]), np.array([must_contain])
        ones = np.ones(4, dtype=int)
        tables = tables_of(prices[None], wanted, capacity, scale, ones)
        (count,) = root_counts(prices[None], wanted, needed, capacity, scale, tables, ones)
        assert count * 2**3 >= len(expected)
        lows = list(itertools.product(range(count), range(4), range(2)))
        numbers = np.array([number for number, _, _ in lows])
        words = np.zeros((len(lows), 3), dtype=np.uint64)
        words[:, 0] = np.array([high << 62 for _, high, _ in lows], dtype=np.uint64)
        words[:, 1] = np.array([low << 63 for _, _, low in lows], dtype=np.uint64)
        tuples, blank = tuples_by_number(
            prices, required, must_contain, capacity, scale, tables, ones, numbers, words
        )
        drawn = sorted(tuple(row) for row in tuples[~blank])
        assert drawn == sorted(expected)
        assert blank.sum() == len(lows) - len(expected)


def test_convolution_is_exact_up_to_the_largest_counts():
    rng = np.random.default_rng(1)
    tokens, states = 64, 1024
    table = np.sort(rng.integers(0, 2**50, (2, 2, states)), axis=-1)
    offered = rng.integers(0, states + 1, (2, tokens))
    expected = np.zeros_like(table)
    for row in range(2):
        for price in offered[row]:
            if price < states:
                expected[row, :, price:] += table[row, :, : states - price]
    np.testing.assert_array_equal(_convolve(table, offered, np.ones(tokens, dtype=int)), expected)


@pytest.mark.parametrize(("tokens", "positions", "problems"), [(64, 19, 4096), (1024, 3, 2**20)])
def test_scaled_counts_leave_room(tokens, positions, problems):
    scale = Scale.fitting(tokens, positions, problems)
    largest = 1 << (62 - (tokens * problems).bit_length() + 1)
    for to_go in range(positions + 1):
        assert tokens**to_go >> scale.exponents[to_go] <= largest
    assert largest * tokens * problems <= 1 << 63
