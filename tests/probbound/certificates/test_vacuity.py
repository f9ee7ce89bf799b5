"""A bound that says nothing is said to, wherever it is printed; one that says something is not."""

import dataclasses

import numpy as np
import pytest

import probbound
from probbound.certificates.model_card import page
from probbound.certificates.vacuity import remedy, says_nothing
from probbound.cli.certify import certificate_table, statement
from probbound.cli.main import run
from probbound.cli.output import at_most, at_most_or_nothing
from probbound.tasks.max_of_k.task import task_for
from tests.factories import copying_model

MORE = "A larger budget or another strategy may say more."


def made(strategy, model=None, **options):
    model = model or copying_model(3)
    return probbound.certify(model, task_for(model), strategy=strategy, **options)


def always_wrong():
    """All logits are the same, and a tie is no right answer."""
    model = copying_model(3)
    return dataclasses.replace(model, W_U=np.zeros_like(model.W_U), b_U=np.zeros_like(model.b_U))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"claim": probbound.Claim("margin", 3.0)},
        {"claim": probbound.Claim("loss")},
    ],
    ids=["accuracy", "margin", "loss"],
)
def test_of_nothing_sampled_nothing_is_said(options):
    certificate = made("iid", budget=0, **options)
    predicate = certificate.to_json()
    assert says_nothing(predicate)
    assert remedy(predicate) == MORE
    assert statement(predicate).startswith("This bound says nothing of how ")
    text = page(predicate)
    assert "**This bound says nothing** of all 6^3 (216) inputs of max-of-k: " in text
    assert MORE in text
    assert "at least 0" not in text


@pytest.mark.parametrize("strategy", ["iid", "hybrid", "cubic", "brute-force", "cascade"])
def test_of_a_bound_that_says_something_no_more_is_said(strategy):
    certificate = made(strategy, budget=100)
    assert not says_nothing(certificate.to_json())
    assert "nothing" not in statement(certificate.to_json())
    assert "says nothing" not in page(certificate.to_json())


def test_where_all_draws_failed_more_of_them_are_not_recommended():
    predicate = made("iid", always_wrong(), budget=20).to_json()
    assert says_nothing(predicate)
    assert remedy(predicate) == (
        "All 20 that were looked at failed, so that the model itself may be the reason."
    )


def test_that_every_answer_is_wrong_is_a_finding_of_brute_force():
    certificate = made("brute-force", always_wrong())
    assert certificate.bound == 0
    assert not says_nothing(certificate.to_json())
    assert statement(certificate.to_json()).endswith(
        "answers at least 0.00 % of all 6^3 inputs of max-of-k correctly"
    )


@pytest.mark.parametrize("share", [1.0, 0.999, 0.9901])
def test_a_share_whose_digits_read_as_all_is_said_in_words(share):
    assert at_most_or_nothing(share) == "says nothing"


@pytest.mark.parametrize("share", [0.0, 1e-9, 0.5, 0.99])
def test_any_other_share_is_a_number(share):
    assert at_most_or_nothing(share) == at_most(share)


def test_certify_and_verify_say_it_and_what_may_help(capsys, tmp_path):
    path = str(tmp_path / "c.json")
    assert run(["certify", "max-of-4", "--strategy", "iid", "--budget", "0", "--out", path]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert out.startswith("This bound says nothing of how max-of-4 does on all 64^4 inputs")
    assert "at most 1: all of them may fail" in out
    assert out.endswith(
        f"{MORE} To see what each would give: probbound plan max-of-4 --budget-flops 1e9"
    )
    assert run(["verify", path]) == 0
    out = capsys.readouterr().out
    assert "holds: accuracy of max-of-4 is at least 0.00 %, which says nothing. " + MORE in out


def test_a_plan_whose_best_says_nothing_says_so(capsys):
    assert run(["plan", "max-of-4", "--budget-flops", "1e5"]) == 0
    out = capsys.readouterr().out
    assert "Even the best is predicted to say nothing: give more to spend." in out
    assert " 1.0e+00 " not in out


def test_a_proof_that_certifies_nothing_says_so_in_words():
    certificate = made("iid", budget=100)
    assert "The proof alone certifies nothing." in page(certificate.to_json())
    cells = [cell for column in certificate_table(certificate).columns for cell in column.cells]
    assert "certified nothing" in cells
