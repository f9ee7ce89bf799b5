"""Logits of another framework beside those of the model as it was read."""

import json

import equinox as eqx
import numpy as np
import pytest

from probbound.certificates.certification import certify
from probbound.cli.main import run
from probbound.machine.errors import UserError
from probbound.models.attention_only.logits import logits as forward
from probbound.models.reference import agreement
from probbound.models.store import save_model
from probbound.tasks.max_of_k.task import task_for
from tests.factories import all_sequences, copying_model, random_model, slow_logits

MODEL = copying_model(2)
TOKENS = all_sequences(MODEL.d_vocab, MODEL.n_ctx)[::5]
LOGITS = np.array([slow_logits(MODEL, tuple(row)) for row in TOKENS])


def written(tmp_path, tokens=TOKENS, logits=LOGITS, **more):
    np.savez(tmp_path / "r.npz", allow_pickle=False, tokens=tokens, logits=logits, **more)
    return tmp_path / "r.npz"


def test_the_forward_pass_is_that_of_the_definition():
    np.testing.assert_allclose(forward(MODEL, TOKENS, np.float64), LOGITS, atol=1e-12)
    two = random_model(4, n_heads=2, biases=True)
    tokens = all_sequences(two.d_vocab, two.n_ctx)
    slow = [slow_logits(two, tuple(row)) for row in tokens]
    np.testing.assert_allclose(forward(two, tokens, np.float64), slow, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_logits_of_the_same_network_agree(dtype, tmp_path):
    found = agreement(MODEL, written(tmp_path, logits=LOGITS.astype(dtype)))
    assert found.sequences == len(TOKENS)
    assert found.precision == np.dtype(dtype).name
    assert found.largest_difference <= found.allowed


def test_logits_of_all_positions_are_compared_at_the_last(tmp_path):
    everywhere = np.repeat(LOGITS[:, None], MODEL.n_ctx, axis=1)
    everywhere[:, :-1] += 7
    assert agreement(MODEL, written(tmp_path, logits=everywhere)).sequences == len(TOKENS)


def other(kind):
    """Networks that a reader of weights alone takes for the same."""
    if kind == "scale":
        return eqx.tree_at(lambda m: m.W_Q, MODEL, MODEL.W_Q * 1.001)
    if kind == "unembedding":
        return eqx.tree_at(lambda m: m.W_U, MODEL, MODEL.W_U * 1.001)
    return eqx.tree_at(lambda m: m.b_O, MODEL, MODEL.b_O + 1e-3)


@pytest.mark.parametrize("kind", ["scale", "unembedding", "bias"])
def test_another_network_is_refused(kind, tmp_path):
    logits = forward(other(kind), TOKENS, np.float64).astype(np.float32)
    with pytest.raises(UserError, match=r"of another network than .* float32 explains"):
        agreement(MODEL, written(tmp_path, logits=logits))


def test_normalised_logits_are_refused(tmp_path):
    normalised = LOGITS - LOGITS.mean(axis=1, keepdims=True)
    scaled = (normalised / normalised.std(axis=1, keepdims=True)).astype(np.float32)
    with pytest.raises(UserError, match="another network"):
        agreement(MODEL, written(tmp_path, logits=scaled))


def test_a_precision_that_explains_anything_says_nothing(tmp_path):
    with pytest.raises(UserError, match="too coarse"):
        agreement(MODEL, written(tmp_path, precision=np.array("bfloat16")))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": TOKENS[:, :2]}, "tokens of .* must be"),
        ({"tokens": TOKENS[:3]}, "logits of .* must be floats of shape"),
        ({"tokens": TOKENS + MODEL.d_vocab}, "must be integers from 0"),
        ({"tokens": TOKENS.astype(float)}, "must be integers"),
        ({"tokens": TOKENS[:0], "logits": LOGITS[:0]}, "tokens of .* must be"),
        ({"logits": LOGITS[:, :2]}, "must be floats of shape"),
        ({"logits": LOGITS * np.nan}, "NaN"),
        ({"logits": LOGITS.astype(int)}, "are in int64"),
        ({"precision": np.array("tf32")}, "are in tf32"),
    ],
)
def test_a_reference_that_cannot_be_used_is_refused(change, message, tmp_path):
    with pytest.raises(UserError, match=message):
        agreement(MODEL, written(tmp_path, **change))


def test_a_reference_is_recorded_and_changes_no_draw(tmp_path):
    path = written(tmp_path)
    plain = certify(MODEL, task_for(MODEL), strategy="iid", budget=20).to_json()
    made = certify(MODEL, task_for(MODEL), strategy="iid", budget=20, reference=path).to_json()
    assert plain["reference"] is None
    assert made["reference"]["sequences"] == len(TOKENS)
    assert made["seed"] == plain["seed"]
    assert made["failure_upper"] == plain["failure_upper"]


def test_the_command_line_refuses_another_network_and_writes_nothing(tmp_path, capsys):
    save_model(MODEL, tmp_path / "m.safetensors")
    path = written(tmp_path, logits=LOGITS + 1e-2)
    out = tmp_path / "c.json"
    arguments = ["certify", str(tmp_path / "m.safetensors"), "--strategy", "cubic"]
    assert run([*arguments, "--reference", str(path), "--out", str(out)]) == 2
    assert "another network" in capsys.readouterr().err
    assert not out.exists()
    assert run([*arguments, "--reference", str(written(tmp_path)), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["reference"]["precision"] == "float64"
