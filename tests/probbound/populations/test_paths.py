"""Chains of states, counted and drawn, against every one of them (Theorem 10.19)."""

import itertools
from collections import Counter

import numpy as np
from scipy import stats

from probbound.draws.random_streams import Stream
from probbound.populations.paths import Paths

FALSE_ALARM = 1e-6
PATHS = Paths((2, 0, 1), (((1, 5, 0), (0, 1, 3)), ((1, 1), (4, 0), (0, 2)), ((1, 0, 2),)))


def every(paths):
    """All chains with their multiplicities."""
    sizes = (len(paths.first), *map(len, paths.links))
    for states in itertools.product(*map(range, sizes)):
        weight = paths.first[states[0]]
        for link, before, now in zip(paths.links, states, states[1:], strict=False):
            weight *= link[now][before]
        if weight:
            yield states, weight


def test_the_number_is_that_of_the_definition():
    assert PATHS.number == sum(weight for _, weight in every(PATHS))
    assert Paths((3, 4), ()).number == 7
    assert Paths((1, 1), (((10, 0), (0, 10)),) * 50).number == 2 * 10**50


def test_draws_are_in_proportion_to_multiplicities():
    wanted, n = dict(every(PATHS)), 30_000
    drawn = Counter(map(tuple, PATHS.draw(Stream.from_seed(3), 0, n).tolist()))
    assert set(drawn) <= set(wanted)
    expected = np.array([n * weight / PATHS.number for weight in wanted.values()])
    found = np.array([drawn[states] for states in wanted])
    assert stats.chisquare(found, expected).pvalue > FALSE_ALARM


def test_a_draw_is_the_same_whoever_asks():
    rows = PATHS.draw(Stream.from_seed(1), 0, 200)
    assert np.array_equal(PATHS.draw(Stream.from_seed(1), 60, 170), rows[60:170])
    assert PATHS.draw(Stream.from_seed(1), 4, 4).shape == (0, 4)
