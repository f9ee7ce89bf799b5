"""What gates lose, bounded for certain: never less than it is, each weaker than the one before."""

import numpy as np
import pytest

from probbound.tasks.pairs.screens.gate_losses import LOSSES
from probbound.tasks.pairs.screens.gates import GatesScreen
from tests.probbound.tasks.pairs.networks import all_pairs, margins, planted, sundry

NET = planted(p=29, frequencies=(1, 3, 4, 9), each=40, noise=0.01, untied=True, seed=2)


def lost(screen):
    """Gate by gate, from the definition."""
    scaled, gates = screen.scaled, screen.gates
    along = gates.along()
    a, b = all_pairs(scaled).T
    x = (scaled.first[a] + scaled.second[b])[:, : scaled.gated]
    on = along[a] + along[b] > 0
    return np.maximum(np.where(on, -x, x), 0) @ screen.sums.ranges


@pytest.mark.parametrize("name", LOSSES)
def test_none_is_below_what_gates_lose(name):
    for net in (NET, planted(p=13, noise=0.2, seed=5), planted(p=13, noise=0.1, biased=True)):
        screen = GatesScreen.of(net, 6, 4)
        a, b = all_pairs(net).T
        assert (LOSSES[name](screen).of(a, b) >= lost(screen) * (1 - 1e-12) - 1e-12).all()


def test_each_says_less_than_the_one_before():
    screen = GatesScreen.of(NET, 8, 8)
    a, b = all_pairs(NET).T
    found = {name: losses(screen).of(a, b) for name, losses in LOSSES.items()}
    assert (found["exact"] <= found["sums"] + 1e-9).all()
    assert (found["sums"] <= found["row-max"] + 1e-9).all()
    assert (found["sums"] <= found["absolute"] + 1e-9).all()
    assert (found["absolute"] <= found["norm"] + 1e-9).all()
    left = [(~(x < screen.spare(a, b))).mean() for x in found.values()]
    assert left[0] <= left[1] < left[2] <= 1


def test_sums_leave_what_the_screen_leaves():
    screen = GatesScreen.of(NET, 8, 8)
    a, b = all_pairs(NET).T
    left = ~(LOSSES["sums"](screen).of(a, b) < screen.spare(a, b))
    assert (left == screen.uncertified(all_pairs(NET))).all()


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_certified_is_right(name):
    for net in sundry(24):
        screen = GatesScreen.of(net, min(3, net.gated, net.n_classes), 3)
        a, b = all_pairs(net).T
        certified = LOSSES[name](screen).of(a, b) < screen.spare(a, b)
        assert not (certified & ~(margins(net).ravel() > 0)).any()
