"""Folders of Hugging Face: which files are read, and what is said of them."""

import hashlib
import json

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from probbound.cli.app import app
from probbound.machine.errors import UserError
from probbound.models.importing import import_model
from probbound.models.store import digest
from tests.probbound.models.transformer.hugging_face_cases import CASES
from tests.probbound.models.transformer.hugging_face_files import folder_of

CASE = CASES["llama"]


def sharded(path, shards=3, **changes):
    """Weights in several files and an index, which may say something else."""
    folder = folder_of(CASE, path)
    (folder / "model.safetensors").unlink()
    names = [f"model-{i}.safetensors" for i in range(shards)]
    where = {name: names[i % shards] for i, name in enumerate(CASE.state())}
    for shard in names:
        held = {name: values for name, values in CASE.state().items() if where[name] == shard}
        save_file(held, folder / shard)
    index = {"metadata": {"total_size": 1}, "weight_map": {**where, **changes}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def test_shards_are_one_network(tmp_path):
    made = import_model(sharded(tmp_path / "network"))
    assert digest(made.model) == digest(CASE.network())
    assert made.weights == "model.safetensors.index.json"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"x.weight": "model-0.safetensors"}, "do not agree on x.weight"),
        ({"x.weight": "model-9.safetensors"}, "no such weights beside it"),
        ({"x.weight": "../model-0.safetensors"}, "no file beside it"),
        ({"x.weight": 3}, "no file beside it"),
        ({"lm_head.weight": "model-2.safetensors"}, "do not agree on lm_head.weight"),
    ],
)
def test_an_index_that_says_something_else_is_refused(changes, said, tmp_path):
    with pytest.raises(UserError, match=said):
        import_model(sharded(tmp_path / "network", **changes))


def test_the_digest_of_a_source_is_that_of_its_files_in_order(tmp_path):
    folder = folder_of(CASE, tmp_path / "network")
    one = import_model(folder).sha256
    lines = ""
    for name in ("config.json", "model.safetensors"):
        lines += f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
    assert one == hashlib.sha256(lines.encode()).hexdigest()
    np.savez(tmp_path / "one.npz", **CASE.state())
    single = import_model(tmp_path / "one.npz", str(folder / "config.json")).sha256
    assert single == hashlib.sha256((tmp_path / "one.npz").read_bytes()).hexdigest()
    (folder / "tokenizer.json").write_text("{}")
    (folder / "generation_config.json").write_text("{}")
    assert import_model(folder).sha256 == one
    (folder / "config.json").write_text((folder / "config.json").read_text() + " ")
    assert import_model(folder).sha256 != one


def test_weights_find_the_configuration_beside_them_and_it_is_said(tmp_path):
    folder = folder_of(CASE, tmp_path / "network")
    given = ["import", str(folder / "model.safetensors"), "--out", str(tmp_path / "m.safetensors")]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0, result.output
    assert "configuration: config.json" in result.output
    assert "weights: model.safetensors, SHA-256" in result.output


def test_a_folder_is_imported_from_the_command_line(tmp_path):
    folder = folder_of(CASE, tmp_path / "network")
    out = tmp_path / "m.safetensors"
    result = CliRunner().invoke(app, ["import", str(folder), "--out", str(out), "--json"])
    told = json.loads(result.stdout)
    assert told["sha256"] == digest(CASE.network())
    assert told["source"]["format"] == "Hugging Face"
    assert told["left_out"] == []


def test_safetensors_are_read_before_pytorch_and_the_other_is_named(tmp_path):
    folder = folder_of(CASE, tmp_path / "network")
    (folder / "pytorch_model.bin").write_bytes(b"")
    assert import_model(folder).left_out == ("pytorch_model.bin",)


def test_a_configuration_beside_weights_of_another_framework_is_not_taken(tmp_path):
    save_file({"x": np.ones(2)}, tmp_path / "m.safetensors")
    for text in ("{", "[]", "{}"):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(UserError, match="embedding W_E"):
            import_model(tmp_path / "m.safetensors")


def test_what_is_no_checkpoint_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"a folder of Hugging Face with config\.json"):
        import_model(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match=r"no weights: expected model\.safetensors"):
        import_model(tmp_path)
    save_file(CASE.state(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"model_type": "llama", "model_type": "gpt2"}')
    with pytest.raises(UserError, match="stands twice"):
        import_model(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(UserError, match="weight_map"):
        import_model(tmp_path)
