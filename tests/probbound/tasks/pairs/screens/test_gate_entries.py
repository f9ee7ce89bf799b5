"""Sampled entries of gates: right as often as promised, and not without content."""

import numpy as np
import pytest

from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.screens.gate_entries import GateEntries
from probbound.tasks.pairs.screens.gates import GatesScreen
from tests.probbound.tasks.pairs.networks import all_pairs, cyclic, margins, planted

NET = planted(p=29, frequencies=(1, 3, 4, 9), each=40, noise=0.01, seed=2)


def entries_of(net, draws=2000, delta=0.05):
    return GateEntries.of(GatesScreen.of(net, 8, 1), draws, delta)


def exact_mean(entries):
    """The mean of the values, entry by entry."""
    p, gated = entries.weights.shape[1:]
    total = 0.0
    for side in range(2):
        for value in range(p):
            neuron, other = (x.ravel() for x in np.indices((gated, p)))
            own = np.full(len(other), value)
            a, b = (own, other) if side == 0 else (other, own)
            values = entries._of_entries(a, b, neuron)
            total += (values * entries.weights[side, value, neuron]).sum() / p
    return total / entries.total


def test_values_lie_in_the_unit_interval_and_average_to_the_mean():
    entries = entries_of(NET)
    values = entries.values(Stream.from_seed(1), 0, 40_000)
    assert ((values >= 0) & (values <= 1)).all()
    mean = exact_mean(entries)
    assert abs(values.mean() - mean) < 5 * values.std() / 200


def test_the_mean_bounds_the_share_that_is_not_certified():
    for noise in (0.0, 0.01, 0.03):
        net = planted(p=29, frequencies=(1, 3, 4, 9), each=40, noise=noise, seed=2)
        entries = entries_of(net)
        bound = entries.base + entries.scale * exact_mean(entries)
        assert bound >= (~(margins(net) > 0)).mean()
        screen = entries.screen
        a, b = all_pairs(net).T
        found = np.maximum(screen.scaled.first[a] + screen.scaled.second[b], 0)
        points = screen.points[0][(a - b) % 29, a] + screen.points[1][(a - b) % 29, b]
        lost = (found @ screen.sums.weights - points)[:, :-1] @ screen.join.right
        lost = lost.max(axis=1) - lost.min(axis=1)
        assert bound >= (lost > entries.spare.ravel()).mean()


def test_it_says_something_and_more_with_more_draws():
    few, many = (entries_of(NET, n).upper(Stream.from_seed(3), n, 1e-3) for n in (1000, 100_000))
    assert many < few < 1
    assert many < 0.7


def test_it_fails_no_more_often_than_promised():
    entries, draws, delta = entries_of(NET, 300, 0.2), 300, 0.2
    truth = entries.base + entries.scale * exact_mean(entries)
    failures = sum(
        entries.upper(Stream.from_seed(seed), draws, delta) < truth for seed in range(200)
    )
    assert failures <= 62  # of Bin(200, 0.2) with probability above 0.9999


def test_parts_of_the_draws_are_the_same_whoever_asks():
    entries, stream = entries_of(NET), Stream.from_seed(5)
    whole = entries.values(stream, 0, 100)
    assert (
        np.concatenate([entries.values(stream, 0, 37), entries.values(stream, 37, 100)]) == whole
    ).all()


@pytest.mark.parametrize("rows", [0.0, 1.0, 1e-300])
@pytest.mark.parametrize("out", [0.0, 1.0])
def test_entries_that_can_do_nothing_are_drawn_and_bound_the_truth(rows, out):
    """Rows of zeros, or classes that gates cannot tell apart: the sum of all weights would be 0."""
    rng = np.random.default_rng(0)
    first, last = rows * rng.normal(size=(5, 3)), np.full((3, 5), out)
    beside = (rng.normal(size=(5, 2)), rng.normal(size=(5, 2)), rng.normal(size=(2, 5)))
    net = Folded.of(first, first, last, cyclic(5), skip=beside)
    entries = GateEntries.of(GatesScreen.of(net, 2, 1), 100, 0.1)
    found = entries.drawn(Stream.from_seed(1), 100, 0.1)
    assert found.failure >= (~(margins(net) > 0)).mean()
    assert found.share < 1e-12 or out


def test_no_finite_weights_are_refused():
    rows = np.full((5, 3), np.nan)
    net = Folded.of(rows, rows, np.ones((3, 5)), cyclic(5))
    screen = GatesScreen.of(net, 2, 1)
    with pytest.raises(UserError, match="in proportion"):
        GateEntries.of(screen, 100, 0.1)
