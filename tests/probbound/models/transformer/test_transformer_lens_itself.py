"""The real TransformerLens, 3.9 and 4.x: deep networks with the same logits and activations."""

import json
import os
import subprocess
from pathlib import Path

import jax
import numpy as np
import pytest

from probbound.machine.errors import UserError
from probbound.models.importing import import_model
from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.running import activations, everywhere
from tests import interop

SCRIPT = Path(interop.__file__).parent / "transformer_lens_deep_networks.py"
TOLERANCE = {"float64": 1e-9, "float32": 1e-5}
THEIRS_ALONE = (".hook_scale", ".hook_normalized", "unembed.hook_out")
ENCODERS_ALONE = ("embed.hook_embed", "embed.hook_pos_embed", "embed.hook_token_type_embed")


@pytest.fixture(scope="module", params=[3, 4])
def networks(request, tmp_path_factory):
    """What the script of that version made, and where."""
    pytest.importorskip("torch", reason="make test-full installs PyTorch")
    python = os.environ.get(f"PROBBOUND_TRANSFORMER_LENS_{request.param}")
    if python is None:
        pytest.skip("make test-full installs TransformerLens and names its interpreters")
    directory = tmp_path_factory.mktemp(f"deep{request.param}")
    subprocess.run([python, str(SCRIPT), str(directory)], check=True, capture_output=True)
    report = json.loads((directory / "names.json").read_text())
    assert report["version"] == request.param
    assert len(report["made"]) >= 30
    return directory, report


def allowed(precision, version, architecture):
    """4.x has weighted RMSNorm and tables of rotations in float32 alone."""
    single = version == 4 and (architecture.norm == "rms" or architecture.positions == "rotary")
    return TOLERANCE["float32" if single else precision]


@pytest.mark.slow
def test_each_network_is_the_same_function_or_refused_by_the_key(networks):
    directory, report = networks
    largest = dict.fromkeys(TOLERANCE, 0.0)
    for name, made in report["made"].items():
        path = directory / f"{made['file']}.pth"
        if made["refused"]:
            with pytest.raises(UserError, match=made["refused"]):
                import_model(path)
            continue
        model = import_model(path).model
        assert isinstance(model, GeneralTransformer)
        with np.load(path.with_suffix(".npz")) as arrays, jax.disable_jit():
            for precision in set(TOLERANCE) & set(arrays.files):
                found = everywhere(model, arrays["tokens"], np.dtype(precision).type)
                off = float(np.abs(found - arrays[precision]).max())
                limit = allowed(precision, report["version"], model.architecture)
                assert off <= limit, f"{name}, {precision}"
                largest[precision] = max(largest[precision], off)
    assert all(0 < largest[precision] <= 1e-5 for precision in TOLERANCE)


@pytest.mark.slow
def test_activations_have_the_names_and_the_numbers_of_theirs(networks):
    directory, report = networks
    compared = 0
    for name, made in report["made"].items():
        path = directory / f"{made['file']}.pth"
        with np.load(path.with_suffix(".npz")) as arrays:
            theirs = {n.removeprefix("cache/"): arrays[n] for n in arrays if n.startswith("cache/")}
            tokens = arrays["tokens"]
        if not theirs:
            continue
        with jax.disable_jit():
            ours = activations(import_model(path).model, tokens, lambda _: True)
        own = {"hook_full_embed"} if "hook_embed" in theirs else {"hook_embed", "hook_pos_embed"}
        assert set(ours) - set(theirs) == own, name
        for hook, values in theirs.items():
            if hook.endswith(THEIRS_ALONE) or hook in ENCODERS_ALONE:
                assert hook not in ours
                continue
            wanted = np.broadcast_to(ours[hook], values.shape)
            np.testing.assert_allclose(values, wanted, rtol=0, atol=1e-9, err_msg=f"{name} {hook}")
            compared += 1
    assert compared >= 200 or report["version"] == 4
