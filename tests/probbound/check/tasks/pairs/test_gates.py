"""The checker's gates: sound, and with the maker's pairs left where both compute."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import probbound
from probbound.check.report import Refused
from probbound.check.tasks.pairs.folded import Folded
from probbound.check.tasks.pairs.gates import Gates
from probbound.check.tasks.pairs.waves import Waves
from probbound.models.pair_mlp.network import PairMLP, in_float64
from probbound.models.pair_mlp.training import all_margins
from probbound.tasks.group_product.groups import group_named
from probbound.tasks.modular_addition.task import ModularAddition
from probbound.tasks.pairs.folding import folded
from probbound.tasks.pairs.screens.gates import GatesScreen
from tests.probbound.check.pair_weights import weights_read
from tests.probbound.models.pair_mlp.networks import FORMS, random_network
from tests.probbound.tasks.pairs.networks import symmetric, waves


def pairs_of(values):
    return np.stack(np.divmod(np.arange(values**2), values), axis=1)


def planted(p, noise, seed, *, untied=False, biased=False):
    """Neurons that follow waves, nearly."""
    rng = np.random.default_rng(seed)
    rows, out = waves(p, (1, 2, 3), 8, rng)

    def bent(values, by=noise):
        return values + by * rng.normal(size=values.shape)

    return PairMLP(
        W_E=bent(rows),
        W_U=bent(out),
        W_E2=bent(rows) if untied else None,
        b_in=bent(np.zeros(rows.shape[1]), 0.2) if biased else None,
        b_U=bent(np.zeros(p)) if biased else None,
    )


def both(model, table, rank, levels, margin=0.0):
    """What the checker leaves, and the maker."""
    pairs = pairs_of(len(table))
    mine = Gates.of(Folded.of(weights_read(model).arrays), rank, levels, margin)
    theirs = GatesScreen.of(folded(model, table), rank, levels, exact_tail=False, margin=margin)
    return mine.left(pairs, table[tuple(pairs.T)]), theirs.uncertified(pairs)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("margin", [0.0, 0.1, -0.5, -9.0])
def test_no_pair_below_the_margin_is_certified(form, margin):
    table, certified = ModularAddition(5).table, 0
    for seed in range(15):
        model = random_network(form, seed, 5, np.float64)
        above = all_margins(model, table).ravel() > margin - 1e-12
        left, theirs = both(model, table, 1 + seed % 5, 1 + seed % 4, margin)
        assert (left | above).all()
        assert np.array_equal(left, theirs)
        certified += (~left).sum()
    assert certified or margin > -9


@pytest.mark.parametrize("untied", [False, True])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("labels", ["sums", "s3"])
def test_planted_networks_are_left_the_same_pairs_and_none_that_is_wrong(untied, biased, labels):
    certified = 0
    for seed in range(12):
        p = 6 if labels == "s3" else 7 + 2 * (seed % 3)
        table = symmetric(3) if labels == "s3" else ModularAddition(p).table
        model = planted(p, (0.02, 0.1, 0.3)[seed % 3], seed, untied=untied, biased=biased)
        wrong = ~(all_margins(model, table).ravel() > 0)
        left, theirs = both(model, table, min(p, 6), 1 + seed % 6)
        assert np.array_equal(left, theirs)
        assert not (wrong & ~left).any()
        certified += (~left).sum()
    assert certified > 0


@pytest.mark.parametrize(("name", "rank", "levels"), [("p59-s0", 16, 8), ("p59-s1", 40, 3)])
@pytest.mark.parametrize("margin", [0.0, 2.0])
def test_the_same_pairs_are_left_as_to_the_maker(name, rank, levels, margin):
    model = probbound.load(f"mod-add-{name}")
    left, theirs = both(model, ModularAddition(59).table, rank, levels, margin)
    assert np.array_equal(left, theirs)
    assert 0 < left.sum() < len(left)


def test_exact_waves_leave_no_last_bit_to_decide():
    """Even sizes, where waves of two operands cancel exactly at half of all shifts."""
    for p in (6, 8, 12):
        rng = np.random.default_rng(p)
        rows, out = waves(p, (1,), 2 * p, rng)
        angles = 2 * np.pi * np.arange(p)[:, None] / p
        rows = np.cos(angles + 2 * np.pi * (np.arange(2 * p) % p) / p)
        model = PairMLP(W_E=rows, W_U=out + 0.01 * rng.normal(size=out.shape))
        left, theirs = both(model, ModularAddition(p).table, 2, 4)
        assert np.array_equal(left, theirs)


def test_what_gates_may_lose_holds_gate_by_gate():
    model = planted(13, 0.1, 3, untied=True)
    check = Gates.of(Folded.of(weights_read(model).arrays), 6, 4, 0.0)
    a, b = pairs_of(13).T
    net, gates = check.scaled, check.scaled.gates
    x = net.first[a, :gates] + net.second[b, :gates]
    sums = check.waves.along[a] + check.waves.along[b]
    on, held = sums > 0, check.waves.held(np.abs(sums))
    assert (held <= np.abs(sums) * check.waves.amplitudes / 2 * (1 + 1e-12)).all()
    sign = np.where(on, 1.0, -1.0)
    lost = np.maximum(-sign * check.off[0][a] - held, 0) + np.maximum(
        -sign * check.off[1][b] - held, 0
    )
    missed = np.maximum(x, 0) - np.where(on, x, 0)
    assert (missed >= 0).all()
    assert (missed <= lost + 1e-12).all()
    moved = missed @ (check.left_factor[:gates] @ check.right)
    assert (np.ptp(moved, axis=1) <= lost @ check.ranges + 1e-9).all()


def test_more_levels_lose_no_more():
    model = planted(13, 0.1, 3)
    net = Folded.of(weights_read(model).arrays)
    weights, sums = np.ones(net.gates), []
    for number in (1, 3, 8, 200):
        found = Waves.of(net, weights, number)
        assert all(len(group.levels) == number for group in found.groups)
        assert all((np.diff(group.levels) >= 0).all() for group in found.groups)
        a, b = pairs_of(13).T
        sums.append(found.held(np.abs(found.along[a] + found.along[b])).sum())
    assert sums[0] == 0 < sums[1] < sums[2] < sums[3]


def test_what_has_no_waves_is_refused():
    net = Folded.of(weights_read(random_network("bottleneck", 1, 5, np.float64)).arrays)
    with pytest.raises(Refused, match="directions"):
        Gates.of(net, 6, 4, 0.0)
    small = Folded.of({"W_E": np.eye(2), "W_U": np.eye(2)})
    with pytest.raises(Refused, match="at least 3"):
        Gates.of(small, 1, 1, 0.0)


@pytest.mark.parametrize("size", [1e-300, 1e200, 1e300])
def test_weights_far_from_one_certify_nothing_false(size):
    model = in_float64(random_network("bottleneck", 3, 5, np.float64))
    arrays = {name: values * size for name, values in weights_read(model).arrays.items()}
    pairs = pairs_of(5)
    assert Gates.of(Folded.of(arrays), 2, 3, 0.0).left(pairs, pairs.sum(axis=1) % 5).all()


def test_memory_does_not_grow_with_the_number_of_pairs():
    model = planted(31, 0.02, 1)
    check = Gates.of(Folded.of(weights_read(model).arrays), 6, 4, 0.0)
    pairs, most = np.tile(pairs_of(31), (400, 1)), 1 << 28
    tracemalloc.start()
    check.left(pairs, pairs.sum(axis=1) % 31)
    assert tracemalloc.get_traced_memory()[1] < most + 20 * pairs.nbytes
    tracemalloc.stop()


def test_a_group_that_does_not_add_is_certified_where_its_waves_say_so():
    """A table of sums under another name is the same table."""
    table = group_named("c7").array
    model = planted(7, 0.02, 2)
    left, theirs = both(model, table, 6, 6)
    assert np.array_equal(left, theirs)
    assert not left.all()
