"""The checker's own ends against exact sums, and its plans and populations against lists."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
import scipy

from probbound.check.bounds import clopper_pearson
from probbound.check.own import intervals
from probbound.check.own.draws import drawn_members, sample_of
from probbound.check.own.intervals import least_share, most_marked, most_share
from probbound.check.own.plan import shared_out
from probbound.check.own.populations import population_of
from probbound.check.report import Refused
from probbound.check.stream import Stream


def tail(k, n, marked, population):
    """P(X <= k) of the hypergeometric law."""
    rest = population - marked
    ways = sum(math.comb(marked, i) * math.comb(rest, n - i) for i in range(k + 1))
    return Fraction(ways, math.comb(population, n))


def mixture(k, n, marked, population):
    """The likelihood ratio of 2.7 as its definition has it: a uniform number of marked ones."""
    own = math.comb(marked, k) * math.comb(population - marked, n - k)
    others = sum(math.comb(m, k) * math.comb(population - m, n - k) for m in range(marked + 1))
    return None if own == 0 else Fraction(others, own * (marked + 1))


@pytest.mark.parametrize("delta", [0.001, 0.05, 0.3, 0.93])
@pytest.mark.parametrize("few", [200, 0])
def test_marked_members_are_those_that_no_test_rejects(delta, few, monkeypatch):
    monkeypatch.setattr(intervals, "_BY_WHOLE_NUMBERS", few)
    for population, n in ((12, 5), (30, 1), (30, 29), (41, 17)):
        for k in range(n + 1):
            allowed = range(k, population - (n - k) + 1)
            kept = max(m for m in allowed if m == k or tail(k, n, m, population) > delta)
            assert most_marked(k, n, population, delta, at_any_time=False) == kept
            values = ((m, mixture(k, n, m, population)) for m in allowed)
            kept = max(
                m for m, v in values if m == k or (v is not None and v * Fraction(delta) < 1)
            )
            assert most_marked(k, n, population, delta, at_any_time=True) == kept


def test_a_tail_that_is_the_delta_is_rejected():
    """Of 64 tickets one is drawn, and good: 48 bad ones have a tail of just 1/4."""
    assert tail(0, 1, 48, 64) == Fraction(1, 4)
    assert most_marked(0, 1, 64, 0.25, at_any_time=False) == 47


@pytest.mark.parametrize("delta", [1e-12, 0.01, 0.3])
def test_rates_with_replacement_are_proven_and_close(delta):
    for k, n in ((0, 10), (1, 10), (10, 10), (3, 500), (250, 500), (499, 500), (7, 10**6)):
        lower = float(least_share(k, n, None, delta, at_any_time=False))
        exact = scipy.special.betaincinv(k, n - k + 1, delta) if k else 0.0
        assert lower == pytest.approx(exact, rel=1e-8)
        upper = float(most_share(k, n, None, delta, at_any_time=False))
        assert upper == pytest.approx(clopper_pearson(k, n, math.log(delta)), rel=2e-9)
        later = least_share(k, n, None, delta, at_any_time=True)
        assert later <= least_share(k, n, None, delta, at_any_time=False)
        mirrored = 1 - most_share(n - k, n, None, delta, at_any_time=True)
        assert float(later) == pytest.approx(float(mirrored), abs=1e-8)


def test_looks_are_shared_out_by_weight_and_what_is_covered_goes_on():
    assert shared_out(10, [1, 1, 1], [None] * 3) == [4, 3, 3]
    assert shared_out(7, [1, 2, 4], [1000] * 3) == [1, 2, 4]
    assert shared_out(20, [3, 5], [10, 20]) == [8, 12]
    assert shared_out(60, [100, 1], [50, 1000]) == [50, 10]
    assert shared_out(100, [1, 1, 2], [5, 20, 1000]) == [5, 20, 75]
    assert shared_out(0, [1, 2], [5, 5]) == [0, 0]
    for budget, sizes in itertools.product(range(30), [(3, 9, 1), (5, 5, 5)]):
        found = shared_out(budget, [3, 5, 7], sizes)
        assert sum(found) == min(budget, sum(sizes))
        assert all(n <= size for n, size in zip(found, sizes, strict=True))


def test_tickets_of_sequences_are_numbered_by_their_digits():
    stated = {"kind": "sequences", "laws": [[2, 0, 1], [3, 4]], "positions": [0, 1, 0]}
    population = population_of(stated)
    weights = [(2, 0, 1), (3, 4), (2, 0, 1)]
    every = [
        (tokens, math.prod(w[t] for w, t in zip(weights, tokens, strict=True)))
        for tokens in itertools.product(*(range(len(w)) for w in weights))
    ]
    # A member's tickets need not be next to each other: its digits are what decides.
    digits = itertools.product(range(3), range(7), range(3))
    whose = [
        tuple(int(d >= w[0]) * (len(w) - 1) for d, w in zip(x, weights, strict=True))
        for x in digits
    ]
    members = population.members_of(np.arange(63))
    assert [tuple(row) for row in population.rows(members).tolist()] == whose
    number = len([weight for _, weight in every if weight])
    assert population.members == number
    counts = population.ticket_counts(np.arange(number))
    assert counts.tolist() == [weight for _, weight in every if weight]
    before = [population.tickets_before(m) for m in range(number + 1)]
    assert before == [0, *np.cumsum(counts).tolist()]


@pytest.mark.parametrize(
    "stated",
    [
        {"kind": "sequences", "laws": [[1, 2], [1, 1]], "positions": [1, 0]},
        {"kind": "sequences", "laws": [[1, 2], [1, 2]], "positions": [0, 1]},
        {"kind": "sequences", "laws": [[2, 4]], "positions": [0]},
        {"kind": "sequences", "laws": [[1, 2]], "positions": [0, 1]},
        {"kind": "sequences", "laws": [[1, 2]], "positions": []},
        {"kind": "listed", "members": 2, "tickets": 3, "weights": None, "sha256": ""},
        {"kind": "listed", "members": 2, "tickets": 4, "weights": [2, 2], "sha256": ""},
        {"kind": "listed", "members": 2, "tickets": 2, "weights": [1, 1], "sha256": ""},
        {"kind": "listed", "members": 2, "tickets": 4, "weights": [1, 2], "sha256": ""},
        {"kind": "listed", "members": 3, "tickets": 2, "weights": None, "sha256": ""},
        {"kind": "listed", "members": 3, "tickets": 1 << 60, "weights": None, "sha256": ""},
    ],
)
def test_a_population_has_one_statement(stated):
    with pytest.raises(Refused):
        population_of(stated)


def test_large_members_are_taken_and_the_others_drawn_from():
    weights = [5, 100, 1, 1, 5, 3, 1, 1, 1, 1]
    stated = {"kind": "listed", "members": 10, "tickets": 119, "weights": weights, "sha256": ""}
    sample = sample_of(population_of(stated), 6)
    assert sample.taken is not None
    assert sample.taken.tolist() == [1, 0, 4, 5]  # 100·6 >= 119, 5·5 >= 19, 5·4 >= 14, 3·3 >= 9
    assert (sample.rest, sample.draws, sample.taken_tickets) == (6, 2, 113)
    members = drawn_members(sample, Stream.of_seed(1))
    assert not set(members.tolist()) & set(sample.taken.tolist())
