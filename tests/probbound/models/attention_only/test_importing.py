"""Networks of other frameworks: prefixes, names of version 4, configurations, what is left out."""

import json
import math

import ml_dtypes
import numpy as np
import pytest

from probbound.cli.main import run
from probbound.machine.errors import UserError
from probbound.models.attention_only.importing import network_in
from probbound.models.attention_only.names import STATE_DICT
from probbound.models.attention_only.transformer import WEIGHT_SHAPES
from probbound.models.importing import import_model
from probbound.models.store import digest, read_model
from tests.factories import random_model

MODEL = random_model(3, n_heads=2, biases=True)
STATE = {long: np.asarray(getattr(MODEL, short)) for short, long in STATE_DICT.items()}
EVERYTHING_ASSUMED = {"norms", "positions", "mask", "caps", "attention_scale"}
WHOLE = {
    "n_layers": 1,
    "n_heads": 2,
    "attn_only": True,
    "normalization_type": None,
    "positional_embedding_type": "standard",
    "attention_dir": "causal",
    "use_local_attn": False,
    "attn_scores_soft_cap": -1.0,
    "output_logits_soft_cap": -1.0,
    "attn_scale": 2.0,
}
ADAM = {
    "state": {0: {"step": 5, "exp_avg": np.ones(3)}},
    "param_groups": [
        {"lr": 1e-3, "betas": [0.9, 0.99], "eps": 1e-8, "weight_decay": 0, "params": [0]}
    ],
}


def in_version_4(model):
    """As `nn.Linear` has it: outputs first, heads side by side."""
    state = {"embed.weight": model.W_E, "pos_embed.weight": model.W_pos}
    state |= {"unembed.weight": model.W_U.T, "unembed.bias": model.b_U}
    for part in "QKV":
        weight, bias = getattr(model, f"W_{part}"), getattr(model, f"b_{part}")
        name = f"blocks.0.attn.{part.lower()}"
        state[f"{name}.weight"] = np.concatenate([head.T for head in weight])
        state[f"{name}.bias"] = np.concatenate(list(bias))
    state["blocks.0.attn.o.weight"] = np.concatenate(list(model.W_O)).T
    return {**state, "blocks.0.attn.o.bias": model.b_O}


def imported(found, tmp_path, **named):
    return network_in(found, tmp_path / "m.pth", **named)


def test_a_bare_state_dict_is_read_with_everything_assumed(tmp_path):
    found = imported(STATE, tmp_path)
    assert digest(found.model) == digest(MODEL)
    assert found.model.assumed == EVERYTHING_ASSUMED
    assert found.place is None


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "model.net."])
def test_a_prefix_before_every_name_is_left_out(prefix, tmp_path):
    found = imported({prefix + name: values for name, values in STATE.items()}, tmp_path)
    assert digest(found.model) == digest(MODEL)
    assert found.prefix == prefix


def test_a_prefix_before_some_names_is_refused(tmp_path):
    state = {"module." + n: v for n, v in STATE.items()} | {"extra.W_in": np.ones((2, 2))}
    with pytest.raises(UserError, match=r"module\.embed\.W_E"):
        imported(state, tmp_path)


def test_names_of_version_4_with_a_configuration(tmp_path):
    found = imported({"model": in_version_4(MODEL), "cfg": {"n_heads": 2}}, tmp_path)
    np.testing.assert_array_equal(found.model.W_Q, MODEL.W_Q)
    assert digest(found.model) == digest(MODEL)
    found.save(tmp_path / "m.safetensors")
    assert digest(read_model(tmp_path / "m.safetensors")) == digest(MODEL)


@pytest.mark.parametrize("told", [{}, {"cfg": {"n_layers": 1}}, {"cfg": {"n_heads": True}}])
def test_names_of_version_4_do_not_tell_the_heads(told, tmp_path):
    with pytest.raises(UserError, match=r"embed\.weight.*number of heads"):
        imported({"model": in_version_4(MODEL), **told}, tmp_path)


def test_the_number_of_heads_may_stand_in_a_file_beside(tmp_path):
    (tmp_path / "cfg.json").write_text('{"n_heads": 2}')
    found = imported(in_version_4(MODEL), tmp_path, config=str(tmp_path / "cfg.json"))
    assert digest(found.model) == digest(MODEL)


def test_heads_that_do_not_divide_the_weights_are_refused(tmp_path):
    with pytest.raises(UserError, match="3 heads do not divide"):
        imported({"model": in_version_4(MODEL), "cfg": {"n_heads": 3}}, tmp_path)


@pytest.mark.parametrize(
    "found",
    [
        {"model": STATE, "cfg": WHOLE, "epoch": 3, "optimizer": ADAM},
        {"checkpoint": {"weights": STATE, "hparams": {"net": WHOLE, "lr": 1e-3}}},
        {"model": STATE, "cfg": json.dumps(WHOLE)},
        {**STATE, **WHOLE},
        {"model": STATE, "settings": [WHOLE]},
    ],
)
def test_a_configuration_is_found_wherever_it_stands(found, tmp_path):
    made = imported(found, tmp_path)
    assert made.model.attn_scale == 2.0
    assert not made.model.assumed


def test_settings_among_the_weights_are_read_or_refused_or_named(tmp_path):
    assert imported({**STATE, "module.attn_scale": 2.0}, tmp_path).model.attn_scale == 2.0
    with pytest.raises(UserError, match="my_mask = 'local', a key that is not known"):
        imported({**STATE, **WHOLE, "my_mask": "local"}, tmp_path)
    assert imported({**STATE, "my_mask": "local"}, tmp_path).left_out == ("my_mask",)
    with pytest.raises(UserError, match="one thing under two names"):
        imported({**STATE, "a.attn_scale": 2.0, "b.attn_scale": 3.0}, tmp_path)


def test_what_is_left_out_is_named(tmp_path):
    found = {"model": STATE, "cfg": WHOLE, "epoch": 3, "losses": [1.0]}
    assert imported(found, tmp_path).left_out == ("epoch", "losses")


def test_two_configurations_have_to_be_told_apart(tmp_path):
    found = {"model": STATE, "config": {"lr": 1e-3, "steps": 5}, "cfg": WHOLE}
    with pytest.raises(UserError, match="2 configurations: config"):
        imported(found, tmp_path)
    assert imported(found, tmp_path, config="cfg").model.attn_scale == 2.0


def test_naming_one_does_not_hide_what_another_says(tmp_path):
    found = {"model": STATE, "config": {"n_layers": 1}, "cfg": {"normalization_type": "LNPre"}}
    with pytest.raises(UserError, match="normalization_type = 'LNPre' in cfg"):
        imported(found, tmp_path, config="config")


@pytest.mark.parametrize("config", ["cgf", "none.json"])
def test_a_configuration_that_is_not_there_is_refused(config, tmp_path):
    with pytest.raises(UserError, match=r"neither a file nor a configuration .* has: cfg"):
        imported({"model": STATE, "cfg": WHOLE}, tmp_path, config=config)


def test_several_state_dicts_have_to_be_told_apart(tmp_path):
    other = {**STATE, "embed.W_E": 2 * STATE["embed.W_E"]}
    found = {"model": STATE, "ema": other}
    with pytest.raises(UserError, match=r"found: model, ema; say which with --weights"):
        imported(found, tmp_path)
    assert digest(imported(found, tmp_path, weights="model").model) == digest(MODEL)


def test_a_file_without_a_transformer_is_refused(tmp_path):
    with pytest.raises(UserError, match="found: none"):
        imported({"wte.weight": np.ones((3, 3))}, tmp_path)


def test_the_scale_is_the_root_of_d_head_unless_it_is_told(tmp_path):
    bare = imported({"model": STATE, "cfg": {"attn_scale": -1.0}}, tmp_path).model
    assert bare.attn_scale == math.sqrt(MODEL.d_head)
    assert bare.assumed == EVERYTHING_ASSUMED - {"attention_scale"}


def test_an_imported_model_keeps_its_whole_configuration(tmp_path, capsys):
    state = {f"module.{name}": values for name, values in STATE.items()}
    arrays = {**state, "cfg": np.array(json.dumps({**WHOLE, "seed": 5, "device": "cuda"}))}
    np.savez(tmp_path / "theirs.npz", allow_pickle=False, **arrays)
    out = tmp_path / "ours.safetensors"
    arguments = ["import", str(tmp_path / "theirs.npz"), "--out", str(out), "--json"]
    assert run(arguments) == 0
    said = json.loads(capsys.readouterr().out)
    again = read_model(out)
    assert digest(again) == said["sha256"] == digest(import_model(tmp_path / "theirs.npz").model)
    assert not again.assumed
    assert said["network"]["attention_scale"] == {"value": 2.0, "source": "read"}
    assert said["prefix"] == "module."
    assert run(["import", str(out), "--out", str(tmp_path / "again.safetensors")]) == 0
    assert digest(read_model(tmp_path / "again.safetensors")) == said["sha256"]


def test_what_was_assumed_stays_assumed_through_a_file(tmp_path):
    imported(STATE, tmp_path).save(tmp_path / "m.safetensors")
    assert read_model(tmp_path / "m.safetensors").assumed == EVERYTHING_ASSUMED


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".ckpt", ".bin"])
def test_certify_says_how_a_file_of_pytorch_is_converted(suffix, tmp_path):
    path = tmp_path / f"m{suffix}"
    path.write_bytes(b"anything")
    with pytest.raises(UserError, match=f"probbound import {path} --out m.safetensors"):
        read_model(path)


def test_a_format_that_is_not_imported_is_refused(tmp_path):
    (tmp_path / "m.h5").write_bytes(b"")
    for path, message in (
        ("m.h5", "no format"),
        ("none.pth", "there is no file"),
        (".", "a folder of Hugging Face with config.json"),
    ):
        with pytest.raises(UserError, match=message):
            import_model(tmp_path / path)


def test_bfloat16_keeps_its_values(tmp_path):
    from safetensors.numpy import save_file

    narrow = {n: v.astype(ml_dtypes.bfloat16) for n, v in STATE.items()}
    save_file(narrow, tmp_path / "m.safetensors")
    model = read_model(tmp_path / "m.safetensors")
    for short in WEIGHT_SHAPES:
        wanted = narrow[STATE_DICT[short]].astype(np.float64)
        np.testing.assert_array_equal(getattr(model, short), wanted)
