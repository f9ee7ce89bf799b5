"""Priors of a sweep: read once for each model that they fit, and known by their weights."""

from __future__ import annotations

import pytest

from probbound.draws.priors import Prior
from probbound.machine.errors import UserError
from probbound.sweeps.config import SweepConfig
from probbound.sweeps.priors import read_priors
from tests.factories import copying_model

MODELS = {"six": copying_model(0), "five": copying_model(0, d_vocab=5)}


def config(*priors: str) -> SweepConfig:
    return SweepConfig(tuple(MODELS), ("iid",), priors=priors)


def test_a_file_goes_by_its_name_and_serves_the_models_of_its_length(tmp_path):
    (tmp_path / "six.txt").write_text("1 2 3 4 5 6")
    (tmp_path / "five.json").write_text("[1, 1, 1, 1, 2]")
    given = {"mine": Prior((3, 1, 1, 1, 1))}
    asked = config(str(tmp_path / "six.txt"), "uniform", str(tmp_path / "five.json"), "mine")
    named, found = read_priors(asked, MODELS, given)
    assert named.priors == ("six.txt", "uniform", "five.json", "mine")
    assert found == {
        "six.txt": {"six": Prior((1, 2, 3, 4, 5, 6))},
        "five.json": {"five": Prior((1, 1, 1, 1, 2))},
        "mine": {"five": given["mine"]},
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "there is no prior file"),
        ("1 2 x", "cannot be read as a list of numbers"),
        ("1 2 3", "has 3 numbers, but the model has 6 tokens"),
        ("0 0 0 0 0 0", "not all zero"),
    ],
)
def test_a_file_that_no_model_can_use_is_one_sentence(tmp_path, text, sentence):
    if text is not None:
        (tmp_path / "p.txt").write_text(text)
    with pytest.raises(UserError, match=sentence):
        read_priors(config(str(tmp_path / "p.txt")), MODELS, {})


def test_a_given_prior_that_no_model_can_use_is_refused():
    with pytest.raises(UserError, match="the prior mine has 2 weights, the model 6 tokens"):
        read_priors(config("mine"), MODELS, {"mine": Prior((1, 2))})


def test_two_priors_of_one_name_are_refused_unless_they_are_the_same(tmp_path):
    for place, text in (("a", "1 2 3 4 5 6"), ("b", "6 5 4 3 2 1"), ("c", "2 4 6 8 10 12")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "p.txt").write_text(text)
    same = config(str(tmp_path / "a" / "p.txt"), str(tmp_path / "c" / "p.txt"))
    assert read_priors(same, MODELS, {})[0].priors == ("p.txt",)
    with pytest.raises(UserError, match=r"two of the priors are called p\.txt; rename one"):
        read_priors(config(*(str(tmp_path / x / "p.txt") for x in "ab")), MODELS, {})


def test_a_file_called_uniform_is_refused(tmp_path):
    (tmp_path / "uniform").write_text("1 2 3 4 5 6")
    with pytest.raises(UserError, match="two of the priors are called uniform"):
        read_priors(config(str(tmp_path / "uniform")), MODELS, {})
