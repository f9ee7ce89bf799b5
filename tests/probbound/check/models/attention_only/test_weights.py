"""The checker's own reading of files of weights, and that damage is refused in a sentence."""

import io
import json
import struct
import time
import tracemalloc
import zipfile

import numpy as np
import pytest

from probbound.check import Unusable, read_weights
from probbound.check.models.files import read_contents
from tests.factories import random_model
from tests.probbound.model_files import WEIGHTS, npz, write_safetensors
from tests.transformer_lens_defaults import HOOKED_3_9

LONG = {"W_E": "embed.W_E", "W_pos": "pos_embed.W_pos", "W_U": "unembed.W_U", "b_U": "unembed.b_U"}


def state_dict_name(short):
    return LONG.get(short, f"blocks.0.attn.{short}")


def sentence(path, read=read_weights):
    with pytest.raises(Unusable) as refusal:
        read(path)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize("kind", ["<f8", "<f4", "<f2"])
def test_floats_are_read_from_both_formats_under_both_kinds_of_names(tmp_path, kind):
    arrays = {name: values.astype(kind) for name, values in WEIGHTS.items()}
    named = {state_dict_name(name): values for name, values in arrays.items()}
    digests = set()
    for tensors in (arrays, named):
        path = write_safetensors(tmp_path / "m.safetensors", tensors)
        np.testing.assert_array_equal(read_weights(path).W_K, arrays["W_K"].astype(float))
        digests.add(read_weights(path).digest())
        np.savez(tmp_path / "m.npz", allow_pickle=False, **tensors)
        digests.add(read_weights(tmp_path / "m.npz").digest())
        np.savez_compressed(tmp_path / "m.npz", allow_pickle=False, **tensors)
        digests.add(read_weights(tmp_path / "m.npz").digest())
    assert len(digests) == 1


def test_bfloat16_is_the_upper_half_of_a_float32(tmp_path):
    halves = {n: (v.astype("<f4").view("<u4") >> 16).astype("<u2") for n, v in WEIGHTS.items()}
    entries = [(name, "BF16", values) for name, values in halves.items()]
    weights = read_weights(write_safetensors(tmp_path / "m.safetensors", entries))
    for name, values in halves.items():
        wanted = (values.astype("<u4") << 16).view("<f4").astype(float)
        np.testing.assert_array_equal(getattr(weights, name), wanted)
    np.testing.assert_allclose(weights.W_Q, WEIGHTS["W_Q"], rtol=2**-7)
    infinite = [*entries[1:], ("W_E", "BF16", np.full((6, 7), 0x7F80, "<u2"))]
    assert "infinity" in sentence(write_safetensors(tmp_path / "m.safetensors", infinite))


def test_big_endian_columns_and_axes_of_one_are_read(tmp_path):
    arrays = dict(WEIGHTS)
    arrays |= {"W_E": np.asfortranarray(WEIGHTS["W_E"]), "W_U": WEIGHTS["W_U"].astype(">f8")}
    arrays |= {"W_Q": WEIGHTS["W_Q"][0], "W_O": WEIGHTS["W_O"][None], "b_Q": WEIGHTS["b_Q"][0]}
    del arrays["b_U"]
    np.savez(tmp_path / "m.npz", allow_pickle=False, **arrays)
    found = read_weights(tmp_path / "m.npz")
    for name, values in WEIGHTS.items():
        np.testing.assert_array_equal(getattr(found, name), values)


def test_two_heads_are_read(tmp_path):
    model = random_model(5, n_heads=2, biases=True)
    arrays = {name: np.array(getattr(model, name), float) for name in WEIGHTS}
    assert read_weights(write_safetensors(tmp_path / "m.safetensors", arrays)).sizes[4] == 2


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".ckpt", ".bin"])
def test_files_of_pytorch_are_converted_once(tmp_path, suffix):
    said = sentence(tmp_path / f"m{suffix}")
    assert f"probbound import {tmp_path / 'm'}{suffix} --out m.safetensors" in said


@pytest.mark.parametrize(
    "name",
    [
        *(f"{p}embed.W_E" for p in ("module.", "_orig_mod.", "module._orig_mod.")),
        *("embed.weight", "pos_embed.weight", "unembed.weight", "unembed.bias", "head.weight"),
        *("blocks.0.attn.q.weight", "blocks.0.attn.o.bias", "layers.0.attn.k.bias"),
        *("tok_embed.weight", "blocks.0.attn.q._original_component.weight"),
    ],
)
def test_other_names_are_for_import(tmp_path, name):
    path = write_safetensors(tmp_path / "m.safetensors", {name: np.ones((6, 7))})
    assert "probbound import" in sentence(path)
    assert repr(name) in sentence(path)


@pytest.mark.parametrize(
    "name", ["ln_final.w", "blocks.0.ln1.w", "blocks.1.attn.mask", "blocks.0.attn._W_K", "W_gate"]
)
def test_other_weights_are_refused_by_name(tmp_path, name):
    said = sentence(npz(tmp_path, **{name: np.ones(1)}))
    assert repr(name) in said
    assert "import" not in said


@pytest.mark.parametrize(
    "values", [np.ones(6, int), np.ones(6, bool), np.array(["a"] * 6), np.ones(5)]
)
def test_a_bias_that_is_none_is_refused(tmp_path, values):
    assert "b_U" in sentence(npz(tmp_path, b_U=values))


def entry(**changed):
    return {"dtype": "F64", "shape": [6], "data_offsets": [0, 48], **changed}


HEADERS = {
    "a name twice": '{"b_U": %s, "b_U": %s}' % ((json.dumps(entry()),) * 2),
    "a name twice in the metadata": '{"__metadata__": {"a": "1", "a": "2"}}',
    "a name twice in an entry": '{"b_U": {"dtype": "F64", "dtype": "F32", "shape": [6]}}',
    "not at the beginning": json.dumps({"b_U": entry(data_offsets=[8, 56])}),
    "longer than its shape": json.dumps({"b_U": entry(shape=[5])}),
    "shorter than its shape": json.dumps({"b_U": entry(shape=[2**47, 2**47])}),
    "beyond the file": json.dumps({"b_U": entry(shape=[60], data_offsets=[0, 480])}),
    "a negative shape": json.dumps({"b_U": entry(shape=[-2, -3])}),
    "a shape of flags": json.dumps({"b_U": entry(shape=[True, 6])}),
    "a shape of floats": json.dumps({"b_U": entry(shape=[6.0])}),
    "a huge integer": '{"b_U": {"dtype": "F64", "shape": [%s]}}' % ("9" * 5000),
    "offsets the other way": json.dumps({"b_U": entry(data_offsets=[48, 0])}),
    "another type": json.dumps({"b_U": entry(dtype="F8_E4M3")}),
    "a type that is a list": json.dumps({"b_U": entry(dtype=["F64"])}),
    "an entry that is a text": json.dumps({"b_U": "F64"}),
    "an entry without a type": json.dumps({"b_U": {"shape": [6], "data_offsets": [0, 48]}}),
    "more in an entry": json.dumps({"b_U": entry(scale=2.0)}),
    "metadata that are numbers": json.dumps({"__metadata__": {"attn_scale": 3}}),
    "metadata that are a list": json.dumps({"__metadata__": ["attn_scale"]}),
    "a list": "[]",
    "no JSON": "{]",
    "deep": '{"a":' * 100_000,
    "no text": "\udcff",
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_header_that_does_not_fit_is_refused(tmp_path, case):
    text = HEADERS[case].encode("utf-8", "surrogateescape")
    path = tmp_path / "m.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(48))
    sentence(path, read_contents)


def test_bytes_that_no_tensor_claims_are_refused(tmp_path):
    path = write_safetensors(tmp_path / "m.safetensors", WEIGHTS)
    path.write_bytes(path.read_bytes() + b"\0")
    assert "bytes" in sentence(path)


def test_what_is_no_regular_file_is_not_waited_for(tmp_path):
    (tmp_path / "d.npz").mkdir()
    assert "no regular file" in sentence(tmp_path / "d.npz")
    (tmp_path / "zero.npz").symlink_to("/dev/zero")
    assert "no regular file" in sentence(tmp_path / "zero.npz")
    sentence(tmp_path / f"{'n' * 5000}.npz")
    sentence(tmp_path / "a\0b.npz")


def test_a_large_file_of_nothing_takes_no_memory(tmp_path):
    path = tmp_path / "m.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 2) + b"{}")
        file.truncate(1 << 33)
    tracemalloc.start()
    sentence(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 24
    tracemalloc.stop()


def archive(path, content, name="W_E.npy", method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as made:
        made.writestr(name, content)
    return path


def npy(header):
    text = header.encode() + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + bytes(48)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (7,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999, 99999999999999), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (6,), }",
        "{'descr': '<f16', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (6,), }",
        "{'descr': '<U0', 'fortran_order': False, 'shape': (99999999, 99999999), }",
        "{'descr': '<U99999999', 'fortran_order': False, 'shape': (), }",
        "__import__('os').abort()",
        "(" * 3000,
    ],
)
def test_an_array_that_does_not_fit_is_refused(tmp_path, header):
    assert "'W_E'" in sentence(archive(tmp_path / "m.npz", npy(header)))
    assert "'W_E'" in sentence(archive(tmp_path / "m.npz", npy(header)[:9]))


def test_a_small_archive_is_not_unpacked_to_a_large_one(tmp_path):
    path = archive(tmp_path / "m.npz", bytes(1 << 27), method=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 18
    tracemalloc.start()
    assert "its arrays take more than" in sentence(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 22
    tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_packed_otherwise_is_refused(tmp_path, method):
    assert "deflate" in sentence(archive(tmp_path / "m.npz", b"", method=method))


def whole(path, suffix):
    """Files with all that is read: a configuration, a mask, two types."""
    beside = {"blocks.0.attn.mask": np.tri(3, dtype=bool), "W_E": WEIGHTS["W_E"].astype("<f4")}
    if suffix == ".npz":
        return npz(path, config=np.array(json.dumps(HOOKED_3_9)), attn_scale=2.5, **beside)
    metadata = {"config": json.dumps(HOOKED_3_9), "note": json.dumps([{"a": ["b"] * 3}])}
    return write_safetensors(path / "model.safetensors", {**WEIGHTS, **beside}, metadata)


def damaged(data, rng):
    """Cut off, overwritten, or with bits turned; early bytes, which say what others mean, first."""
    made = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        at = int(len(made) * rng.random() ** 4)
        kind = rng.integers(4)
        if kind == 0:
            del made[int(len(made) * rng.random()) :]
        elif kind == 1:
            made[at : at + 8] = rng.bytes(8)
        elif kind == 2 and at < len(made):
            made[at] ^= 1 << int(rng.integers(8))
        else:
            made[at:at] = bytes(rng.choice(list(b'{}[]":,0123456789eE-\\"ul'), 3).astype("u1"))
    return bytes(made)


def fuzz(path, data, seeds):
    """How many damaged files were refused; each at once, and by nothing but Unusable."""
    refused, said = 0, []
    for seed in seeds:
        path.write_bytes(damaged(data, np.random.default_rng(seed)))
        begun = time.perf_counter()
        try:
            read_weights(path)
        except Unusable as error:
            refused += 1
            said.append(str(error))
        assert time.perf_counter() - begun < 5, seed
    assert "\n" not in "".join(said)
    return refused


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_damage_is_refused_or_read(tmp_path, suffix):
    path = whole(tmp_path, suffix)
    if suffix == ".npz":
        assert "two attention scales" in sentence(path)
    assert fuzz(tmp_path / f"damaged{suffix}", path.read_bytes(), range(600)) > 300


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_much_damage_is_refused_or_read(tmp_path, suffix):
    data = whole(tmp_path, suffix).read_bytes()
    fuzz(tmp_path / f"damaged{suffix}", data, range(1000, 10_000))


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_random_bytes_are_refused(tmp_path, suffix):
    rng, path = np.random.default_rng(0), tmp_path / f"m{suffix}"
    for length in (0, 1, 7, 8, 9, 10, 100, 5000):
        path.write_bytes(rng.bytes(length))
        sentence(path)


def test_damaged_arrays_of_an_archive_are_refused(tmp_path):
    """Of whole archives, since their checksums catch what `damaged` does to them."""
    stream, rng = io.BytesIO(), np.random.default_rng(0)
    np.save(stream, WEIGHTS["W_E"])
    for _ in range(300):
        made = bytearray(stream.getvalue())
        made[int(rng.integers(128))] = int(rng.integers(256))
        sentence(archive(tmp_path / "m.npz", bytes(made)))
