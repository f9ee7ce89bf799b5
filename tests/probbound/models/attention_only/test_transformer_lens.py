"""The real TransformerLens, 3.9 and 4.x: the same logits to 1e-5, or a refusal by the key."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from probbound.machine.errors import UserError
from probbound.models.attention_only.configuration import KEYS
from probbound.models.attention_only.importing import network_in
from probbound.models.attention_only.logits import logits as forward
from probbound.models.importing import import_model
from probbound.models.reference import agreement
from probbound.models.sources.pytorch import read_pytorch
from tests import interop

SCRIPT = Path(interop.__file__).parent / "transformer_lens_networks.py"
TOLERANCE = 1e-5
KEPT = {"use_attn_scale"}  # understood by version 3's rule where the names are its own


@pytest.fixture(scope="module", params=[3, 4])
def networks(request, tmp_path_factory):
    """What the script of that version made, and where."""
    pytest.importorskip("torch", reason="make test-full installs PyTorch")
    python = os.environ.get(f"PROBBOUND_TRANSFORMER_LENS_{request.param}")
    if python is None:
        pytest.skip("make test-full installs TransformerLens and names its interpreters")
    directory = tmp_path_factory.mktemp(f"version{request.param}")
    subprocess.run([python, str(SCRIPT), str(directory)], check=True, capture_output=True)
    report = json.loads((directory / "names.json").read_text())
    assert report["version"] == request.param
    assert len(report["made"]) >= 25
    return directory, report


@pytest.mark.slow
def test_each_network_is_read_as_it_is_or_refused_by_the_key(networks):
    directory, report = networks
    largest = 0.0
    for name, made in report["made"].items():
        path = directory / f"{made['file']}.pth"
        with np.load(directory / f"{made['file']}.npz") as arrays:
            tokens, logits = arrays["tokens"], arrays["logits"][:, -1]
        if not made["same"] and not set(made["keys"]) <= KEPT:
            with pytest.raises(UserError, match="|".join(made["keys"])):
                network_in(read_pytorch(path), path)  # the kind `transformer` may know it
            continue
        try:
            model = import_model(path).model
        except UserError as error:
            assert set(made["keys"]) <= KEPT, f"{name}: {error}"  # noqa: PT017
            assert report["version"] == 4, f"{name}: {error}"  # noqa: PT017
            continue
        assert not model.assumed
        difference = np.abs(forward(model, tokens, np.float64) - logits).max()
        largest = max(largest, float(difference))
        assert difference <= TOLERANCE, name
        assert agreement(model, path.with_suffix(".npz")).sequences == len(tokens)
    assert 0 < largest <= TOLERANCE


@pytest.mark.slow
def test_every_key_that_it_writes_is_on_the_list(networks):
    directory, report = networks
    torch = pytest.importorskip("torch")
    for made in report["made"].values():
        saved = torch.load(directory / f"{made['file']}.pth", weights_only=False)
        assert set(saved["cfg"]) <= set(KEYS)


@pytest.mark.slow
def test_a_state_dict_alone_says_what_is_assumed(networks):
    directory, report = networks
    path = directory / f"{report['made']['plain']['file']}.bare.pth"
    if report["version"] == 4:
        with pytest.raises(UserError, match="number of heads"):
            import_model(path)
    else:
        assert "norms" in import_model(path).model.assumed
