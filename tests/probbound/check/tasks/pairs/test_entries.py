"""The checker's entries and losses of gates: sound, and the maker's where both compute."""

from __future__ import annotations

import numpy as np
import pytest

import probbound
from probbound.check.report import Refused
from probbound.check.stream import Stream
from probbound.check.tasks.pairs.entries import Entries
from probbound.check.tasks.pairs.folded import Folded
from probbound.check.tasks.pairs.inputs import Inputs
from probbound.check.tasks.pairs.pattern import LOSSES, Bounded, Pattern
from probbound.draws.random_streams import Stream as MakersStream
from probbound.models.pair_mlp.network import PairMLP
from probbound.models.pair_mlp.training import all_margins
from probbound.tasks.modular_addition.task import ModularAddition
from probbound.tasks.pairs.folding import folded
from probbound.tasks.pairs.screens.gate_entries import GateEntries
from probbound.tasks.pairs.screens.gate_losses import LOSSES as MAKERS_LOSSES
from probbound.tasks.pairs.screens.gates import GatesScreen
from tests.probbound.check.pair_weights import weights_read
from tests.probbound.check.tasks.pairs.test_gates import pairs_of, planted
from tests.probbound.models.pair_mlp.networks import FORMS, random_network

DRAWS, DELTA = 3000, 0.05


def pattern_of(model, rank, levels, margin=0.0):
    return Pattern.of(Folded.of(weights_read(model).arrays), rank, levels, margin)


def inputs_of(values):
    return Inputs(values, lambda pairs: pairs.sum(axis=1) % values)


def on_positions(p):
    """Neurons that follow one wave at every position, nearly."""
    rng, angles = np.random.default_rng(p), 2 * np.pi * np.arange(p)[:, None] / p
    phases = 2 * np.pi * np.arange(p) / p
    rows = np.cos(angles + phases) + 1e-4 * rng.normal(size=(p, p))
    return PairMLP(W_E=rows, W_U=np.cos(angles + 2 * phases).T)


def sundry():
    """Planted networks of all kinds, and a trained one, each with a rank."""
    yield on_positions(11), 2
    for seed in range(8):
        p = 7 + 2 * (seed % 3)
        noise = (0.0, 0.02, 0.1)[seed % 3]
        yield planted(p, noise, seed, untied=seed % 2 > 0, biased=seed % 4 > 1), 6
    yield probbound.load("mod-add-p59-s1"), 40


@pytest.mark.parametrize(("model", "rank"), [*sundry()])
@pytest.mark.parametrize("margin", [0.0, -0.5])
def test_entries_and_values_are_the_maker_s(model, rank, margin):
    p = len(model.W_E)
    net, inputs = folded(model, ModularAddition(p).table), inputs_of(p)
    mine = Entries.of(pattern_of(model, rank, 1, margin), inputs, DRAWS, DELTA)
    screen = GatesScreen.of(net, rank, 8, margin=margin)
    theirs = GateEntries.of(screen, DRAWS, DELTA)
    assert np.array_equal(mine.weights, theirs.weights)
    assert mine.unit == theirs.unit
    assert mine.least == theirs.least
    spare = theirs.spare.ravel()
    assert (mine.spare >= spare - 1e-9 * np.abs(spare).max()).all()
    np.testing.assert_allclose(mine.spare, spare, rtol=1e-7, atol=1e-8 * np.abs(spare).max())
    found = mine.found(Stream.of_seed(3), DRAWS, DELTA)
    drawn = theirs.drawn(MakersStream.from_seed(3), DRAWS, DELTA)
    assert found.lost == drawn.lost
    assert found.share <= drawn.share * (1 + 1e-9)
    assert found.failure <= drawn.failure * (1 + 1e-9)
    assert found.failure == pytest.approx(drawn.failure, rel=1e-6)


@pytest.mark.parametrize("noise", LOSSES)
def test_losses_are_what_gates_lose_and_leave_the_maker_s_pairs(noise):
    certified = 0
    for number, (model, rank) in enumerate(sundry()):
        p = len(model.W_E)
        pattern, pairs = pattern_of(model, rank, 8), pairs_of(p)
        a, b = pairs.T
        labels, net, gates = (a + b) % p, pattern.net, pattern.net.gates
        x = net.first[a, :gates] + net.second[b, :gates]
        missed = np.maximum(x, 0) - np.where(pattern.on(pairs), x, 0)
        lost = missed @ pattern.ranges
        assert (LOSSES[noise](pattern, pairs) >= lost).all()
        left = Bounded(pattern, LOSSES[noise]).left(pairs, labels)
        wrong = ~(all_margins(model, ModularAddition(p).table).ravel() > 0)
        assert not (wrong & ~left).any()
        screen = GatesScreen.of(folded(model, ModularAddition(p).table), rank, 8)
        theirs = ~(MAKERS_LOSSES[noise](screen).of(a, b) < screen.spare(a, b))
        assert np.array_equal(left, theirs), number
        certified += (~left).sum()
    assert certified > 0


def test_treatments_say_less_the_cheaper_they_are():
    pattern, pairs = pattern_of(planted(13, 0.05, 3), 6, 8), pairs_of(13)
    exact, sums, row_max, absolute, norm = (loss(pattern, pairs) for loss in LOSSES.values())
    for less, more in ((exact, sums), (sums, row_max), (exact, absolute), (absolute, norm)):
        assert (less <= more * (1 + 1e-9)).all()
        assert (less < 0.99 * more).any()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("margin", [0.0, -9.0])
def test_spare_is_no_more_than_a_pair_has(form, margin):
    """With what gates truly lose given back, a margin is at least what could be spared."""
    table, pairs = ModularAddition(5).table, pairs_of(5)
    for seed in range(15):
        model = random_network(form, seed, 5, np.float64)
        pattern = pattern_of(model, 1 + seed % 5, 1, margin)
        spare = pattern.spare(pairs, table[tuple(pairs.T)])
        lost = LOSSES["exact"](pattern, pairs)
        assert (all_margins(model, table).ravel() - margin >= spare - lost - 1e-9).all()


def test_what_cannot_be_drawn_from_is_refused():
    with pytest.raises(Refused, match="directions"):
        pattern_of(random_network("bottleneck", 1, 5, np.float64), 6, 1)
    arrays = weights_read(random_network("biased", 1, 5, np.float64)).arrays
    huge = Pattern.of(Folded.of({n: x * 1e200 for n, x in arrays.items()}), 2, 1, 0.0)
    with np.errstate(all="ignore"), pytest.raises(Refused, match="is no number"):
        Entries.of(huge, inputs_of(5), 10, 0.1)
