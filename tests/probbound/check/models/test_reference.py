"""The statement of the network in a certificate, and a file of logits beside it."""

import copy
import hashlib
import json
from typing import Any

import numpy as np
import pytest

import probbound
from probbound.certificates.format import sealed, statement
from probbound.check import Refused, Unusable, check, read_reference, read_weights
from probbound.check.__main__ import main
from probbound.check.document import FORMAT, predicate_of
from probbound.check.judge import derived_seed, judge
from probbound.tasks.max_of_k.task import task_for
from tests.factories import all_sequences, copying_model, slow_logits, weights_of
from tests.probbound.model_files import WEIGHTS, with_config, with_metadata
from tests.transformer_lens_defaults import HOOKED_3_9

MODEL = copying_model(0)
PREDICATE = probbound.certify(MODEL, task_for(MODEL), strategy="cubic").to_json()


def predicate(weights, network=None, reference=None, seed=None):
    """What a maker would write of MODEL, with a seed, hex and digest that fit."""
    made = {k: v for k, v in copy.deepcopy(PREDICATE).items() if k not in ("hex", "self_sha256")}
    made |= {"format": FORMAT, "reference": reference}
    made["claim"]["network"] = {"kind": weights.kind, "parts": network or weights.parts}
    made["seed"] = derived_seed(made) if seed is None else seed
    types = {"predicateType": FORMAT.replace("probbound-", "urn:probbound:").replace("/", ":")}
    return json.loads(json.dumps({**statement(sealed(made)), **types}))


def report(weights, file=None, **changed):
    return judge(predicate_of(predicate(weights, **changed)), weights, file)


@pytest.fixture
def stored(tmp_path):
    """A file of MODEL's weights that says nothing but the scale."""
    return with_metadata(tmp_path, {"attn_scale": "1.0"})


@pytest.fixture
def weights(stored):
    return read_weights(stored)


def test_weights_without_a_file_have_a_network_that_is_read():
    sources = {said["source"] for said in weights_of(MODEL).parts.values()}
    assert sources == {"read"}
    assert report(weights_of(MODEL)).holds


def test_what_is_assumed_is_taken_on_trust(weights, tmp_path):
    found = report(weights)
    assert found.holds
    assert (
        "the network, where the file does not say what it is: norms: none, positions: standard, "
        "mask: causal, caps: none"
    ) in found.trusted
    whole = read_weights(with_config(tmp_path, **{**HOOKED_3_9, "attn_scale": 1}))
    assert whole.digest() == weights.digest()
    assert not any("network" in line for line in report(whole).trusted)


FORGED = {
    "another number of layers": ("layers", "value", 2),
    "another number of heads": ("heads", "value", 2),
    "an MLP": ("activation", "value", "relu"),
    "norms": ("norms", "value", "LN"),
    "rotary positions": ("positions", "value", "rotary"),
    "no mask": ("mask", "value", "none"),
    "a soft cap": ("caps", "value", "30"),
    "another scale": ("attention_scale", "value", 2.0),
    "norms that are read": ("norms", "source", "read"),
    "positions that are read": ("positions", "source", "read"),
    "a mask that is read": ("mask", "source", "read"),
    "caps that are read": ("caps", "source", "read"),
    "a scale that is assumed": ("attention_scale", "source", "assumed"),
    "heads that are assumed": ("heads", "source", "assumed"),
    "layers that are assumed": ("layers", "source", "assumed"),
    "an activation that is assumed": ("activation", "source", "assumed"),
}


@pytest.mark.parametrize("case", FORGED)
def test_another_network_than_the_files_is_refused(weights, case):
    part, field, value = FORGED[case]
    network = copy.deepcopy(weights.parts)
    network[part][field] = value
    (reason,) = report(weights, network=network).refused
    assert f"it says of the network that {part} is " in reason


def test_a_statement_of_the_network_enters_the_seed(weights):
    network = copy.deepcopy(weights.parts)
    network["norms"]["source"] = "read"
    honest, other = predicate(weights), predicate(weights, network=network)
    assert honest["seed"] != other["seed"]
    (reason,) = report(weights, network=network, seed=honest["seed"]).refused
    assert reason.startswith("it says of the network")
    whole = weights_of(MODEL)
    (reason,) = report(whole, seed=honest["seed"]).refused
    assert reason == "the seed is not the one that follows from the question"


@pytest.mark.parametrize(
    "change",
    [
        lambda network: network.pop("mask"),
        lambda network: network.update(bias={"value": "none", "source": "read"}),
        lambda network: network.update(mask="causal"),
        lambda network: network["mask"].pop("source"),
        lambda network: network["mask"].update(source="known"),
        lambda network: network["mask"].update(also=1),
        lambda network: network["heads"].update(value=True),
        lambda network: network["heads"].update(value=1.0),
        lambda network: network["layers"].update(value=0),
        lambda network: network["attention_scale"].update(value=1),
        lambda network: network["norms"].update(value=None),
        lambda network: network["norms"].update(value="none\nholds"),
        lambda network: network["norms"].update(value="\ud800"),
    ],
)
def test_a_statement_of_another_shape_is_refused(weights, change):
    network = copy.deepcopy(weights.parts)
    change(network)
    with pytest.raises(Refused, match="network"):
        predicate_of(predicate(weights, network=network))


@pytest.mark.parametrize(
    ("version", "reader"),
    [
        ("probbound-certificate/1", "a version of probbound before 0.1.0"),
        ("probbound-certificate/2", "probbound 0.1.0"),
        ("probbound-certificate/99", "the version of probbound that made it"),
    ],
)
def test_other_formats_are_for_other_versions(tmp_path, version, reader):
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"format": version}))
    with pytest.raises(Unusable) as refusal:
        check(path, weights_of(MODEL))
    assert f"{version!r}, and this checker reads {FORMAT} and " in str(refusal.value)
    assert f" only; check it with {reader}, or make" in str(refusal.value)


TOKENS = all_sequences(6, 3)[::7]
LOGITS = np.array([slow_logits(MODEL, tuple(row)) for row in TOKENS])


def logits_file(path, **changed) -> dict[str, Any]:
    """Logits of the last position as NumPy writes them, and what a certificate records of them."""
    arrays = {"tokens": TOKENS, "logits": LOGITS.astype("<f4"), **changed}
    np.savez(path, allow_pickle=False, **{k: v for k, v in arrays.items() if v is not None})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    said: dict[str, Any] = {
        "sha256": digest,
        "sequences": len(arrays["tokens"]),
        "precision": "float32",
    }
    return said | {"largest_difference": 1e-6, "allowed": 1e-5}


@pytest.mark.parametrize("precision", [None, np.array("float32"), np.array([b"float32"])])
@pytest.mark.parametrize("positions", ["last", "all"])
def test_logits_that_agree_are_confirmed(weights, tmp_path, precision, positions):
    logits = LOGITS.astype("<f4")
    if positions == "all":
        logits = np.stack([np.full_like(logits, np.nan), logits * 2, logits], axis=1)
    recorded = logits_file(tmp_path / "r.npz", logits=logits, precision=precision)
    found = report(weights, read_reference(tmp_path / "r.npz"), reference=recorded)
    assert found.holds, found.refused
    assert any(f"{len(TOKENS)} rows of reference logits in float32" in s for s in found.confirmed)
    assert not any("logits" in line for line in found.trusted)
    found = report(weights, reference=recorded)
    assert found.holds
    assert any(recorded["sha256"] in line for line in found.trusted)


def test_a_reference_does_not_enter_the_seed(weights, tmp_path):
    recorded = logits_file(tmp_path / "r.npz")
    assert predicate(weights, reference=recorded)["seed"] == predicate(weights)["seed"]


OTHER = LOGITS.copy()
OTHER[3, 2] += 1.1e-5
FALSE = {
    "other logits": ({"logits": OTHER}, {}, "logits differ from its reference by 1.1"),
    "a NaN": ({"logits": np.where(LOGITS.max() == LOGITS, np.nan, LOGITS)}, {}, "by nan"),
    "less allowed": ({}, {"allowed": 1e-12, "largest_difference": 0.0}, "by "),
    "more than allowed": ({}, {"largest_difference": 2e-5}, "by more than it allows"),
    "another file": ({}, {"sha256": "0" * 64}, "its reference has digest"),
    "another number": ({}, {"sequences": 5}, "rows, not 5"),
    "another precision": ({"precision": np.array("float16")}, {}, "says otherwise itself"),
    "longer rows": ({"tokens": np.tile(TOKENS, 2)}, {}, "rows of 6 tokens"),
    "fewer logits": ({"logits": LOGITS[:, 1:]}, {}, "5 logits"),
    "a token too large": ({"tokens": np.where(TOKENS == 5, 6, TOKENS)}, {}, "outside of 0 to 5"),
    "a token below zero": ({"tokens": TOKENS - 1}, {}, "outside of 0 to 5"),
}


@pytest.mark.parametrize("case", FALSE)
def test_logits_that_do_not_agree_are_refused(weights, tmp_path, case, monkeypatch):
    monkeypatch.setattr("probbound.check.models.reference._ROWS", 4)
    arrays, altered, sentence = FALSE[case]
    recorded = logits_file(tmp_path / "r.npz", **arrays) | altered
    (reason,) = report(weights, read_reference(tmp_path / "r.npz"), reference=recorded).refused
    assert sentence in reason


def test_a_reference_that_is_not_recorded_is_refused(weights, tmp_path):
    logits_file(tmp_path / "r.npz")
    (reason,) = report(weights, read_reference(tmp_path / "r.npz")).refused
    assert "names no reference" in reason


@pytest.mark.parametrize(
    "changed",
    [
        {"tokens": None},
        {"logits": None},
        {"more": np.ones(3)},
        {"tokens": TOKENS.astype(float)},
        {"tokens": TOKENS[0]},
        {"tokens": TOKENS[1:]},
        {"tokens": TOKENS[:0], "logits": LOGITS[:0]},
        {"logits": LOGITS.astype(int)},
        {"logits": LOGITS[:, None, None]},
        {"logits": np.stack([LOGITS] * 2, axis=1)},
        {"precision": np.array(32)},
        {"precision": np.array(["float32", "float16"])},
    ],
)
def test_a_file_that_is_no_table_of_logits_is_unusable(tmp_path, changed):
    arrays = {"tokens": TOKENS, "logits": LOGITS, **changed}
    arrays = {name: values for name, values in arrays.items() if values is not None}
    np.savez(tmp_path / "r.npz", allow_pickle=False, **arrays)
    with pytest.raises(Unusable) as refusal:
        read_reference(tmp_path / "r.npz")
    assert str(refusal.value).startswith(str(tmp_path / "r.npz"))


@pytest.mark.parametrize(
    "altered",
    [
        {"sequences": 0},
        {"precision": "float8"},
        {"allowed": -1.0},
        {"largest_difference": None},
        {"sha256": "A" * 64},
        {"also": 1},
    ],
)
def test_a_record_of_a_reference_has_one_shape(weights, tmp_path, altered):
    recorded = logits_file(tmp_path / "r.npz") | altered
    with pytest.raises(Refused, match="reference"):
        predicate_of(predicate(weights, reference=recorded))


def test_the_command_line_checks_a_reference(stored, tmp_path, capsys):
    recorded = logits_file(tmp_path / "r.npz")
    made = predicate(read_weights(stored), reference=recorded)
    (tmp_path / "c.json").write_text(json.dumps(made))
    asked = [str(tmp_path / "c.json"), str(stored)]
    assert main(asked) == 0
    assert "taken on trust: that 31 rows of logits in float32" in capsys.readouterr().out
    assert main([*asked, "--reference", str(tmp_path / "r.npz")]) == 0
    assert "confirmed: 31 rows of reference logits" in capsys.readouterr().out
    logits_file(tmp_path / "r.npz", tokens=TOKENS[::-1])
    assert main([*asked, "--reference", str(tmp_path / "r.npz")]) == 1
    assert "refused: its reference has digest" in capsys.readouterr().out
    assert main([*asked, "--reference", str(tmp_path / "none.npz")]) == 2
    assert capsys.readouterr().err == f"error: there is no file {tmp_path / 'none.npz'}\n"
    assert WEIGHTS.keys() == read_weights(stored).__dict__.keys() - {"attn_scale", "assumed"}


@pytest.mark.parametrize("arguments", [[], ["a", "b", "c"], ["a", "b", "--ref", "c"]])
def test_a_command_line_that_is_none_is_refused_in_a_line(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "python -m probbound.check" in said
    assert said.count("\n") == 1
