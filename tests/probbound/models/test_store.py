"""Model files: every way in, one identity, and refusals in one sentence."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from probbound.machine.errors import UserError
from probbound.models.attention_only.transformer import WEIGHT_SHAPES
from probbound.models.catalogue import shipped_names, shipped_path
from probbound.models.registry import load, room_of
from probbound.models.store import digest, read_model, read_record, renamed, save_model
from tests.factories import random_model


def short_names(model):
    return {name: np.asarray(getattr(model, name)) for name in WEIGHT_SHAPES}


def test_round_trip_keeps_identity_and_record(tmp_path):
    model = random_model(0, n_heads=2, biases=True)
    save_model(model, tmp_path / "m.safetensors", {"recipe": "none"})
    again = read_model(tmp_path / "m.safetensors")
    assert digest(again) == digest(model)
    assert again.name == "m"
    assert read_record(tmp_path / "m.safetensors") == {"recipe": "none"}
    np.testing.assert_array_equal(again.W_Q, model.W_Q)


def test_npz_without_head_axis_and_biases(tmp_path):
    model = random_model(0)
    weights = short_names(model)
    for name in ("W_Q", "W_K", "W_V", "W_O"):
        weights[name] = weights[name][0]
    np.savez(
        tmp_path / "m.npz",
        allow_pickle=False,
        **{k: w for k, w in weights.items() if not k.startswith("b_")},
    )
    assert digest(read_model(tmp_path / "m.npz")) == digest(model)


def test_npz_scale_divides_the_scores(tmp_path):
    model = random_model(0)
    np.savez(tmp_path / "m.npz", allow_pickle=False, **short_names(model), attn_scale=np.array(3.0))
    assert read_model(tmp_path / "m.npz").attn_scale == 3.0


def test_state_dict_names_and_layer_axis(tmp_path):
    model = random_model(0)
    state = {
        "embed.W_E": model.W_E,
        "pos_embed.W_pos": model.W_pos,
        "unembed.W_U": model.W_U,
        "blocks.0.attn.mask": np.tri(3),
        **{f"blocks.0.attn.W_{part}": getattr(model, f"W_{part}") for part in "QKVO"},
    }
    save_file(state, tmp_path / "m.safetensors")
    assert digest(read_model(tmp_path / "m.safetensors")) == digest(model)
    stacked = {name: w[None] if name[-1] in "QKVO" else w for name, w in short_names(model).items()}
    np.savez(tmp_path / "stacked.npz", allow_pickle=False, **stacked)
    assert digest(read_model(tmp_path / "stacked.npz")) == digest(model)


def test_weights_that_are_transposed_in_memory_are_saved_as_they_are(tmp_path):
    model = random_model(0, n_heads=2)
    turned = replace(model, W_U=np.asfortranarray(model.W_U), W_E=np.asfortranarray(model.W_E))
    save_model(turned, tmp_path / "m.safetensors")
    assert digest(read_model(tmp_path / "m.safetensors")) == digest(model)


def test_a_model_of_ours_says_all_of_its_network(tmp_path):
    save_model(random_model(0, n_heads=2), tmp_path / "m.safetensors")
    assert not read_model(tmp_path / "m.safetensors").assumed
    for name in shipped_names():
        network = load(name)
        parts = room_of(network).parts(network)
        assert all(part["source"] == "read" for part in parts.values())


def saved_with(tmp_path, metadata, **more):
    save_file({**short_names(random_model(0)), **more}, tmp_path / "m.safetensors", metadata)
    return tmp_path / "m.safetensors"


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"config": '{"attn_scores_soft_cap": 0.5}'}, "attn_scores_soft_cap = 0.5"),
        ({"notes": '{"run": {"use_local_attn": true}}'}, "use_local_attn = True"),
        ({"normalization_type": "LNPre"}, "normalization_type = 'LNPre'"),
        ({"attn_scale": "0"}, "attn_scale = 0"),
        ({"attn_scale": "4", "cfg": '{"attn_scale": 5}'}, "2 configurations"),
        ({"cfg": '{"n_layers": 1}', "config": '{"n_layers": 1}'}, "2 configurations"),
        ({"config": '{"n_layers": 1, "n_layers": 2}'}, "the name 'n_layers' stands twice"),
        ({"config": '{"d_head": 5}'}, "d_head = 5"),
        ({"config": '{"mystery": 1}'}, "mystery = 1, a key that is not known"),
    ],
)
def test_a_configuration_of_another_network_is_refused(metadata, message, tmp_path):
    with pytest.raises(UserError, match=message):
        read_model(saved_with(tmp_path, metadata))


def test_a_scale_in_the_metadata_is_read_and_the_rest_assumed(tmp_path):
    model = read_model(saved_with(tmp_path, {"format": "pt", "attn_scale": "4"}))
    assert model.attn_scale == 4.0
    assert model.assumed == {"norms", "positions", "mask", "caps"}
    whole = {"attn_scale": "4", "cfg": '{"attn_scale": 4.0, "normalization_type": null}'}
    assert read_model(saved_with(tmp_path, whole)).assumed == {"positions", "mask", "caps"}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("mask", np.ones((3, 3))),
        ("mask", np.eye(3, dtype=bool)),
        ("mask", np.tri(4, dtype=bool)),
        ("mask", np.triu(np.tri(3), -1)),
        ("IGNORE", np.array(0.0)),
        ("IGNORE", np.array([-np.inf, 0.0])),
        ("IGNORE", np.array(np.nan)),
    ],
)
def test_a_mask_that_is_not_the_causal_one_is_refused(name, values, tmp_path):
    with pytest.raises(UserError, match=name):
        read_model(saved_with(tmp_path, {}, **{f"blocks.0.attn.{name}": values}))


@pytest.mark.parametrize("mask", [np.tri(3), np.tri(3, dtype=bool)[None, None]])
def test_a_causal_mask_is_read(mask, tmp_path):
    more = {"blocks.0.attn.mask": mask, "blocks.0.attn.IGNORE": np.array(-np.inf)}
    assert "mask" not in read_model(saved_with(tmp_path, {}, **more)).assumed
    empty = {"blocks.0.attn.mask": np.zeros((0, 0), dtype=bool)}
    assert "mask" in read_model(saved_with(tmp_path, {}, **empty)).assumed


@pytest.mark.parametrize("name", ["module.W_E", "_orig_mod.embed.W_E", "embed.weight"])
def test_names_that_are_converted_are_pointed_to_import(name, tmp_path):
    weights = short_names(random_model(0))
    prefix = name.removesuffix("embed.W_E").removesuffix("W_E") if "W_E" in name else ""
    state = {prefix + short: values for short, values in weights.items()}
    state[name] = state.pop(prefix + "W_E")
    save_file(state, tmp_path / "m.safetensors")
    with pytest.raises(UserError, match=r"names such as .*; convert it once: probbound import"):
        read_model(tmp_path / "m.safetensors")


def test_a_header_with_a_name_twice_is_refused(tmp_path):
    save_model(random_model(0), tmp_path / "m.safetensors")
    content = (tmp_path / "m.safetensors").read_bytes()
    size = int.from_bytes(content[:8], "little")
    twice = b'"__metadata__":{"config":"{}",'
    header = content[8 : 8 + size].replace(b'"__metadata__":{', twice, 1)
    (tmp_path / "m.safetensors").write_bytes(
        len(header).to_bytes(8, "little") + header + content[8 + size :]
    )
    with pytest.raises(UserError, match="the name 'config' stands twice"):
        read_model(tmp_path / "m.safetensors")


def test_the_digest_is_of_values():
    model = random_model(0)
    assert digest(renamed(model, "other")) == digest(model)
    narrow = load("max-of-4")
    import equinox as eqx

    widened = eqx.tree_at(lambda m: m.W_E, narrow, np.asarray(narrow.W_E, dtype=np.float64))
    assert digest(widened) == digest(narrow)
    bumped = narrow.W_E.copy()
    bumped[0, 0] = np.nextafter(bumped[0, 0], np.float32(9))
    assert digest(eqx.tree_at(lambda m: m.W_E, narrow, bumped)) != digest(narrow)


def test_every_shipped_model_loads_and_matches_its_header():
    names = shipped_names()
    assert {"max-of-4", "max-of-4-published", "max-of-10", "max-of-20", "max-of-4-v1024"} <= set(
        names
    )
    assert {f"max-of-4-s{seed}" for seed in range(5)} <= set(names)
    for name in names:
        assert load(name).name == name
    assert digest(load("max-of-4")) == digest(load("max-of-4-s0"))


def broken(tmp_path, kind):
    """A file that cannot be used, and what must be said of it."""
    model, path = random_model(0), tmp_path / "m.safetensors"
    weights = short_names(model)
    if kind == "missing":
        return tmp_path / "none.safetensors", "there is no model file"
    if kind == "truncated":
        save_model(model, path)
        path.write_bytes(path.read_bytes()[:-100])
        return path, "cannot be read as safetensors"
    if kind == "not safetensors":
        path.write_bytes(b"\x00" * 50)
        return path, "cannot be read as safetensors"
    if kind == "flipped bit":
        save_model(model, path)
        content = bytearray(path.read_bytes())
        content[-3] ^= 1
        path.write_bytes(bytes(content))
        return path, "is damaged"
    if kind == "pickled":
        path = tmp_path / "m.npz"
        np.savez(path, W_E=np.array([{}], dtype=object), allow_pickle=True)
        return path, "cannot be read as .npz"
    if kind == "zip":
        path = tmp_path / "m.npz"
        path.write_bytes(b"PK\x03\x04 nonsense")
        return path, "cannot be read as .npz"
    if kind == "suffix":
        path = tmp_path / "m.h5"
        path.write_bytes(b"")
        return path, r"expected \.safetensors, \.npz"
    if kind == "NaN":
        weights["W_U"] = weights["W_U"] + np.nan
        message = "W_U holds a NaN or an infinity"
    elif kind == "absent":
        del weights["W_U"]
        message = r"has no weight W_U \(nor unembed.W_U\)"
    elif kind == "integers":
        weights["W_U"] = np.ones((6, 5), dtype=np.int64)
        message = "W_U in .* must hold floats, got int64"
    else:
        weights["attn_scale"] = np.ones(2)
        message = "attn_scale in .* must be one number"
    np.savez(tmp_path / "m.npz", allow_pickle=False, **weights)
    return tmp_path / "m.npz", message


@pytest.mark.parametrize(
    "kind",
    [
        *("missing", "truncated", "not safetensors", "flipped bit", "pickled", "zip", "suffix"),
        *("NaN", "absent", "integers", "two scales"),
    ],
)
def test_files_that_cannot_be_used_are_refused(tmp_path, kind):
    path, message = broken(tmp_path, kind)
    with pytest.raises(UserError, match=message) as caught:
        read_model(path)
    assert "\n" not in str(caught.value)


def test_an_unknown_model_is_refused_with_the_shipped_names():
    with pytest.raises(UserError, match=r"no model .max-of-5.; .* max-of-4-published"):
        load("max-of-5")


def test_the_header_says_how_a_shipped_model_was_made():

    record = read_record(shipped_path("max-of-4-published"))
    assert record["recipe"] == "published"
    assert record["steps"] == 3000
    assert record["wrong"] / record["samples"] == pytest.approx(1 - record["sampled_accuracy"])
    json.dumps(record)
