"""The recursion over chains against every chain, one by one (Theorem 10.19)."""

import itertools

import numpy as np
import pytest

from probbound.arithmetic.semirings import COUNTS, MAX_PLUS, reached

STATES = (3, 2, 4, 1, 3)


def chains(ring, first, links, place):
    """⊕ over every chain up to a place, by its last state."""
    found = np.full(len(links[place - 1]) if place else len(first), ring.zero, dtype=first.dtype)
    for states in itertools.product(*(range(size) for size in STATES[: place + 1])):
        weight = ring.times(ring.one, first[states[0]])
        for link, before, now in zip(links, states, states[1:], strict=False):
            weight = ring.times(weight, link[now, before])
        found[states[-1]] = ring.plus(found[states[-1]], weight)
    return found


@pytest.mark.parametrize("ring", [MAX_PLUS, COUNTS])
def test_sums_are_those_over_every_chain(ring):
    rng = np.random.default_rng(0)
    made = [
        rng.integers(0, 9, size=shape) for shape in [(3,), *zip(STATES[1:], STATES, strict=False)]
    ]
    kind = object if ring is COUNTS else np.float64
    first, *links = (each.astype(kind) for each in made)
    for place, found in enumerate(reached(ring, first, links)):
        assert found.tolist() == chains(ring, first, links, place).tolist()


def test_counts_are_exact_beyond_floats():
    first, link = np.array([1, 1], dtype=object), np.array([[10, 1], [0, 10]], dtype=object)
    *_, found = reached(COUNTS, first, [link] * 60)
    assert found.tolist() == [10**60 + 60 * 10**59, 10**60]


def test_a_batch_is_its_members():
    rng = np.random.default_rng(1)
    first, links = rng.normal(size=(2, 5, 3)), rng.normal(size=(4, 2, 5, 3, 3))
    for found, one in zip(
        reached(MAX_PLUS, first, links), reached(MAX_PLUS, first[1, 2], links[:, 1, 2]), strict=True
    ):
        assert np.array_equal(found[1, 2], one)


@pytest.mark.parametrize("ring", [MAX_PLUS, COUNTS])
def test_links_may_look_back_at_two_states(ring):
    rng = np.random.default_rng(2)
    kind = object if ring is COUNTS else np.float64
    first = rng.integers(0, 9, size=(2, 3)).astype(kind)  # by states 1 and 0
    links = [rng.integers(0, 9, size=shape).astype(kind) for shape in [(4, 2, 3), (2, 4, 2)]]
    *_, found = reached(ring, first, links, window=2)
    wanted = np.full((2, 4), ring.zero, dtype=kind)
    for a, b, c, d in itertools.product(range(3), range(2), range(4), range(2)):
        weight = ring.times(ring.times(first[b, a], links[0][c, b, a]), links[1][d, c, b])
        wanted[d, c] = ring.plus(wanted[d, c], weight)
    assert found.tolist() == wanted.tolist()
