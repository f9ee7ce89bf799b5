"""Files of priors, and certificates that rest on them."""

import json
import math

import numpy as np
import pytest

import probbound
from probbound.certificates.model_card import page
from probbound.check.judge import judge
from probbound.cli.main import run
from probbound.contract.claims import Claim
from probbound.draws.priors import ROUNDED_BITS, Prior, read_prior
from probbound.machine.errors import UserError
from probbound.models.store import save_model
from probbound.tasks.max_of_k.task import task_for
from tests.factories import checked, copying_model, slow_wrong, weights_of


@pytest.mark.parametrize(
    ("name", "content"),
    [("p.txt", "3 0\n1, 2"), ("p.json", "[3, 0, 1, 2]"), ("p.npy", np.array([6, 0, 2, 4]))],
)
def test_integers_are_the_weights(tmp_path, name, content):
    path = tmp_path / name
    if isinstance(content, str):
        path.write_text(content)
    else:
        np.save(path, content)
    assert read_prior(path, 4) == Prior((3, 0, 1, 2))


@pytest.mark.parametrize("weights", [(2, 0, 1), (0, 3, 0, 1), (1, 2, 0)])
def test_weights_that_add_up_to_the_number_of_tokens_need_not_be_equal(weights):
    """As many numbers as tokens, but not one for each: (2, 0, 1) once was taken for uniform."""
    prior, model = Prior(weights), copying_model(3, d_vocab=len(weights))
    assert not prior.is_uniform
    tokens = np.repeat(np.arange(len(weights)), weights)
    np.testing.assert_array_equal(prior.tokens(np.arange(prior.total)), tokens)
    last = np.full(prior.total, len(weights) - 1)
    np.testing.assert_array_equal(prior.downwards(last, np.arange(prior.total)), tokens[::-1])
    wrong = sum(math.prod(weights[t] for t in sequence) for sequence in slow_wrong(model))
    for strategy in ("brute-force", "hybrid", "cascade:cubic"):
        made = probbound.certify(model, task_for(model, prior), strategy=strategy, budget=999)
        assert made.failure_upper == pytest.approx(wrong / prior.total**3, rel=1e-12)


def test_floats_are_rounded_and_the_prior_says_so(tmp_path):
    path = tmp_path / "p.txt"
    path.write_text("0.5 0.3333333333 0.1666666667 1e-12")
    prior = read_prior(path, 4)
    assert prior.rounded_bits == ROUNDED_BITS
    assert prior.weights[3] == 0
    shares = np.array(prior.weights) / prior.total
    np.testing.assert_allclose(shares, [1 / 2, 1 / 3, 1 / 6, 0], atol=2.0**-ROUNDED_BITS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1 2 3", "has 3 numbers, but the model has 4 tokens"),
        ("1 2 3 x", "cannot be read as a list of numbers"),
        ("1 2 3 -1", "must hold finite numbers, none of them negative"),
        ("1 2 3 nan", "must hold finite numbers"),
        ("1 2 3 inf", "must hold finite numbers"),
        ("0 0 0 0", "must be non-negative and not all zero"),
        ("0.0 0 0 0", "must be non-negative and not all zero"),
        ("4294967296 0 0 1", "must add up to less than"),
    ],
)
def test_what_is_no_prior_is_refused(tmp_path, content, message):
    (tmp_path / "p.txt").write_text(content)
    with pytest.raises(UserError, match=message):
        read_prior(tmp_path / "p.txt", 4)


def test_files_that_are_not_there_or_not_lists_are_refused(tmp_path):
    with pytest.raises(UserError, match="there is no prior file"):
        read_prior(tmp_path / "p.txt", 4)
    (tmp_path / "p.json").write_text('{"a": 1}')
    np.save(tmp_path / "p.npy", np.eye(2))
    for name in ("p.json", "p.npy"):
        with pytest.raises(UserError, match="cannot be read as a list of numbers"):
            read_prior(tmp_path / name, 4)


@pytest.mark.parametrize("claim", [Claim(), Claim("margin", -0.5), Claim("loss")])
@pytest.mark.parametrize("strategy", ["brute-force", "hybrid", "cubic"])
def test_certificates_with_claims_and_priors_are_checked_again(strategy, claim):
    model = copying_model(1)
    task = task_for(model, Prior((1, 0, 3, 4, 5, 6)))
    made = probbound.certify(model, task, strategy=strategy, claim=claim, budget=15, delta=0.2)
    stored = json.loads(json.dumps(made.to_json(), allow_nan=False))
    report = checked(made, model)
    assert report.holds, report.refused
    assert "nats" in page(stored) if claim.kind == "loss" else "at least" in page(stored)
    assert stored["claim"]["kind"] == claim.kind
    assert stored["claim"]["at"] == claim.at
    assert stored["claim"]["population"]["prior"]["weights"] == [1, 0, 3, 4, 5, 6]
    assert (stored["failure_upper"] is None) == (claim.kind == "loss")
    assert (stored["proof"]["largest_loss"] is None) == (claim.kind != "loss")
    stored["claim"]["population"]["prior"]["weights"][0] = 2
    assert not judge(stored, weights_of(model)).holds


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--claim", "margin", "--at", "-0.5"], "has a margin above -0.5 on at least"),
        (["--claim", "loss"], "has a mean loss of at most"),
        ([], "answers at least"),
    ],
)
def test_the_command_line_says_what_is_claimed(tmp_path, capsys, options, said):
    save_model(copying_model(1), tmp_path / "m.safetensors")
    (tmp_path / "p.txt").write_text("1 0 3 4 5 6.5")
    model, out = str(tmp_path / "m.safetensors"), str(tmp_path / "c.json")
    options = [*options, "--prior", str(tmp_path / "p.txt"), "--out", out]
    assert run(["certify", model, "--strategy", "iid", "--budget", "50", *options]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert said in printed
    assert "under the prior" in printed
    assert "on 5 of 6 tokens, rounded to 2^-24" in printed
    assert run(["verify", out, "--model", model]) == 0
    assert "under its prior is at" in capsys.readouterr().out
