"""The first n different integers of a stream, by every method, and that they are uniform."""

import itertools
from collections import Counter

import pytest
from scipy.stats import chi2

from probbound.draws.random_streams import Stream
from probbound.populations import ranks

FALSE_ALARM = 1e-6


def naive(stream: Stream, n: int, tickets: int) -> list[int]:
    """One word after another."""
    found: dict[int, None] = {}
    words = itertools.count()
    while len(found) < n:
        at = next(words)
        found.setdefault(int(stream.integers(at, at + 1, tickets)[0]))
    return list(found)


@pytest.mark.parametrize(
    ("n", "tickets"), [(0, 5), (1, 1), (5, 5), (40, 41), (300, 10**6), (9, 2**53)]
)
def test_they_are_the_first_different_words(n, tickets):
    stream = Stream.from_seed(7)
    assert ranks.different(stream, n, tickets).tolist() == naive(stream, n, tickets)


@pytest.mark.parametrize(
    ("n", "tickets"), [(17_000, 17_001), (40_000, 60_000), (70_000, 4_000_000)]
)
def test_the_table_finds_what_sorting_finds(n, tickets, monkeypatch):
    stream = Stream.from_seed(tickets)
    by_table = ranks.different(stream, n, tickets)
    monkeypatch.setattr(ranks, "_TABLE", 0)
    assert (ranks.different(stream, n, tickets) == by_table).all()
    assert len(set(by_table.tolist())) == n


def test_every_order_is_as_likely_as_every_other():
    repeats = 3_000
    orders = Counter(
        tuple(ranks.different(Stream.from_seed(seed), 3, 4).tolist()) for seed in range(repeats)
    )
    assert set(orders) == set(itertools.permutations(range(4), 3))
    statistic = sum((count - repeats / 24) ** 2 / (repeats / 24) for count in orders.values())
    assert chi2.sf(statistic, 23) > FALSE_ALARM


def test_draws_may_repeat_only_where_it_hardly_matters():
    assert not ranks.may_repeat(ranks.FEW, 2**53, uniform=True)
    assert ranks.may_repeat(1, 2**53 + 1, uniform=True)
    many = ranks.FEW + 1
    assert ranks.may_repeat(many, 64 * many + 1, uniform=True)
    assert not ranks.may_repeat(many, 64 * many, uniform=True)
    assert not ranks.may_repeat(many, 64 * many + 1, uniform=False)
    assert ranks.may_repeat(ranks.MOST_DIFFERENT + 1, 2**53, uniform=False)
