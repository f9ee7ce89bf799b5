"""Disjoint product sets: counted exactly, numbered one to one, drawn uniformly (10.11, 1.4)."""

import itertools
from fractions import Fraction

import numpy as np
from scipy import stats

from probbound.contract.residue import draw
from probbound.draws.random_streams import Stream
from probbound.populations import product_sets
from probbound.populations.product_sets import ProductSets, all_of, split, stacked

PLACES, TOKENS = 4, 5
FALSE_ALARM = 1e-6  # of each test that draws, at its fixed seed
RNG = np.random.default_rng(0)


def disjoint(number):
    """Sets whose first place tells them apart."""
    sets = RNG.random((number, PLACES, TOKENS)) < 0.5
    sets[:, :, 0] = True
    sets[:, 0] = np.eye(TOKENS, dtype=bool)[:number]
    return sets


def listed(sets):
    return [
        sequence
        for one in sets
        for sequence in itertools.product(*(np.flatnonzero(place) for place in one))
    ]


def test_every_ticket_is_another_sequence_in_the_order_of_tokens():
    sets = disjoint(4)
    made = ProductSets(sets)
    assert (made.bits, made.mass, made.size) == (0, len(listed(sets)), len(listed(sets)))
    ranks = np.arange(made.tickets)
    tickets = made.members(ranks, Stream.from_seed(0), 0)
    assert not tickets.blank.any()
    assert [tuple(row) for row in tickets.members.tolist()] == listed(sets)
    few = made.members(ranks[::-3], Stream.from_seed(0), 0)
    assert [tuple(row) for row in few.members.tolist()] == listed(sets)[::-3]


def test_all_of_one_set():
    one = disjoint(1)[0]
    assert [tuple(row) for row in all_of(one).tolist()] == listed([one])


def test_parts_of_a_split_are_disjoint_and_whole():
    one = disjoint(1)[0]
    for place in range(PLACES):
        parts = list(split(one, place))
        assert len(parts) == one[place].sum()
        assert sorted(listed(parts)) == sorted(listed([one]))


def test_no_sets():
    made = ProductSets(stacked([], PLACES, TOKENS))
    assert (made.tickets, made.mass, made.bits, made.size) == (0, 0, 0, 0)
    found = made.members(np.zeros(0, dtype=np.int64), Stream.from_seed(0), 0)
    assert found.members.shape == (0, PLACES)


def test_draws_are_uniform():
    sets = disjoint(3)
    made, n = ProductSets(sets), 40_000
    found = draw(made, Stream.from_seed(5), 0, n).members
    numbers = {sequence: k for k, sequence in enumerate(listed(sets))}
    counts = np.bincount([numbers[tuple(row)] for row in found.tolist()], minlength=len(numbers))
    assert stats.chisquare(counts).pvalue > FALSE_ALARM


def test_tickets_of_several_sequences(monkeypatch):
    """Few tickets: as many sequences on each as a power of two, the last ones blank."""
    sets = disjoint(3)
    monkeypatch.setattr(product_sets, "MOST_TICKETS", 11)
    made = ProductSets(sets)
    masses = [len(listed([one])) for one in sets]
    assert made.masses == masses
    fits = [b for b in range(20) if sum(-(-m // 2**b) for m in masses) <= 11]
    assert made.bits == fits[0] > 0
    assert made.tickets == sum(-(-m // 2**made.bits) for m in masses)
    assert made.size == made.tickets * 2**made.bits >= made.mass
    n = 60_000
    tickets = draw(made, Stream.from_seed(3), 0, n)
    numbers = {sequence: k for k, sequence in enumerate(listed(sets))}
    counts = np.bincount(
        [numbers[tuple(row)] for row in tickets.genuine.tolist()], minlength=len(numbers)
    )
    blank = int(made.size) - made.mass
    expected = np.array([1] * len(numbers) + [blank]) * n / int(made.size)
    seen = np.append(counts, tickets.blank.sum())
    assert blank > 0
    assert stats.chisquare(seen, expected).pvalue > FALSE_ALARM


def test_more_sequences_than_numbers():
    """2^118 in one set: digits are those of a number that no word holds."""
    sets = np.ones((2, 60, 4), dtype=bool)
    sets[:, 0] = [[True, False, False, False], [False, True, True, False]]
    made = ProductSets(sets)
    assert made.masses == [4**59, 2 * 4**59]
    assert made.tickets <= 2**53 < 2 * made.tickets + 2
    assert made.size == Fraction(made.mass)
    found = draw(made, Stream.from_seed(1), 0, 4000)
    assert not found.blank.any()
    assert set(np.unique(found.members[:, 0])) == {0, 1, 2}
    for place in range(1, 60):
        assert stats.chisquare(np.bincount(found.members[:, place], minlength=4)).pvalue > 1e-8
    again = draw(made, Stream.from_seed(1), 1000, 1100)
    assert np.array_equal(again.members, found.members[1000:1100])


def test_numbers_up_to_two_to_the_62_and_beyond_without_bits():
    one = np.zeros((1, 3, 2), dtype=bool)
    one[0, :, 1] = True
    assert ProductSets(one).members(np.array([0]), Stream.from_seed(0), 0).members.tolist() == [
        [1, 1, 1]
    ]
