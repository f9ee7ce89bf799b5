"""Names of claims: one for each, and a sentence for what is none."""

from __future__ import annotations

import math

import pytest

from probbound.contract.claims import ACCURACY, Claim
from probbound.machine.errors import UserError
from probbound.sweeps.claims import claim_named, name_of


@pytest.mark.parametrize(
    ("name", "claim", "again"),
    [
        ("accuracy", ACCURACY, "accuracy"),
        ("loss", Claim("loss"), "loss"),
        ("margin:0.50", Claim("margin", 0.5), "margin:0.5"),
        ("margin:1e0", Claim("margin", 1.0), "margin:1"),
        ("margin: -2", Claim("margin", -2.0), "margin:-2"),
        ("margin:-0.0", Claim("margin", 0.0), "margin:0"),
        ("margin:1e22", Claim("margin", 1e22), "margin:1e+22"),
        ("margin:0.1", Claim("margin", 0.1), "margin:0.1"),
        ("loss:5", Claim("loss", 5.0), "loss:5"),
        ("kl:0.10", Claim("kl", 0.1), "kl:0.1"),
    ],
)
def test_a_claim_has_one_name(name, claim, again):
    assert claim_named(name) == claim
    assert name_of(claim) == again
    assert claim_named(again) == claim


@pytest.mark.parametrize("at", [math.pi, 1e-300, 1.7e308, 5e-324, -1 / 3])
def test_the_name_of_a_margin_keeps_all_of_it(at):
    assert claim_named(name_of(Claim("margin", at))).at == at


@pytest.mark.parametrize(
    "name",
    [
        *("", "margin", "margin:", "margin:x", "margin:nan", "margin:inf", "margin:1e400"),
        *("loss:0", "accuracy:0", "Accuracy", "other", "margin:1:2", "own.py:name"),
    ],
)
def test_what_is_no_claim_is_one_sentence(name):
    with pytest.raises(UserError, match="a claim must be accuracy, loss, margin:NUMBER"):
        claim_named(name)
