"""What is asked of rows is of use, or refused in one sentence."""

from dataclasses import replace

import numpy as np
import pytest

import probbound
from probbound.machine.errors import UserError
from probbound.models.store import save_model
from probbound.tasks.next_token.asking import brought
from probbound.tasks.next_token.task import NextToken
from tests.probbound.tasks.next_token import rows


def certify(**settings):
    asked = {"strategy": "iid", "budget": 5, "delta": 0.1, **settings}
    return probbound.certify(
        asked.pop("model", None) or rows.model(), asked.pop("task", None) or rows.task(), **asked
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"budget": -1}, "budget must be at least 0"),
        ({"stopped_at": 6}, "stopped_at must be at most the budget of 5, got 6"),
        ({"target": 0.5, "strategy": "brute-force"}, "brute-force has no target to stop at; iid"),
        ({"draws": 3}, "its budget is one of rows"),
        ({"delta": "auto"}, "δ is not chosen by a plan"),
        ({"claim": probbound.Claim("loss"), "target": 0.5}, "fixed before: leave the target out"),
        ({"claim": probbound.Claim("loss"), "stopped_at": 2}, "a mean loss cannot be interrupted"),
        ({"claim": probbound.Claim("kl", 0.1)}, "from another network; name it with --against"),
        ({"strategy": "cascade"}, "choose from brute-force, iid"),
        ({"strategy": "auto", "target": 0.5}, "no target"),
    ],
)
def test_settings_of_no_use_are_refused(settings, sentence):
    with pytest.raises(UserError, match=sentence):
        certify(**settings)


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        (probbound.Claim("margin", 0.5), "of two networks .* without a margin"),
        (probbound.Claim("loss"), "of two networks .* without a loss of either"),
        (probbound.Claim("loss", 3.0), "of two networks .* without a loss of either"),
    ],
)
def test_of_two_networks_there_is_neither_margin_nor_loss(claim, sentence):
    task = rows.task(against=rows.model("other", 0.05))
    with pytest.raises(UserError, match=sentence):
        certify(task=task, claim=claim)


def test_networks_that_do_not_read_or_answer_the_rows_are_refused():
    tokens = rows.tokens()
    ending = np.concatenate([tokens[:, :-1], np.full((len(tokens), 1), 6)], axis=1)
    for changed, sentence in (
        (np.concatenate([tokens, tokens], axis=1), "rows have 9 tokens to read, net reads 5"),
        (tokens + 1, "the rows hold token 7, net has 7"),
        (ending, "the rows end in token 6, and net answers with one of 6"),
    ):
        with pytest.raises(UserError, match=sentence):
            certify(task=NextToken(changed))
    compared = NextToken(ending, against=rows.model("other", 0.05))
    assert certify(task=compared).failure_upper > 0  # what rows end in is not asked


def test_other_networks_and_tasks_are_refused():
    with pytest.raises(UserError, match="networks of kind transformer"):
        certify(model=probbound.load("max-of-4"))
    with pytest.raises(UserError):
        probbound.certify(rows.model(), probbound.MaxOfK(7, 4), strategy="iid")


def test_rows_altered_after_their_digest_was_taken_are_refused():
    task = rows.task()
    assert task.sha256
    task.tokens[0, -1] = (task.tokens[0, -1] + 1) % 6
    with pytest.raises(UserError, match="altered after it was made"):
        certify(task=task)


def test_files_are_brought_and_the_arithmetic_is_chosen_by_a_few_rows(tmp_path):
    data = rows.saved(tmp_path)["data"]
    assert brought(rows.model(), {"data": data}).arithmetic == "real"
    assert brought(rows.uncertain(), {"data": data}).arithmetic == "float64"
    assert brought(rows.uncertain(), {"data": data, "arithmetic": "real"}).arithmetic == "real"
    save_model(rows.uncertain(), tmp_path / "other.safetensors")
    compared = brought(rows.model(), {"data": data, "against": str(tmp_path / "other.safetensors")})
    assert compared.arithmetic == "float64"
    assert compared.against is not None
    for given, sentence in (
        ({}, "rows of tokens that you bring: --data"),
        ({"data": data, "arithmetic": ""}, "arithmetic must be"),
        ({"data": data, "against": "max-of-4"}, "networks of kind transformer"),
        ({"data": tmp_path / "none.npz"}, "there is no file"),
    ):
        with pytest.raises(UserError, match=sentence):
            brought(rows.model(), given)


def test_a_transformer_is_asked_about_by_name():
    with pytest.raises(UserError, match="rows of tokens that you bring"):
        probbound.task_for(rows.model())
    with pytest.raises(UserError, match="rows of tokens that you bring"):
        probbound.task_for(rows.model(), task="next-token")
    pairs = replace(probbound.load("mod-add-p59-s0"), made_for="")
    with pytest.raises(UserError, match="networks of kind transformer"):
        probbound.task_for(pairs, task="next-token", brought={"data": "rows.npz"})
