"""Training on induction: it learns, gives the same again, and refuses what it cannot use."""

import numpy as np
import pytest

from probbound import UserError
from probbound.models.transformer.attention_alone.form import form_of
from probbound.tasks.induction.task import Induction, matched
from probbound.tasks.induction.trainable import OPTIONS
from probbound.tasks.induction.training import train
from tests.probbound.models.transformer.attention_alone.reference import attention, states

SMALL = {"d_vocab": 4, "n_ctx": 5, "d_model": 8, "d_head": 8, "steps": 200}


@pytest.fixture(autouse=True)
def few_scored(monkeypatch):
    monkeypatch.setattr("probbound.tasks.induction.training.SCORED", 2000)


def test_it_learns_something_and_the_same_again():
    model, record = train(SMALL, "small")
    assert record["samples"] == 2000
    assert record["wrong"] < 1300  # chance is 3 of 4
    assert {name: record[name] for name in SMALL} == SMALL
    assert (model.name, model.made_for, model.n_ctx, model.d_vocab) == ("small", "induction", 5, 4)
    again, _ = train(SMALL, "small")
    for name, values in model.arrays.items():
        assert np.array_equal(values, again.arrays[name])
    other, _ = train({**SMALL, "seed": 1, "steps": 2}, "small")
    assert not np.array_equal(model.arrays["embed.W_E"], other.arrays["embed.W_E"])


def test_layers_heads_and_one_step():
    model, record = train({**SMALL, "layers": 3, "heads": 2, "steps": 1, "d_head": 4})
    a = model.architecture
    assert (a.n_layers, a.n_heads, a.d_head) == (3, 2, 4)
    assert 0 <= record["wrong"] <= 2000


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"steps": 0}, "steps must be 1 to"),
        ({"structure_penalty": -0.1}, "structure_penalty must be"),
        ({"structure_penalty": float("nan")}, "structure_penalty must be"),
        ({"structure_penalty": float("inf")}, "structure_penalty must be"),
        ({"match_penalty": -0.1}, "match_penalty must be"),
        ({"match_penalty": float("nan")}, "match_penalty must be"),
        ({"layers": 0}, "layer"),
        ({"d_vocab": 1}, "d_vocab of at least 2"),
        ({"n_ctx": 2}, "n_ctx of at least 3"),
        ({"heads": 0}, "n_heads must be from 1"),
        ({"d_head": 0}, "d_head must be from 1"),
    ],
)
def test_options_that_cannot_be_used_are_refused(changed, said):
    with pytest.raises(UserError, match=said):
        train({**SMALL, **changed})


def test_a_match_penalty_sharpens_the_last_layer():
    tokens = Induction(4, 5).population.members(np.arange(300))
    rows, match = np.arange(300), matched(tokens) + 1
    reads = []
    for penalty, recipe in ((0.0, "penalty 0.003"), (1.0, "0.003, match 1")):
        model, record = train({**SMALL, "match_penalty": penalty})
        assert (record["match_penalty"], record["recipe"]) == (penalty, recipe)
        form = form_of(model)
        pattern = attention(form, states(form, tokens)[1], 1, 0)
        reads.append(pattern[rows, -1, match].mean())
    assert reads[1] > reads[0] + 0.1


def test_every_option_has_a_sentence():
    assert all(option.help.endswith(".") for option in OPTIONS)
