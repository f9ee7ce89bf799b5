"""Networks that others trained, folded: of random weights always, of theirs where they are."""

import json
from pathlib import Path

import numpy as np
import pytest

from probbound.contract.cost import CostMeter
from probbound.machine.errors import UserError
from probbound.models.sources.pytorch import read_pytorch
from probbound.tasks.modular_addition.peers import folded_peer, without_attention
from probbound.tasks.modular_addition.task import ModularAddition
from probbound.tasks.pairs.screens.forward import ForwardPass
from probbound.tasks.pairs.screens.low_rank import LowRankScreen
from probbound.tasks.pairs.screens.pairs import features

PIZZA = Path(__file__).parents[4].parent / "shared" / "peers" / "pizza"
TOLD = {"C": 5, "n_layers": 1, "act_fn": "ReLU", "attn_coeff": 0.1, "diff_vocab": 1}


def random_peer(seed, spread=0.4):
    rng, d, e, m = np.random.default_rng(seed), 6, 3, 8
    shapes = {
        "embed.W_E": (d, 10),
        "pos_embed.W_pos": (2, d),
        "unembed.W_U": (d, 10),
        **{f"blocks.0.attn.W_{part}": (2, e, d) for part in "KQV"},
        "blocks.0.attn.W_O": (d, 2 * e),
        "blocks.0.mlp.W_in": (m, d),
        "blocks.0.mlp.b_in": (m,),
        "blocks.0.mlp.W_out": (d, m),
        "blocks.0.mlp.b_out": (d,),
    }
    return {name: spread * rng.standard_normal(shape) for name, shape in shapes.items()}


def answers(w, told, a, b):
    """Their forward pass for one pair, as their code computes it."""
    tokens = [a, b + told["C"] * told["diff_vocab"]]
    x = w["embed.W_E"].T[tokens] + w["pos_embed.W_pos"]
    heads = []
    for q, k, v in zip(*(w[f"blocks.0.attn.W_{part}"] for part in "QKV"), strict=True):
        scores = (x @ k.T) @ (x[1] @ q.T) / np.sqrt(len(q))
        pattern = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
        weights = told["attn_coeff"] * pattern + 1 - told["attn_coeff"]
        heads.append(weights @ (x @ v.T))
    middle = x[1] + w["blocks.0.attn.W_O"] @ np.concatenate(heads)
    hidden = np.maximum(w["blocks.0.mlp.W_in"] @ middle + w["blocks.0.mlp.b_in"], 0)
    end = middle + w["blocks.0.mlp.W_out"] @ hidden + w["blocks.0.mlp.b_out"]
    return (end @ w["unembed.W_U"])[: told["C"]], middle


@pytest.mark.parametrize("coefficient", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_what_attention_can_do_is_in_the_errors(seed, coefficient):
    w, told = random_peer(seed), {**TOLD, "attn_coeff": coefficient}
    found = folded_peer(w, told)
    for a in range(5):
        for b in range(5):
            logits, middle = answers(w, told, a, b)
            meant = np.append(w["blocks.0.mlp.W_in"] @ middle + w["blocks.0.mlp.b_in"], middle)
            stored = (found.first[a] + found.second[b])[: len(meant)]
            allowed = found.first_error[a] + found.second_error[b]
            assert np.linalg.norm(stored - meant) <= allowed + 1e-12
            if coefficient == 0:
                mine = features(found, np.array([a]), np.array([b])) @ found.out
                np.testing.assert_allclose(mine[0], logits, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_what_passes_is_right_in_their_network(seed):
    w, told = random_peer(seed, 0.8), {**TOLD, "attn_coeff": 0.01}
    found, certified = folded_peer(w, told), 0
    left = set(map(tuple, ForwardPass.of(found).enumerate(CostMeter()).pairs.tolist()))
    for a in range(5):
        for b in range(5):
            if (a, b) not in left:
                certified += 1
                assert answers(w, told, a, b)[0].argmax() == (a + b) % 5
    assert certified < 25


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"act_fn": "GeLU"}, "only one layer of ReLU"),
        ({"n_layers": 2}, "only one layer of ReLU"),
        ({"eqn_sign": 1}, "equals sign"),
        ({"attn_coeff": 1.5}, "attn_coeff must lie"),
        ({"normalization_type": "LN"}, "settings that are not known .*: normalization_type"),
    ],
)
def test_what_cannot_be_folded_is_refused(change, said):
    with pytest.raises(UserError, match=said):
        folded_peer(random_peer(0), {**TOLD, **change})


@pytest.mark.parametrize("name", ["blocks.0.attn.b_V", "blocks.1.mlp.W_in", "ln_final.w"])
def test_a_weight_that_would_be_passed_over_is_refused(name):
    with pytest.raises(UserError, match=f"weights that are not known .*: {name}"):
        folded_peer({**random_peer(0), name: np.ones(3)}, TOLD)
    with pytest.raises(UserError, match=f"weights that are not known .*{name}"):
        folded_peer({"l1.weight": np.ones((4, 4)), name: np.ones(3)}, {"C": 4, "model_type": "D"})


def test_a_network_without_attention_is_a_pair_network():
    rng = np.random.default_rng(0)
    w = {
        "embed.weight": rng.standard_normal((5, 3)),
        "l1.weight": rng.standard_normal((6, 6)),
        "l1.bias": rng.standard_normal(6),
        "unembed.weight": rng.standard_normal((5, 6)),
    }
    both = np.concatenate([w["embed.weight"][2], w["embed.weight"][4]])
    hidden = np.maximum(w["l1.weight"] @ both + w["l1.bias"], 0)
    logits = without_attention(w).plain(np.array([[2, 4]]))[0]
    np.testing.assert_allclose(logits, w["unembed.weight"] @ hidden, atol=1e-12)
    found = folded_peer(w, {"C": 5, "model_type": "D"})
    np.testing.assert_array_equal(found.labels, ModularAddition(5).table)


@pytest.mark.skipif(not PIZZA.is_dir(), reason="the files of others are not here")
@pytest.mark.parametrize(("run", "rank"), [("18c9ev5v5p", 16), ("7r4zst7evs", 16)])
def test_theirs_are_certified(run, rank):
    pytest.importorskip("torch")
    weights = read_pytorch(PIZZA / f"model_{run}.pt")
    told = json.loads((PIZZA / f"config_{run}.json").read_text())
    screen = LowRankScreen.of(folded_peer(weights, told), rank)
    assert screen.enumerate(CostMeter()).tickets == 0
