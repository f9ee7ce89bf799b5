"""Nearly even attention folded: what it can do is in the errors, and no wrong pair passes."""

from dataclasses import replace

import numpy as np
import pytest

import probbound
from probbound.check import read_weights
from probbound.check.judge import judge
from probbound.models.uniform_pair.network import UniformPair, logits
from probbound.tasks.modular_addition.task import ModularAddition
from probbound.tasks.pairs.attention import folded_uniform, folding_flops_uniform
from probbound.tasks.pairs.screens.pairs import features
from tests.counting import counting
from tests.factories import through_json
from tests.forgeries import altered
from tests.probbound.models.uniform_pair.networks import (
    adding,
    answers,
    random_state,
    saved,
    told_of,
)

FIVE, SEVEN = (np.argwhere(np.ones((p, p))) for p in (5, 7))
STRATEGIES: dict[str, dict] = {
    "brute-force": {},
    "iid": {"budget": 60, "delta": 0.1},
    "low-rank:6": {},
    "hybrid:low-rank:3": {"budget": 60, "delta": 0.1},
    "cascade:low-rank:4": {"budget": 60, "delta": 0.1},
    "gates:6": {},
}


def peer(seed, coefficient, tmp_path, spread=0.4) -> UniformPair:
    state, told = random_state(seed, spread), told_of(coefficient)
    return probbound.import_model(*saved(state, told, tmp_path)).model


@pytest.mark.parametrize("coefficient", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_what_attention_can_do_is_in_the_errors(tmp_path, seed, coefficient):
    state, told = random_state(seed), told_of(coefficient)
    found = folded_uniform(peer(seed, coefficient, tmp_path), ModularAddition(5).table)
    for a, b in FIVE:
        theirs, middle = answers(state, told, a, b)
        meant = state["blocks.0.mlp.W_in"] @ middle + state["blocks.0.mlp.b_in"]
        meant = np.append(meant, middle)
        stored = (found.first[a] + found.second[b])[: len(meant)]
        allowed = found.first_error[a] + found.second_error[b]
        assert np.linalg.norm(stored - meant) <= allowed + 1e-12
        if coefficient == 0:
            assert allowed < 1e-12
            mine = features(found, np.array([a]), np.array([b])) @ found.out
            np.testing.assert_allclose(mine[0], theirs, atol=1e-12)


@pytest.mark.parametrize("p", [7, 29, 41])
def test_the_price_of_folding_is_what_it_takes(p):
    model = adding(p)
    with counting() as count:
        folded_uniform(model, ModularAddition(p).table)
    assert 0.9 * count.floats <= folding_flops_uniform(model) <= 1.1 * count.floats


def margins(model, pairs):
    p = model.d_vocab
    found = logits(model, pairs, np.float64)
    own = found[np.arange(len(pairs)), pairs.sum(axis=1) % p].copy()
    found[np.arange(len(pairs)), pairs.sum(axis=1) % p] = -np.inf
    return own - found.max(axis=1)


@pytest.mark.parametrize("strategy", ["brute-force", "low-rank:6", "gates:6"])
def test_no_bound_is_above_the_truth_whatever_the_scores(strategy):
    """Scores as sharp as can be: the slack has to hold for any."""
    certified = 0.0
    for seed in range(6):
        for coefficient in (0.0, 0.004, 0.03, 0.3):
            soft = adding(coefficient=coefficient, noise=0.03 * seed, seed=seed)
            sharp = replace(soft, W_Q=1e3 * soft.W_Q)
            for model in (soft, sharp):
                made = probbound.certify(model, ModularAddition(7), strategy=strategy)
                assert made.bound <= (margins(model, SEVEN) > 0).mean()
                certified += made.bound
    assert certified > 24 or strategy == "gates:6"


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("margin", [None, 0.5])
def test_certificates_are_accepted_with_the_same_counts(tmp_path, strategy, margin):
    claim = probbound.Claim() if margin is None else probbound.Claim("margin", margin)
    for seed, coefficient in enumerate((0.0, 0.002, 0.02, 0.5)):
        model = adding(coefficient=coefficient, noise=0.03 * seed, seed=seed)
        probbound.save_model(model, tmp_path / "m.safetensors")
        given = STRATEGIES[strategy]
        made = probbound.certify(model, ModularAddition(7), claim=claim, strategy=strategy, **given)
        report = judge(through_json(made), read_weights(tmp_path / "m.safetensors"))
        assert report.holds, report


def test_forged_certificates_are_refused(tmp_path):
    """Of wider attention than was certified: the counts are others, and so is the network."""
    model = adding(coefficient=0.002)
    made = through_json(probbound.certify(model, ModularAddition(7), strategy="low-rank:6"))
    wide = replace(model, attn_coeff=0.3)
    probbound.save_model(wide, tmp_path / "wide.safetensors")
    weights = read_weights(tmp_path / "wide.safetensors")
    renamed = altered(made, ("model", "sha256"), lambda _: weights.digest())
    part = ("claim", "network", "parts", "attention_coefficient", "value")
    stated = altered(renamed, part, lambda _: 0.3)
    for forged in (made, renamed, stated):
        assert judge(forged, weights).refused


@pytest.mark.parametrize("size", [1e30, 1e200])
def test_what_overflows_certifies_nothing(size):
    model = adding()
    for weight in ("W_E", "W_V", "W_in", "W_U", "b_in"):
        huge = replace(model, **{weight: getattr(model, weight) + size})
        for strategy in ("brute-force", "low-rank:3"):
            assert probbound.certify(huge, ModularAddition(7), strategy=strategy).bound == 0
