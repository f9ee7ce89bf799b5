"""The confidence-weighted bound as an upper bound: exact, outward, and the same for all claims."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from probbound.certificates.certification import certify
from probbound.certificates.weighted import weighted_upper
from probbound.contract.claims import ACCURACY, Claim
from probbound.tasks.max_of_k.task import task_for
from tests.factories import copying_model

MODEL = copying_model(0)
CLAIMS = (ACCURACY, Claim("margin", 0.5), Claim("loss"))


def made(strategy: str, claim: Claim, delta: float = 0.05) -> dict:
    settings = {"strategy": strategy, "claim": claim, "budget": 30, "delta": delta, "seed": 1}
    return certify(MODEL, task_for(MODEL), **settings).to_json()


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.kind)
@pytest.mark.parametrize("strategy", ["brute-force", "cubic", "iid", "hybrid"])
def test_it_is_the_exact_mixture_rounded_up(strategy, claim):
    found = made(strategy, claim)
    delta = Fraction(found["delta"])
    if claim.kind == "loss":
        claimed, certain = found["bound"], Fraction(found["proof"]["loss_upper"])
    else:
        claimed, certain = found["failure_upper"], 1 - Fraction(found["proof"]["certified_mass"])
    exact = (1 - delta) * Fraction(claimed) + delta * certain
    upper = weighted_upper(found)
    assert Fraction(math.nextafter(upper, -math.inf)) < exact <= Fraction(upper)
    if not delta:
        assert upper == claimed


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.kind)
def test_it_agrees_with_the_certificates_own_field(claim):
    """More is better of a share, less of a loss; here less is, of either."""
    found = made("hybrid", claim)
    own = found["confidence_weighted"]
    expected = own if claim.kind == "loss" else 1 - own
    assert weighted_upper(found) == pytest.approx(expected, rel=1e-12)


def test_a_proof_that_spends_delta_is_nothing_known_for_certain():
    found = made("low-rank-qk:sketch", ACCURACY)
    assert found["guarantee"] == "high-probability"
    delta, failure = Fraction(found["delta"]), Fraction(found["failure_upper"])
    assert Fraction(weighted_upper(found)) >= (1 - delta) * failure + delta


def test_no_expectation_is_above_it():
    """Theorem 1.15 by readers of all kinds: three values of what is bounded, any probabilities."""
    rng = np.random.default_rng(0)
    for _ in range(1000):
        delta, certain, claimed = rng.random(), *rng.random(2)
        fields = {"delta": delta, "failure_upper": claimed}
        found = {**fields, "proof": {"certified_mass": 1 - certain}}
        known = 1 - (1 - certain)  # what the certificate says for certain
        low, high = min(claimed, known), known
        doubt = delta * rng.random()  # credence in the bound is at least 1 - delta
        worst = (1 - doubt) * low + doubt * high
        assert worst <= weighted_upper(found) * (1 + 1e-12)


def test_at_a_small_delta_no_digit_is_lost():
    found = {"delta": 1e-30, "failure_upper": 1e-25, "proof": {"certified_mass": 0.0}}
    assert weighted_upper(found) == pytest.approx(1e-25 + 1e-30, rel=1e-15)
