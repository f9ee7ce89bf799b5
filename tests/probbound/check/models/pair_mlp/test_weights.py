"""Files of pair networks, read by the checker as by the maker, or refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from probbound.check import Unusable, read_weights
from probbound.machine.errors import UserError
from probbound.models.pair_mlp.network import weights_of
from probbound.models.pair_mlp.stating import parts_of
from probbound.models.store import digest, read_model, save_model
from tests.probbound.models.pair_mlp.networks import FORMS, random_network


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("saved", ["ours", "plain", "npz"])
def test_both_sides_read_one_network(tmp_path, form, saved):
    model = random_network(form, 1)
    path = tmp_path / f"net.{'npz' if saved == 'npz' else 'safetensors'}"
    arrays = {name: np.asarray(values) for name, values in weights_of(model).items()}
    if saved == "ours":
        save_model(model, path, {"steps": 3})
    elif saved == "plain":
        save_file(arrays, path, {"format": "np"} if form == "x" else None)
    else:
        np.savez(
            path, allow_pickle=False, **arrays, config=np.array(json.dumps({"activation": "relu"}))
        )
    mine, theirs = read_weights(path), read_model(path)
    assert mine.kind == theirs.kind
    assert mine.digest() == digest(theirs)
    assert mine.parts == parts_of(theirs)
    sources = {part: said["source"] for part, said in mine.parts.items()}
    assert sources["operands"] == ("read" if saved == "ours" else "assumed")
    assert sources["activation"] == ("assumed" if saved == "plain" else "read")


SIZES = {"d_vocab": 5, "d_model": 4, "d_mlp": 6, "d_out": 3, "d_vocab_out": 5}


@pytest.mark.parametrize(
    "metadata",
    [
        {"config": json.dumps({"activation": "gelu"})},
        {"config": json.dumps({"activation": 1})},
        {"config": json.dumps({"operands": "concatenated"})},
        {"config": json.dumps({**SIZES, "d_mlp": 7})},
        {"config": json.dumps({**SIZES, "d_mlp": 6.0})},
        {"config": json.dumps({"norm": "layer"})},
        {"config": "[]"},
        {"config": "{"},
        {"activation": "gelu"},
        {"network": "pair-mlp"},
    ],
)
def test_a_file_that_says_another_network_is_refused_by_both(tmp_path, metadata):
    path = tmp_path / "net.safetensors"
    model = random_network("bottleneck", 1)
    save_file({name: np.asarray(x) for name, x in weights_of(model).items()}, path, metadata)
    with pytest.raises(Unusable):
        read_weights(path)
    with pytest.raises(UserError):
        read_model(path)


@pytest.mark.parametrize(
    "change",
    [
        {"W_in": None, "W_in2": np.zeros((4, 6), np.float32)},
        {"W_U": np.zeros((4, 5), np.float32)},
        {"b_U": np.zeros(4, np.float32)},
        {"b_in": np.zeros(6, np.int32)},
        {"W_out": np.full((6, 3), np.nan, np.float32)},
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path, change):
    path = tmp_path / "net.safetensors"
    there = {**weights_of(random_network("bottleneck", 1)), **change}
    save_file({name: np.asarray(x) for name, x in there.items() if x is not None}, path)
    with pytest.raises(Unusable):
        read_weights(path)
