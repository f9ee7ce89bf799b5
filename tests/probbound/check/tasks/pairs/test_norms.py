"""Waves of the weights, as the checker adds and integrates them: sound, and as the maker does."""

from __future__ import annotations

import numpy as np
import pytest

import probbound
from probbound.check.report import Refused
from probbound.check.tasks.pairs.folded import Folded
from probbound.check.tasks.pairs.norms import ByNorms, integral_leads, norms_leads
from probbound.check.tasks.pairs.single_waves import SingleWaves
from probbound.models.pair_mlp.network import PairMLP
from probbound.models.pair_mlp.training import all_margins
from probbound.tasks.group_product.groups import group_named
from probbound.tasks.modular_addition.task import ModularAddition
from probbound.tasks.pairs.folding import folded
from probbound.tasks.pairs.screens.weight_space import integral_screen, norms_screen
from tests.probbound.check.pair_weights import weights_read
from tests.probbound.check.tasks.pairs.test_gates import pairs_of, planted
from tests.probbound.models.pair_mlp.networks import FORMS, random_network

SCREENS = {"norms": (norms_leads, norms_screen), "integral": (integral_leads, integral_screen)}


def many_phases(p=13, each=600, noise=0.0, frequencies=(1, 3, 4)):
    """A network whose neurons are waves of many even phases."""
    rng, angles = np.random.default_rng(p), 2 * np.pi * np.arange(p)[:, None] / p
    phases = np.tile(2 * np.pi * (np.arange(each) + 0.3) / each, len(frequencies))
    turns = angles * np.repeat(frequencies, each)
    rows, out = np.cos(turns + phases), np.cos(turns + 2 * phases).T / each
    rows, out = (x + noise * abs(x).max() * rng.normal(size=x.shape) for x in (rows, out))
    return PairMLP(W_E=rows, W_U=out)


def both(model, table, name, margin=0.0):
    """What the checker leaves, and the maker."""
    pairs, (leads, screen) = pairs_of(len(table)), SCREENS[name]
    mine = ByNorms.of(Folded.of(weights_read(model).arrays), leads, margin)
    theirs = screen(folded(model, table), margin)
    assert mine.price == theirs.flops
    return mine.left(pairs, table[tuple(pairs.T)]), theirs.uncertified(pairs)


@pytest.mark.parametrize("name", SCREENS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("margin", [0.0, -9.0, -500.0])
def test_no_pair_below_the_margin_is_certified(name, form, margin):
    table, certified = ModularAddition(5).table, 0
    for seed in range(10):
        model = random_network(form, seed, 5, np.float64)
        above = all_margins(model, table).ravel() > margin - 1e-12
        left, theirs = both(model, table, name, margin)
        assert (left | above).all()
        assert np.array_equal(left, theirs)
        certified += (~left).sum()
    assert certified or margin > -500


@pytest.mark.parametrize("name", SCREENS)
@pytest.mark.parametrize("noise", [0.0, 1e-3, 1e-2])
def test_clean_waves_are_certified_and_no_margin_that_is_not_there(name, noise):
    model, table, certified = many_phases(noise=noise), ModularAddition(13).table, []
    true = all_margins(model, table).ravel()
    for margin in np.quantile(true, [0.0, 0.1, 0.5]) * np.array([0.3, 0.7, 1.0]):
        left, theirs = both(model, table, name, float(margin))
        assert np.array_equal(left, theirs)
        assert (left | (true > margin - 1e-9)).all()
        certified.append((~left).sum())
    assert certified[0] > 0 or noise == 1e-2


@pytest.mark.parametrize("name", SCREENS)
def test_what_waves_lead_by_is_no_more_than_networks_of_them_do(name):
    """The structure alone, its logits computed for every pair."""
    for seed in range(6):
        net = Folded.of(weights_read(planted(11, 0.0, seed)).arrays)
        found = SingleWaves.of(net)
        rows, out = found.along(found.into, found.phases), found.along(found.out, found.out_phases)
        pure = ByNorms.of(Folded.of({"W_E": rows, "W_U": out.T}), SCREENS[name][0], 0.0)
        pairs = pairs_of(11)
        a, b = pairs.T
        logits = np.maximum(rows[a] + rows[b], 0.0) @ out.T
        own = logits[np.arange(121), (a + b) % 11].copy()
        logits[np.arange(121), (a + b) % 11] = -np.inf
        assert (pure.least[(a - b) % 11] <= own - logits.max(axis=1) + 1e-9).all()


@pytest.mark.parametrize("name", SCREENS)
def test_a_pair_of_another_class_than_its_sum_is_left(name):
    model = many_phases(7, 600, frequencies=(1, 2, 3))
    certified = ~both(model, ModularAddition(7).table, name)[0]
    assert certified.any()
    other = (ModularAddition(7).table + 1) % 7
    assert both(model, other, name)[0].all()
    same = both(model, group_named("c7").array, name)[0]
    assert np.array_equal(~same, certified)


@pytest.mark.parametrize("name", SCREENS)
def test_of_a_trained_network_nothing_is_certified(name):
    left, theirs = both(probbound.load("mod-add-p59-s0"), ModularAddition(59).table, name)
    assert left.all()
    assert theirs.all()


def test_gates_without_a_wave_have_none():
    """Whatever of a constant is left by rounding decides no frequency."""
    model = many_phases(7, 60, frequencies=(2,))
    rows = np.concatenate([model.W_E, 0.1 * np.ones((7, 3)), np.zeros((7, 2))], axis=1)
    found = SingleWaves.of(Folded.of({"W_E": rows, "W_U": np.ones((65, 7))}))
    assert (found.into[60:] == 0).all()
    assert (found.frequencies[found.groups[60:]] == 1).all()
    assert (found.frequencies[found.groups[:60]] == 2).all()


def test_what_has_no_waves_is_refused():
    small = Folded.of({"W_E": np.eye(2), "W_U": np.eye(2)})
    with pytest.raises(Refused, match="at least 3"):
        ByNorms.of(small, norms_leads, 0.0)


@pytest.mark.parametrize("name", SCREENS)
@pytest.mark.parametrize("size", [1e-300, 1e200, 1e300])
def test_weights_far_from_one_certify_nothing_false(name, size):
    arrays = weights_read(random_network("bottleneck", 3, 5, np.float64)).arrays
    net, pairs = Folded.of({n: values * size for n, values in arrays.items()}), pairs_of(5)
    assert ByNorms.of(net, SCREENS[name][0], 0.0).left(pairs, pairs.sum(axis=1) % 5).all()
