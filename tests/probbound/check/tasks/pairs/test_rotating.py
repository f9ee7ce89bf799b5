"""The checker's rotating frame: sound, and with the maker's pairs left where both compute."""

from __future__ import annotations

import numpy as np
import pytest

import probbound
from probbound.check.report import Refused
from probbound.check.tasks.pairs.folded import Folded
from probbound.check.tasks.pairs.rotating import Frame, Rotating
from probbound.check.tasks.pairs.turning import Turning
from probbound.models.pair_mlp.network import PairMLP
from probbound.models.pair_mlp.training import all_margins
from probbound.tasks.group_product.groups import group_named
from probbound.tasks.modular_addition.task import ModularAddition
from probbound.tasks.pairs.folding import folded
from probbound.tasks.pairs.screens.rotating import RotatingFrame
from tests.probbound.check.pair_weights import weights_read
from tests.probbound.check.tasks.pairs.test_gates import pairs_of, planted
from tests.probbound.models.pair_mlp.networks import FORMS, random_network
from tests.probbound.tasks.pairs.networks import waves


def both(model, table, number, beside, margin=0.0):
    """What the checker leaves, and the maker."""
    pairs, net = pairs_of(len(table)), folded(model, table)
    mine = Rotating.of(Folded.of(weights_read(model).arrays), number, beside, margin)
    there = max(0, min(beside, min(net.n_features, net.n_classes) - 2 * number))
    theirs = RotatingFrame.of(net, number, there, margin)
    assert mine.price == theirs.flops
    return mine.left(pairs, table[tuple(pairs.T)]), theirs.uncertified(pairs)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("margin", [0.0, 0.1, -0.5, -9.0])
def test_no_pair_below_the_margin_is_certified(form, margin):
    table, certified = ModularAddition(5).table, 0
    for seed in range(15):
        model = random_network(form, seed, 5, np.float64)
        above = all_margins(model, table).ravel() > margin - 1e-12
        left, theirs = both(model, table, 1 + seed % 2, seed % 4, margin)
        assert (left | above).all()
        assert np.array_equal(left, theirs)
        certified += (~left).sum()
    assert certified or margin > -9


@pytest.mark.parametrize("untied", [False, True])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("label", ["sums", "another table"])
def test_planted_networks_are_left_the_same_pairs_and_none_that_is_wrong(untied, biased, label):
    certified = 0
    for seed in range(12):
        p = 6 if label == "another table" else 7 + 2 * (seed % 3)
        table = group_named("s3").array if p == 6 else ModularAddition(p).table
        model = planted(p, (0.0, 0.02, 0.1, 0.3)[seed % 4], seed, untied=untied, biased=biased)
        wrong = ~(all_margins(model, table).ravel() > 0)
        left, theirs = both(model, table, 1 + seed % ((p - 1) // 2), seed % 5)
        assert np.array_equal(left, theirs)
        assert not (wrong & ~left).any()
        certified += (~left).sum()
    assert certified > 0


@pytest.mark.parametrize(("name", "number", "beside"), [("s0", 6, 2), ("s1", 5, 1), ("s2", 4, 2)])
@pytest.mark.parametrize("margin", [0.0, 2.0])
def test_the_same_pairs_are_left_as_to_the_maker(name, number, beside, margin):
    model = probbound.load(f"mod-add-p59-{name}")
    left, theirs = both(model, ModularAddition(59).table, number, beside, margin)
    assert np.array_equal(left, theirs)
    assert 0 < left.sum() < len(left)


@pytest.mark.parametrize("p", [6, 7, 12, 13])
def test_equal_powers_leave_no_last_bit_to_decide(p):
    """Waves of one size each: which frequencies are strongest is a tie."""
    every = np.arange(1, (p + 1) // 2)
    angles = 2 * np.pi * np.arange(p)[:, None] * np.repeat(every, 6) / p
    phases = np.tile(2 * np.pi * np.arange(6) / 6, len(every))
    model = PairMLP(W_E=np.cos(angles + phases), W_U=np.cos(angles + 2 * phases).T)
    for number in every:
        left, theirs = both(model, ModularAddition(p).table, int(number), 3)
        assert np.array_equal(left, theirs)


def test_the_waves_alone_certify_what_they_are_for():
    """What the frame leads by is at most what every class is below the right one by, and not
    much less on clean waves."""
    rng = np.random.default_rng(2)
    rows, out = waves(23, (1, 5, 9), 40, rng)
    net = Folded.of({"W_E": rows + 0.01 * rng.normal(size=rows.shape), "W_U": out})
    found = Turning.of(net, 3, 0)
    assert found.frequencies.tolist() == [1, 5, 9]
    frame, pairs = Frame.of(net, found), pairs_of(23)
    a, b = pairs.T
    labels = (a + b) % 23
    points = net.features(a, b) @ found.left
    values = points @ found.waves
    own = values[np.arange(len(values)), labels].copy()
    values[np.arange(len(values)), labels] = -np.inf
    truly, said = own - values.max(axis=1), frame.ahead(points, labels, (a - b) % 23)
    assert (said <= truly + 1e-12 * np.abs(values[np.isfinite(values)]).max()).all()
    assert (said > 0).mean() > 0.5


def test_what_is_no_circle_is_refused():
    net = Folded.of(weights_read(random_network("bottleneck", 1, 5, np.float64)).arrays)
    with pytest.raises(Refused, match="there are 2 frequencies, and not 3"):
        Rotating.of(net, 3, 0, 0.0)
    small = Folded.of({"W_E": np.eye(2), "W_U": np.eye(2)})
    with pytest.raises(Refused, match="at least 3"):
        Rotating.of(small, 1, 1, 0.0)


@pytest.mark.parametrize("size", [1e-300, 1e200, 1e300])
def test_weights_far_from_one_certify_nothing_false(size):
    model = random_network("bottleneck", 3, 5, np.float64)
    arrays = {name: values * size for name, values in weights_read(model).arrays.items()}
    pairs = pairs_of(5)
    assert Rotating.of(Folded.of(arrays), 2, 0, 0.0).left(pairs, pairs.sum(axis=1) % 5).all()
