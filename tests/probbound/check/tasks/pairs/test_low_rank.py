"""The checker's low-rank screen: sound, and with the maker's pairs left where both compute."""

from __future__ import annotations

import numpy as np
import pytest

import probbound
from probbound.check.models.pair_mlp.network import Network
from probbound.check.report import Refused
from probbound.check.tasks.pairs.folded import Folded
from probbound.check.tasks.pairs.low_rank import LowRank
from probbound.check.tasks.pairs.prices import forward_price, low_rank_price
from probbound.models.pair_mlp.network import forward_flops, in_float64
from probbound.models.pair_mlp.training import all_margins
from probbound.tasks.modular_addition.task import ModularAddition
from probbound.tasks.pairs.folding import folded
from probbound.tasks.pairs.screens.low_rank import LowRankScreen
from tests.probbound.check.pair_weights import weights_read
from tests.probbound.models.pair_mlp.networks import (
    FORMS,
    cancelling_biases,
    exact_logits,
    random_network,
)


def pairs_of(values):
    return np.stack(np.divmod(np.arange(values**2), values), axis=1)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("margin", [0.0, 0.1, -0.5, -4.0])
def test_no_pair_below_the_margin_is_certified(form, margin):
    pairs, task, certified = pairs_of(5), ModularAddition(5), 0
    for seed in range(25):
        model = random_network(form, seed, 5, np.float64)
        screen = LowRank.of(Folded.of(weights_read(model).arrays), 1 + seed % 5, margin)
        left = screen.left(pairs, task.labels(pairs))
        above = all_margins(model, task.table).ravel() > margin - 1e-12
        assert (left | above).all()
        certified += (~left).sum()
    assert certified or margin > -4


@pytest.mark.parametrize(("seed", "rank"), [(0, 9), (0, 10), (0, 11), (1, 9), (2, 8), (3, 8)])
@pytest.mark.parametrize("margin", [0.0, 2.0])
def test_the_same_pairs_are_left_as_to_the_maker(seed, rank, margin):
    model, task = probbound.load(f"mod-add-p59-s{seed}"), ModularAddition(59)
    pairs = pairs_of(59)
    mine = LowRank.of(Folded.of(weights_read(model).arrays), rank, margin)
    theirs = LowRankScreen.of(folded(model, task.table), rank, margin)
    left = mine.left(pairs, task.labels(pairs))
    assert np.array_equal(left, theirs.uncertified(pairs))
    assert 0 < left.sum() < len(left)


@pytest.mark.parametrize("form", FORMS)
def test_prices_are_the_maker_s(form):
    model = random_network(form, 1, 5, np.float64)
    assert forward_price(weights_read(model)) == forward_flops(model)
    screen = LowRankScreen.of(folded(model, ModularAddition(5).table), 2)
    net = screen.scaled
    assert low_rank_price(net.n_features, net.gated, net.n_classes, 2) == screen.flops


def test_a_rank_that_there_is_not_is_refused():
    model = random_network("bottleneck", 1, 5, np.float64)
    with pytest.raises(Refused, match="directions"):
        LowRank.of(Folded.of(weights_read(model).arrays), 6, 0.0)


@pytest.mark.parametrize("size", [1e-300, 1e200, 1e300])
def test_weights_far_from_one_certify_nothing_false(size):
    model = in_float64(random_network("bottleneck", 3, 5, np.float64))
    arrays = {name: values * size for name, values in weights_read(model).arrays.items()}
    pairs = pairs_of(5)
    left = LowRank.of(Folded.of(arrays), 2, 0.0).left(pairs, pairs.sum(axis=1) % 5)
    assert left.all()


def test_a_bias_that_is_computed_as_zero_still_counts():
    pairs = pairs_of(3)
    labels = pairs.sum(axis=1) % 3
    for model in cancelling_biases():
        screen = LowRank.of(Folded.of(weights_read(model).arrays), 3, 0.0)
        assert screen.left(pairs, labels)[labels != 2].all()


@pytest.mark.parametrize("form", FORMS)
def test_the_slack_covers_what_the_forward_pass_rounds(form):
    for seed in range(3):
        model = random_network(form, seed, 5, np.float64)
        network = Network(weights_read(model))
        pairs = pairs_of(5)
        found = network.logits(pairs)
        for pair, logits in zip(pairs, found, strict=True):
            exact = np.array([float(x) for x in exact_logits(model, *pair)])
            assert 2 * np.abs(logits - exact).max() <= network.slack < 1e-10
