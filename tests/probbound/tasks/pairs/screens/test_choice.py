"""Ranks from the spectrum of the output matrix alone, and pairs that looks are made at."""

import numpy as np
import pytest

from probbound.tasks.pairs.screens.choice import LEFT, STEP, TRIED, chosen_ranks, tried_pairs
from probbound.tasks.pairs.screens.gate_directions import (
    directions_flops,
    left_beyond,
    left_beyond_flops,
    propose_directions,
)
from tests.probbound.tasks.pairs.networks import planted, random, with_skip


@pytest.mark.parametrize("net", [planted(p=29, noise=0.1), random(6, 40, 1), with_skip(13)])
def test_the_spectrum_is_that_of_what_directions_leave(net):
    left, most = left_beyond(net), min(net.gated, net.n_classes)
    assert left[0] == 1
    assert (np.diff(left) <= 0).all()
    for rank in range(1, most + 1):
        found = propose_directions(net, rank)
        out = np.ldexp(net.out, found.exponents[:, None]) - found.centre[:, None]
        rest = out - found.left @ found.right
        assert (rest**2).sum() / (out**2).sum() == pytest.approx(left[rank], abs=1e-12)


@pytest.mark.parametrize("frequencies", [(1, 3), (1, 3, 4, 9)])
def test_a_clean_network_gets_two_directions_a_frequency(frequencies):
    net = planted(p=29, frequencies=frequencies, each=40)
    assert set(chosen_ranks(net).values()) == {2 * len(frequencies)}


def test_ranks_are_the_least_multiples_that_leave_little():
    net = planted(p=29, frequencies=(1, 3, 4, 9), each=40, noise=0.02)
    left, ranks = left_beyond(net), chosen_ranks(net)
    for name, rank in ranks.items():
        assert rank % STEP == 0
        assert left[rank] <= LEFT[name] < left[rank - STEP]


def test_a_network_without_structure_has_no_ranks_and_nothing_has_the_least():
    assert chosen_ranks(random(6, 5, 3)) == {}
    net = random(6, 5, 2)
    empty = type(net).of(net.first, net.second, np.zeros_like(net.out), net.labels)
    assert left_beyond(empty).min() == 1
    assert chosen_ranks(empty) == {}


def test_the_same_pairs_are_tried_at_every_look():
    small, large = random(6, 5, 0), planted(p=61)
    assert len(tried_pairs(small)) == small.size
    pairs = tried_pairs(large)
    assert TRIED <= len(pairs) < 2 * TRIED
    assert np.array_equal(pairs, tried_pairs(planted(p=61, noise=0.1, seed=3)))
    assert len(np.unique(pairs, axis=0)) == len(pairs)


@pytest.mark.parametrize("net", [planted(p=29, frequencies=(1, 3), each=20), random(40, 30, 2)])
def test_the_spectrum_takes_no_more_than_the_directions_it_stands_for(net):
    assert left_beyond_flops(net) <= directions_flops(net, min(net.gated, net.n_classes))
