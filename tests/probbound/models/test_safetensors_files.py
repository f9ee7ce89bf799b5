"""Files are those that safetensors writes, and are not held in memory beside their arrays."""

import json
import tracemalloc

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load, save

from probbound.machine.errors import UserError
from probbound.models.safetensors_files import pieces
from probbound.models.store import save_model
from tests.probbound.models.transformer.networks import network

RANDOM = np.random.default_rng(0)
ARRAYS = {
    "z.W": RANDOM.normal(size=(2, 3)),
    "a.W": RANDOM.normal(size=(3, 2, 2)).astype(np.float32),
    "b": RANDOM.normal(size=5).astype(np.float16),
    "B": RANDOM.normal(size=4),
    "half": RANDOM.normal(size=3).astype(ml_dtypes.bfloat16),
    "none": np.zeros((0, 3)),
}


def content(arrays, metadata):
    return b"".join(bytes(piece) for piece in pieces(arrays, metadata))


@pytest.mark.parametrize("metadata", [{"format": "probbound-model/2"}, {"record": '{"ü": "\\n/"}'}])
def test_bytes_are_those_of_safetensors(metadata):
    assert content(ARRAYS, metadata) == save(ARRAYS, metadata)


def test_what_is_said_beside_is_in_order_so_that_a_file_has_one_digest():
    metadata = dict.fromkeys(("z", "a", "m"), "x")
    found = content(ARRAYS, metadata)
    header = json.loads(found[8 : 8 + int.from_bytes(found[:8], "little")])
    assert list(header["__metadata__"]) == ["a", "m", "z"]
    assert found == content(dict(reversed(ARRAYS.items())), dict(reversed(metadata.items())))


def test_arrays_that_do_not_lie_in_order_are_written_in_order():
    odd = {"W": np.arange(12.0).reshape(3, 4).T, "big": np.arange(3.0).astype(">f8")}
    found = load(content(odd, {}))
    assert all((found[name] == values).all() for name, values in odd.items())


def test_what_is_no_float_is_refused_by_name():
    with pytest.raises(UserError, match="W must hold floats to be saved, got int64"):
        content({"W": np.arange(3)}, {})


def test_a_network_is_saved_without_a_copy_of_its_arrays(tmp_path):
    made = network(d_model=256, d_vocab=4096, d_out=4096, d_mlp=1024, d_head=128)
    size = sum(values.nbytes for values in made.arrays.values())
    save_model(network(), tmp_path / "first.safetensors")  # what is imported once
    tracemalloc.start()
    save_model(made, tmp_path / "m.safetensors")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 20e6
    assert peak < 20e6 + 0.1 * size
