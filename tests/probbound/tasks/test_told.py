"""Which task a model is asked about where nobody says it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open

import probbound
from probbound.machine.errors import UserError
from probbound.models.registry import room_of
from probbound.tasks.told import task_told, tasks_told
from tests.probbound.models.transformer.networks import network


@pytest.mark.parametrize(
    ("model", "task"),
    [
        ("max-of-4", "max-of-k"),
        ("mod-add-p59-s0", "modular-addition"),
        ("group-s5", "group-product:s5"),
    ],
)
def test_a_file_of_ours_says_what_it_was_made_for(model, task):
    assert task_told(model, None) == task
    assert task_told(model, "max-of-k") == "max-of-k"
    loaded = probbound.load(model)
    assert loaded.made_for == task
    assert probbound.task_for(loaded).name == task.partition(":")[0]


def test_what_was_made_for_nothing_said_is_asked_about_by_name(tmp_path):
    pairs = replace(probbound.load("mod-add-p59-s0"), made_for="")
    with pytest.raises(UserError, match="which task mod-add-p59-s0 was made for; name one"):
        probbound.task_for(pairs)
    assert probbound.task_for(pairs, task="modular-addition").size == 59**2
    tokens = replace(probbound.load("max-of-4"), made_for="")
    assert probbound.task_for(tokens).name == "max-of-k"
    probbound.save_model(pairs, tmp_path / "bare.safetensors")
    assert probbound.load(tmp_path / "bare.safetensors").made_for == ""


def as_npz(path):
    """The same file as an archive of arrays and texts."""
    with safe_open(path, framework="np") as file:
        held: dict[str, Any] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        held |= {name: np.array(text) for name, text in file.metadata().items()}
    np.savez(path.with_suffix(".npz"), **held)
    return str(path.with_suffix(".npz"))


@pytest.mark.parametrize("name", ["max-of-4", "mod-add-p59-s0", "group-s5"])
def test_an_archive_of_ours_says_what_it_was_made_for(name, tmp_path):
    model = probbound.load(name)
    probbound.save_model(model, tmp_path / "m.safetensors", {"task": model.made_for})
    assert task_told(as_npz(tmp_path / "m.safetensors"), None) == model.made_for
    assert probbound.load(tmp_path / "m.npz").made_for == model.made_for


def test_an_archive_is_asked_about_what_is_usual_for_its_kind_or_by_name(tmp_path):
    probbound.save_model(network(), tmp_path / "t.safetensors")
    assert task_told(as_npz(tmp_path / "t.safetensors"), None) == "next-token"
    pairs = replace(probbound.load("mod-add-p59-s0"), made_for="")
    probbound.save_model(pairs, tmp_path / "p.safetensors")
    bare: dict[str, Any] = {
        name: np.asarray(values) for name, values in room_of(pairs).arrays(pairs).items()
    }
    np.savez(tmp_path / "bare.npz", **bare)
    for path in (tmp_path / "p.safetensors", as_npz(tmp_path / "p.safetensors"), "bare.npz"):
        with pytest.raises(UserError, match=r"which task (p|bare) was made for"):
            task_told(str(tmp_path / path), None)
        with pytest.raises(UserError, match="it is not said which task"):
            tasks_told([str(tmp_path / path)])


@pytest.mark.parametrize("content", [b"", b"no safetensors"])
def test_what_cannot_be_read_is_left_to_who_reads_the_weights(content, tmp_path):
    for name in ("damaged.safetensors", "other.npz"):
        (tmp_path / name).write_bytes(content)
        assert task_told(str(tmp_path / name), None) == "max-of-k"
    assert task_told(str(tmp_path / "none.safetensors"), None) == "max-of-k"
    with pytest.raises(UserError, match="there is no model"):
        task_told("no-such-model", None)


def test_a_grid_of_models_is_about_the_task_that_they_have_in_common():
    assert tasks_told(["mod-add-p59-s0", "mod-add-p59-s1", "no-such-model"]) == "modular-addition"
    assert tasks_told([]) == "max-of-k"
    with pytest.raises(UserError, match="max-of-4 for max-of-k, group-s5 for group-product:s5"):
        tasks_told(["max-of-4", "group-s5"])
