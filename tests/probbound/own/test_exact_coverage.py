"""Bounds fail with probability at most δ: every sample of tiny populations, counted exactly."""

import itertools
from fractions import Fraction
from functools import lru_cache
from math import comb

import numpy as np
import pytest

from probbound.own import counting
from probbound.own.bounds import Counts, bad_tickets
from probbound.own.sample import Sample
from probbound.populations.listed import Listed
from tests.probbound.own.claims import outside, part_of, subsets

DELTA = 0.3


@pytest.fixture
def drawn_tickets(monkeypatch):
    """Lets a test decide which tickets are drawn; intervals are looked up where they come again."""
    chosen = {}
    monkeypatch.setattr(counting, "bad_tickets", lru_cache(bad_tickets))
    monkeypatch.setattr(Sample, "tickets", lambda self, stream: chosen["tickets"])
    return chosen


WEIGHTS = [(1, 1, 1, 1), (1, 2, 3), (5, 1, 1, 2), (20, 6, 1, 1)]


def by_count(sample, bad_tickets):
    """Of all samples of tickets, how many have each number of bad ones; and one that has it."""
    rest = sample.rest.tickets or 0
    bad = [ticket for ticket in range(rest) if ticket in bad_tickets]
    good = [ticket for ticket in range(rest) if ticket not in bad_tickets]
    for found in range(sample.draws + 1):
        number = comb(len(bad), found) * comb(len(good), sample.draws - found)
        if number:
            tickets = sorted(bad[:found] + good[: sample.draws - found])
            yield number, np.array(tickets, dtype=np.int64)


def missed(population, n, bad, truth, drawn_tickets, side, **row):
    """The probability that the bounds miss the truth, and all bounds."""
    sample = Sample.planned(population, n)
    every = range(sample.rest.tickets or 0)
    members = sample.rest.members(np.array(every))
    check, wrong, total, found = outside(bad), 0, 0, []
    failing = {ticket for ticket, good in zip(every, check(members), strict=True) if not good}
    for number, tickets in by_count(sample, failing):
        drawn_tickets["tickets"] = tickets
        (ends,) = part_of(population, n, check, delta=DELTA, side=side, **row).ends
        assert ends.certain_lower <= truth <= ends.certain_upper
        wrong += number * (not ends.lower <= truth <= ends.upper)
        total += number
        found.append(ends)
    assert total == comb(len(every), sample.draws)
    return Fraction(wrong, total), found


@pytest.mark.parametrize("weights", WEIGHTS, ids=str)
@pytest.mark.parametrize("side", ["upper", "two"])
def test_lists_of_any_weights(weights, side, drawn_tickets):
    population = Listed(range(len(weights)), list(weights))
    for n, bad in itertools.product(range(len(weights)), subsets(len(weights))):
        truth = Fraction(sum(weights[i] for i in bad), sum(weights))
        assert missed(population, n, bad, truth, drawn_tickets, side)[0] <= DELTA


def test_conceding_and_cheap_checks_never_make_a_bound_narrower(drawn_tickets):
    population, cheap = Listed(range(5)), [outside({2, 3, 4})]  # certifies 0 and 1
    for bad, looks in itertools.product(subsets(5), (0, 1, 3)):
        if not bad & {0, 1}:
            truth = Fraction(len(bad), 5)
            case = (population, 3, bad, truth, drawn_tickets, "two")
            _, plain = missed(*case)
            chance, found = missed(*case, cheap=cheap, looks=looks)
            assert chance <= DELTA
            for narrow, wide in zip(plain, found, strict=True):
                assert wide.lower <= narrow.lower <= narrow.upper <= wide.upper


@pytest.mark.parametrize("bad", range(5))
def test_whoever_interrupts_cannot_make_it_false_more_often(bad):
    """Every order of three of five, every moment to stop: with the planned bound together."""
    rest, n = 5, 3
    bounds = lru_cache(bad_tickets)
    wrong, orders = 0, list(itertools.permutations(range(rest), n))
    for order in orders:
        false = False
        for t in range(1, n + 1):
            found = sum(ticket < bad for ticket in order[:t])
            counts = Counts(t, rest, False, found, 0, t < n)
            share = 0.01 if t < n else 0.99
            lower, upper = bounds(counts, share * DELTA, "two")
            false |= not lower <= bad <= upper
        wrong += false
    assert wrong <= DELTA * len(orders)
