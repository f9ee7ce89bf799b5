"""Model files: every way in, one identity, and refusals in one sentence."""

import json
import os

import numpy as np
import pytest
from safetensors.numpy import save_file

from probbound.errors import UserError
from probbound.files import require_writable, write_atomically
from probbound.models.catalogue import shipped_names, shipped_path
from probbound.models.registry import load
from probbound.models.store import digest, read_model, read_record, renamed, save_model
from probbound.models.transformer import WEIGHT_SHAPES
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
        "blocks.0.attn.mask": np.ones((3, 3)),
        **{f"blocks.0.attn.W_{part}": getattr(model, f"W_{part}") for part in "QKVO"},
    }
    save_file(state, tmp_path / "m.safetensors")
    assert digest(read_model(tmp_path / "m.safetensors")) == digest(model)
    stacked = {name: w[None] if name[-1] in "QKVO" else w for name, w in short_names(model).items()}
    np.savez(tmp_path / "stacked.npz", allow_pickle=False, **stacked)
    assert digest(read_model(tmp_path / "stacked.npz")) == digest(model)


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
        path = tmp_path / "m.bin"
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


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    target = tmp_path / "f.json"
    write_atomically(target, b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"cannot write .*: No space left on device"):
        write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["f.json"]


def test_unwritable_outputs_are_refused_early(tmp_path):
    with pytest.raises(UserError, match="it is a directory"):
        require_writable(tmp_path)
    with pytest.raises(UserError, match="there is no directory"):
        require_writable(tmp_path / "none" / "f.json")
    with pytest.raises(UserError, match="cannot write"):
        write_atomically(tmp_path / "none" / "f.json", b"")


def test_the_header_says_how_a_shipped_model_was_made():

    record = read_record(shipped_path("max-of-4-published"))
    assert record["recipe"] == "published"
    assert record["steps"] == 3000
    assert record["wrong"] / record["samples"] == pytest.approx(1 - record["sampled_accuracy"])
    json.dumps(record)
