"""Sets that are narrowed and split, by sums that are known (Theorem 10.21)."""

import itertools

import numpy as np
import pytest

from probbound.models.transformer.attention_alone.narrowing import Open, narrowed

V, N, OUT = 3, 4, 2


class Sums:
    """Terms of every position by its token alone: their largest sum is that of largest terms."""

    def __init__(self, terms):
        self.terms, self.off = terms, np.zeros((OUT, OUT))
        self.rows = 0

    def through(self, allowed, label, rivals):
        for owner, j in np.argwhere(rivals):
            self.rows += 1
            term = np.where(allowed[owner], self.terms[j], -np.inf)
            most = term.max(axis=1)
            found = term + (most.sum() - most)[:, None]
            yield np.array([owner]), np.array([j]), found[None]


def case(rivals=(True, True)):
    return Open(np.ones((N, V), dtype=bool), 0, np.array(rivals), V**N)


def wrong(sums, j):
    """Sequences whose sum is positive."""
    every = itertools.product(range(V), repeat=N)
    return {x for x in every if sum(sums.terms[j][np.arange(N), x]) > 0}


def sequences(sets):
    found = [
        x for one in sets for x in itertools.product(*(np.flatnonzero(row) for row in one.allowed))
    ]
    assert len(found) == len(set(found))
    return set(found)


@pytest.mark.parametrize("seed", range(8))
def test_sets_are_disjoint_and_hold_every_sequence_that_may_be_wrong(seed):
    sums = Sums(np.random.default_rng(seed).normal(size=(OUT, N, V)) - 0.4)
    may_fail = wrong(sums, 0) | wrong(sums, 1)
    sizes = []
    for rows in (0, 1, 2, 5, 20, 200):
        sums.rows = 0
        left = narrowed(sums, [case()], rows)
        assert may_fail <= sequences(left)
        assert sums.rows <= rows
        sizes.append(sum(one.size for one in left))
    assert sizes[:2] == [V**N] * 2  # two answers may lead, and one row is too few
    assert sizes == sorted(sizes, reverse=True)


def test_tokens_that_lead_nowhere_are_taken_out_and_answers_that_do_not_lead():
    terms = np.full((OUT, N, V), -1.0)
    terms[1, 1, 2], terms[1, 3, 0] = 2.5, 2.5  # both together, with two of -1
    sums = Sums(terms)
    (one,) = narrowed(sums, [case()], 2)
    assert one.rivals.tolist() == [False, True]
    assert one.allowed.sum(axis=1).tolist() == [V, 1, V, 1]
    assert one.allowed[1, 2]
    assert one.allowed[3, 0]
    assert not one.waiting
    assert narrowed(sums, [case((True, False))], 2) == []


def test_a_set_is_cut_where_the_fewest_tokens_are_near_the_top():
    terms = np.zeros((OUT, N, V))
    terms[1, 2] = [1.0, 0.1, 0.1]
    first, second = narrowed(Sums(terms), [case((False, True))], 1)
    assert first.allowed[2].tolist() == [True, False, False]
    assert second.allowed[2].tolist() == [False, True, True]
    assert first.waiting
    assert second.waiting


def test_the_largest_sets_are_looked_at_first_and_keep_their_place():
    small = case((False, True)).allowed.copy()
    small[0] = [True, False, False]
    sets = [Open(small, 0, np.array([False, True]), V**N), case((False, True))]
    left = narrowed(Sums(np.full((OUT, N, V), -1.0)), sets, 1)
    assert [one.size for one in left] == [V ** (N - 1)]
    assert narrowed(Sums(np.full((OUT, N, V), -1.0)), sets, 2) == []


def test_small_parts_of_a_case_are_not_cut():
    terms = np.zeros((OUT, N, V))
    terms[1, 2] = [1.0, 0.1, 0.1]
    large = Open(np.ones((N, V), dtype=bool), 0, np.array([False, True]), V**N << 16)
    (one,) = narrowed(Sums(terms), [large], 9)
    assert one.size == V**N
    assert not one.waiting
