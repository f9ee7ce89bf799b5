"""The checker's own reader of PyTorch files, against files and against the other reader."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest

import probbound
from probbound.certificate_format import file_content
from probbound.check import Unusable, check, read_weights
from probbound.check.torch_file import Thing, described
from probbound.errors import UserError
from probbound.models.store import digest, read_model
from probbound.models.transformer import WEIGHT_SHAPES
from probbound.tasks import task_for
from tests.factories import copying_model, random_model
from tests.probbound.test_file_fuzzing import KINDS, damaged, written
from tests.probbound.test_pth import Bomb, save_pth_with_short_storage, weights_of
from tests.torch_files import save_pth, write_archive

BESIDE = {"epochs": [{"loss": 0.5, "who": ("me", None, True)}], 3: {2.5}, "n": 10**30}


@pytest.mark.parametrize("dtype", ["<f8", "<f4", "<f2"])
@pytest.mark.parametrize(
    "beside",
    [
        None,
        {},
        {"cfg": {"attn_scale": 3.0, "n_layers": 1}},
        {"config": SimpleNamespace(use_attn_scale=False, attn_scale=3.0)},
        {"model_cfg": {"attn_scale": 3}},
        BESIDE,
    ],
)
def test_both_readers_find_the_same_model(tmp_path, dtype, beside):
    path, state = tmp_path / "m.pt", weights_of(random_model(0, n_heads=2, biases=True), dtype)
    state["W_E"] = np.asfortranarray(state["W_E"])
    inside = {} if beside is None else {"inside": "model"}
    save_pth(path, state, **inside, **{str(key): value for key, value in (beside or {}).items()})
    found = read_weights(path)
    assert found.digest() == digest(read_model(path))
    np.testing.assert_array_equal(found.W_E, state["W_E"])


def test_bfloat16_is_the_upper_half_of_a_float32(tmp_path):
    state = weights_of(random_model(3), "<f4")
    state["W_U"] = (state["W_U"].view(np.uint32) & 0xFFFF0000).view(np.float32)
    halves = (state["W_U"].view(np.uint32) >> 16).astype("<u2")
    save_pth(tmp_path / "m.pth", {**state, "W_U": halves.view("<f2")})
    with zipfile.ZipFile(tmp_path / "m.pth") as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    pickled = entries["archive/data.pkl"].replace(b"HalfStorage", b"BFloat16Storage")
    with zipfile.ZipFile(tmp_path / "m.pth", "w") as archive:
        for name, data in {**entries, "archive/data.pkl": pickled}.items():
            archive.writestr(name, data)
    found = read_weights(tmp_path / "m.pth")
    np.testing.assert_array_equal(found.W_U, state["W_U"])
    assert found.digest() == digest(read_model(tmp_path / "m.pth"))


def test_nothing_in_the_pickle_is_run(tmp_path):
    state, target = weights_of(random_model(0)), tmp_path / "made"
    save_pth(tmp_path / "m.pth", state, inside="model", note=Bomb(target))
    assert read_weights(tmp_path / "m.pth").digest() == digest(random_model(0))
    assert not target.exists()
    assert described(pickle.dumps(Bomb(target), protocol=2)) == Thing("posix.mkdir")


@pytest.mark.parametrize(
    ("configuration", "sentence"),
    [
        ({"n_layers": 2}, "another n_layers"),
        ({"attn_only": False}, "another attn_only"),
        ({"normalization_type": "LNPre"}, "another normalization_type"),
    ],
)
def test_another_architecture_is_refused(tmp_path, configuration, sentence):
    save_pth(tmp_path / "m.pth", weights_of(random_model(0)), inside="model", cfg=configuration)
    assert_unusable(tmp_path / "m.pth", sentence)


DEEP = 10**5


@pytest.mark.parametrize(
    ("pickled", "sentence"),
    [
        (b"\x80\x02.", "damaged"),
        (b"\x80\x02}", "damaged"),
        (b"\x80\x02h\x05.", "damaged"),
        (b"\x80\x02K\x01\x86.", "damaged"),
        (b"\x80\x02K\x01)R.", "damaged"),
        (b"\x80\x02}K\x01a.", "damaged"),
        (b"\x80\x02(i__main__\nX\n.", "an opcode INST"),
        (b"\x80\x05\x96" + b"\xff" * 8 + b".", "damaged"),
        (b"\x80\x02K\x07r\xff\xff\xff\xff.", "0 state dicts"),
        (b"\x80\x02)" + b"\x85" * DEEP + b".", "0 state dicts"),
        (b"\x80\x02})" + b"\x85" * DEEP + b"K\x01s.", "0 state dicts"),
        (pickle.dumps([1, 2], protocol=2), "0 state dicts"),
        (pickle.dumps({"a": {"W_E": 1}, "b": {"W_E": 1}}, protocol=2), "2 state dicts"),
        (pickle.dumps({"W_E": 1}, protocol=2), "plain tensor of floats"),
        (pickle.dumps({"W_E": [[1.0]], "cfg": [1]}, protocol=2), "plain tensor of floats"),
    ],
)
def test_what_torch_would_not_write_is_refused_in_a_sentence(tmp_path, pickled, sentence):
    write_archive(tmp_path / "m.pth", pickled, {})
    assert_unusable(tmp_path / "m.pth", sentence)


def assert_unusable(path, sentence):
    with pytest.raises(Unusable, match=sentence) as refusal:
        read_weights(path)
    assert "\n" not in str(refusal.value)


def test_tensors_that_do_not_fit_are_refused(tmp_path):
    state = weights_of(random_model(0))
    state["W_E"] = np.lib.stride_tricks.as_strided(np.zeros(1), (10**6, 10**6), (0, 0))
    save_pth_with_short_storage(tmp_path / "m.pth", state)
    assert_unusable(tmp_path / "m.pth", "far larger than the file")
    save_pth(tmp_path / "m.pth", {**weights_of(random_model(0)), "W_E": np.zeros((0, 6))})
    assert_unusable(tmp_path / "m.pth", "is empty")


def test_archives_of_another_kind_are_refused(tmp_path):
    path = tmp_path / "m.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 10_000)
    assert_unusable(path, "compressed or too large")
    save_pth(path, weights_of(random_model(0)))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("other/data.pkl", b"N.")
    assert_unusable(path, "2 entries 'data.pkl'")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/byteorder", "big")
    assert_unusable(path, "big-endian")
    path.write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2))
    assert_unusable(path, "not a zip file")


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_refused_or_read_as_the_other_reader_does(tmp_path, kind):
    assert fuzz(tmp_path, kind, range(400)) > 100


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_much_damage_is_refused_or_read_as_the_other_reader_does(tmp_path, kind):
    fuzz(tmp_path, kind, range(1000, 21_000))


def fuzz(tmp_path, kind, seeds):
    """How many files the checker refused; what both readers accept is the same."""
    data, refused, path = written(tmp_path / kind, kind), 0, tmp_path / f"damaged-{kind}"
    assert read_weights(tmp_path / kind).digest() == digest(read_model(tmp_path / kind))
    for seed in seeds:
        path.write_bytes(damaged(data, np.random.default_rng(seed)))
        try:
            found = read_weights(path)
        except Unusable as error:
            refused += 1
            assert_one_line(str(error))
            continue
        try:
            model = read_model(path)
        except UserError:
            continue
        assert found.digest() == digest(model)
    return refused


def assert_one_line(sentence):
    assert sentence
    assert "\n" not in sentence


def test_a_certificate_of_a_pytorch_file_is_checked_without_what_made_it(tmp_path):
    model = copying_model(0)
    weights = {name: np.asarray(getattr(model, name)) for name in WEIGHT_SHAPES}
    save_pth(tmp_path / "m.pth", weights, inside="model", cfg={"attn_scale": model.attn_scale})
    made = probbound.certify(model, task_for(model), strategy="hybrid", budget=40, delta=1e-3)
    (tmp_path / "c.json").write_bytes(file_content(made.to_json()))
    assert check(tmp_path / "c.json", tmp_path / "m.pth").holds
    script = (
        "import sys, probbound.check.__main__ as main; assert main.main(sys.argv[1:]) == 0\n"
        "import json; print(json.dumps(sorted(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "c.json", tmp_path / "m.pth"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = json.loads(ran.stdout.splitlines()[-1])
    ours = [name for name in loaded if name.startswith(("probbound.", "estimators"))]
    assert all(name.startswith("probbound.check") for name in ours)
    assert not {"jax", "torch", "safetensors"} & set(loaded)
