"""PyTorch files: read without PyTorch, nothing run, memory bounded by the file."""

import os
import pickle
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest

from probbound.errors import UserError
from probbound.models.pth import read_pth
from probbound.models.store import digest, read_model
from probbound.models.torch_pickle import read_pickle
from probbound.models.transformer import WEIGHT_SHAPES
from tests.factories import random_model
from tests.torch_files import save_pth, write_archive


def weights_of(model, dtype="<f8"):
    return {name: np.asarray(getattr(model, name), dtype=dtype) for name in WEIGHT_SHAPES}


@pytest.mark.parametrize("suffix", [".pth", ".pt"])
def test_a_state_dict_is_the_model(tmp_path, suffix):
    model = random_model(0, n_heads=2, biases=True)
    save_pth(tmp_path / f"m{suffix}", weights_of(model))
    assert digest(read_model(tmp_path / f"m{suffix}")) == digest(model)


def test_a_state_dict_beside_other_things_and_transposed_in_memory(tmp_path):
    model = random_model(1)
    state = weights_of(model)
    state["W_E"] = np.asfortranarray(state["W_E"])
    epochs = [{"loss": 0.5, "who": ("me", None, True)}]
    save_pth(tmp_path / "m.pth", state, inside="model", epochs=epochs)
    assert digest(read_model(tmp_path / "m.pth")) == digest(model)


@pytest.mark.parametrize("dtype", ["<f4", "<f2"])
def test_narrow_floats_keep_their_values(tmp_path, dtype):
    state = weights_of(random_model(2), dtype)
    save_pth(tmp_path / "m.pth", state)
    np.testing.assert_array_equal(read_model(tmp_path / "m.pth").W_U, state["W_U"])


@pytest.mark.parametrize(
    ("configuration", "scale"),
    [({"attn_scale": 3.0}, 3.0), ({"use_attn_scale": False, "attn_scale": 3.0}, 1.0)],
)
def test_the_scale_of_a_configuration_counts(tmp_path, configuration, scale):
    save_pth(tmp_path / "m.pth", weights_of(random_model(0)), inside="model", cfg=configuration)
    assert read_model(tmp_path / "m.pth").attn_scale == scale


def test_a_configuration_may_be_an_object_of_a_class_we_do_not_have(tmp_path):
    cfg = SimpleNamespace(attn_scale=5.0, n_layers=1)
    save_pth(tmp_path / "m.pth", weights_of(random_model(0)), inside="model", cfg=cfg)
    assert read_model(tmp_path / "m.pth").attn_scale == 5.0


@pytest.mark.parametrize(
    "configuration", [{"n_layers": 2}, {"attn_only": False}, {"normalization_type": "LNPre"}]
)
def test_another_architecture_is_refused(tmp_path, configuration):
    save_pth(tmp_path / "m.pth", weights_of(random_model(0)), inside="model", cfg=configuration)
    with pytest.raises(UserError, match=next(iter(configuration))):
        read_model(tmp_path / "m.pth")


class Bomb:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def test_nothing_in_the_pickle_is_run(tmp_path):
    target = tmp_path / "made"
    state = weights_of(random_model(0))
    save_pth(tmp_path / "m.pth", state, inside="model", note=Bomb(target))
    assert digest(read_model(tmp_path / "m.pth")) == digest(random_model(0))
    assert not target.exists()
    with zipfile.ZipFile(tmp_path / "m.pth") as archive:
        pickled = archive.read("archive/data.pkl")
    assert b"mkdir" in pickled


def test_a_memo_index_costs_no_memory():
    assert read_pickle(b"\x80\x02K\x07r\xff\xff\xff\xff.") == 7


@pytest.mark.parametrize(
    ("pickled", "reason"),
    [
        (b"\x80\x02.", "damaged"),
        (b"\x80\x02}", "exhausted"),
        (b"\x80\x02h\x05.", "damaged"),
        (b"\x80\x02(i__main__\nX\n.", "no opcode INST"),
        (pickle.dumps([1, 2]), "state dicts"),
        (b"\x80\x02K\x01)R.", "calls something"),
    ],
)
def test_damaged_pickles_are_refused(tmp_path, pickled, reason):
    write_archive(tmp_path / "m.pth", pickled, {})
    with pytest.raises(UserError, match=reason):
        read_pth(tmp_path / "m.pth")


def test_a_tensor_larger_than_its_storage_is_refused(tmp_path):
    state = weights_of(random_model(0))
    state["W_E"] = np.lib.stride_tricks.as_strided(np.zeros(1), (10**6, 10**6), (0, 0))
    save_pth_with_short_storage(tmp_path / "m.pth", state)
    with pytest.raises(UserError, match="does not fit its storage"):
        read_pth(tmp_path / "m.pth")


def save_pth_with_short_storage(path, state):
    small = {name: values for name, values in state.items() if name != "W_E"}
    save_pth(path, {**small, "W_E": np.zeros((1, 1))})
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    huge = entries["archive/data.pkl"].replace(
        pickle.dumps((1, 1), protocol=2)[2:-3], pickle.dumps((10**6, 10**6), protocol=2)[2:-3]
    )
    assert huge != entries["archive/data.pkl"]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**entries, "archive/data.pkl": huge}.items():
            archive.writestr(name, data)


def test_compressed_entries_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "m.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 10_000)
    with pytest.raises(UserError, match="compressed"):
        read_pth(tmp_path / "m.pth")


def test_a_file_of_the_old_format_is_refused_with_a_hint(tmp_path):
    (tmp_path / "m.pth").write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2))
    with pytest.raises(UserError, match=r"before 1\.6"):
        read_pth(tmp_path / "m.pth")
