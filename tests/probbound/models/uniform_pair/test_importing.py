"""Networks that others trained, by the commands of users: read, refused by name, certified."""

import json
from pathlib import Path

import numpy as np
import pytest

import probbound
from probbound.check import read_weights
from probbound.check.judge import judge
from probbound.machine.errors import UserError
from probbound.models.registry import room_of
from probbound.models.store import digest
from probbound.models.uniform_pair.network import logits
from probbound.tasks.told import task_told
from tests.factories import through_json
from tests.probbound.models.uniform_pair.networks import answers, random_state, saved, told_of

PIZZA = Path(__file__).parents[4].parent / "shared" / "peers" / "pizza"
PAIRS = np.argwhere(np.ones((5, 5)))


@pytest.mark.parametrize("coefficient", [0, 0.1, 1.0])
@pytest.mark.parametrize("own", [True, False])
def test_what_is_imported_gives_their_logits(tmp_path, coefficient, own):
    state, told = random_state(1, own=own), told_of(coefficient, own=own)
    found = probbound.import_model(*saved(state, told, tmp_path))
    theirs = np.array([answers(state, told, a, b)[0] for a, b in PAIRS])
    np.testing.assert_allclose(logits(found.model, PAIRS, np.float64), theirs, atol=1e-12)
    columns = ["the last 5 columns of unembed.W_U"] if own else []
    assert list(found.left_out) == ["blocks.0.attn.mask", *columns]
    found.save(tmp_path / "peer.safetensors")
    read, checked = probbound.load(tmp_path / "peer.safetensors"), tmp_path / "peer.safetensors"
    weights = read_weights(checked)
    assert digest(read) == digest(found.model) == weights.digest()
    assert weights.parts == room_of(read).parts(read)
    assert read.made_for == task_told(str(checked), None) == "modular-addition"


def test_a_network_without_attention_is_a_pair_network(tmp_path):
    rng = np.random.default_rng(0)
    w = {
        "embed.weight": rng.standard_normal((5, 3)),
        "l1.weight": rng.standard_normal((6, 6)),
        "l1.bias": rng.standard_normal(6),
        "unembed.weight": rng.standard_normal((5, 6)),
    }
    found = probbound.import_model(*saved(w, {"C": 5, "model_type": "D"}, tmp_path))
    both = np.concatenate([w["embed.weight"][2], w["embed.weight"][4]])
    hidden = np.maximum(w["l1.weight"] @ both + w["l1.bias"], 0)
    mine = found.model.plain(np.array([[2, 4]]))[0]
    np.testing.assert_allclose(mine, w["unembed.weight"] @ hidden, atol=1e-12)
    found.save(tmp_path / "peer.safetensors")
    assert read_weights(tmp_path / "peer.safetensors").digest() == digest(found.model)
    for told in ({"C": 5}, {"C": 4, "model_type": "D"}, {"C": 5, "model_type": "D", "ln": 1}):
        with pytest.raises(UserError, match=r"model_type must be D|C = 4|not known .*: ln"):
            probbound.import_model(*saved(w, told, tmp_path))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"act_fn": "GeLU"}, "1 layers of GeLU, and one of ReLU is all"),
        ({"n_layers": 2}, "2 layers of ReLU"),
        ({"eqn_sign": 1}, "equals sign"),
        ({"attn_coeff": 1.5}, "attn_coeff must lie between 0 and 1"),
        ({"attn_coeff": True}, "attn_coeff of .* must be a number"),
        ({"n_heads": 3}, "2 heads, and its settings say .* 3 heads"),
        ({"diff_vocab": 0}, "10 tokens"),
        ({"C": "5"}, "must say C"),
        ({"normalization_type": "LN"}, "settings that are not known .*: normalization_type"),
    ],
)
def test_settings_of_another_network_are_refused(tmp_path, change, said):
    with pytest.raises(UserError, match=said):
        probbound.import_model(*saved(random_state(0), told_of() | change, tmp_path))


def test_weights_alone_are_asked_for_their_settings(tmp_path):
    path, _ = saved(random_state(0), told_of(), tmp_path)
    with pytest.raises(UserError, match="give these: --config FILE"):
        probbound.import_model(path)


@pytest.mark.parametrize("name", ["blocks.0.attn.b_V", "blocks.1.mlp.W_in", "ln_final.w"])
def test_a_weight_that_would_be_passed_over_is_refused(tmp_path, name):
    state = {**random_state(0), name: np.ones(3)}
    with pytest.raises(UserError):
        probbound.import_model(*saved(state, told_of(), tmp_path))


@pytest.mark.parametrize("change", [{}, {"blocks.0.mlp.b_in": np.ones(3)}])
def test_weights_that_do_not_fit_or_are_no_numbers_are_refused(tmp_path, change):
    state = {**random_state(0), **change}
    state["embed.W_E"] = state["embed.W_E"] * (1 if change else np.nan)
    with pytest.raises(UserError, match=r"NaN|has shape"):
        probbound.import_model(*saved(state, told_of(), tmp_path))


def theirs(run, folder):
    pytest.importorskip("torch")
    found = probbound.import_model(
        PIZZA / f"model_{run}.pt", config=str(PIZZA / f"config_{run}.json")
    )
    found.save(folder / f"{run}.safetensors")
    return folder / f"{run}.safetensors"


@pytest.mark.skipif(not PIZZA.is_dir(), reason="the files of others are not here")
@pytest.mark.parametrize(
    ("run", "bound"), [("18c9ev5v5p", 1.0), ("7r4zst7evs", 1.0), ("f5dh675z97", 0.0)]
)
def test_theirs_are_certified_as_far_as_their_attention_is_even(tmp_path, run, bound):
    path = theirs(run, tmp_path)
    model = probbound.load(path)
    made = probbound.certify(model, probbound.task_for(model), strategy="low-rank:16")
    assert made.bound == bound
    assert judge(through_json(made), read_weights(path)).holds


@pytest.mark.skipif(not PIZZA.is_dir(), reason="the files of others are not here")
def test_theirs_of_another_activation_is_refused(tmp_path):
    assert json.loads((PIZZA / "config_dy65ktpiij.json").read_text())["act_fn"] == "GeLU"
    with pytest.raises(UserError, match="GeLU"):
        theirs("dy65ktpiij", tmp_path)
