"""Importance sampling: unbiased by enumeration, covering, and refusing what it cannot bound."""

from __future__ import annotations

import numpy as np
import pytest

from estimators import EstimatorError
from estimators.importance import importance
from estimators.mean import betting
from tests.estimators import coverage

STRATUM = np.repeat([0, 1, 2], [4, 10, 50])
MEMBERS = len(STRATUM)
TARGET = np.full(MEMBERS, 1 / MEMBERS)
MASS = np.bincount(STRATUM) / MEMBERS
STRATUM_CHANCE = np.array([0.5, 0.3, 0.2])
PROPOSAL = (STRATUM_CHANCE / np.bincount(STRATUM))[STRATUM]
VALUES = np.random.default_rng(31).beta(0.4, 0.8, MEMBERS)
WEIGHT_MAX = float((TARGET / PROPOSAL).max())


def centre(members, *, target=TARGET, weight_max=WEIGHT_MAX, anchor=0.0):
    """What the interval is around: with δ near one it closes in on the mean of the estimates."""
    draws = np.repeat(members, 4000)
    found = importance(
        VALUES[draws],
        target[draws],
        PROPOSAL[draws],
        weight_max=weight_max,
        anchor=anchor,
        low=-20,
        high=20,
        delta=0.9,
    )
    return float(found.lower + found.upper) / 2


@pytest.mark.parametrize("anchor", [0.0, 0.3, 1.0])
def test_the_estimate_is_unbiased_by_enumeration(anchor):
    """Σ_x q(x) · estimate(x) over every member is the target mean, whatever the anchor."""
    estimates = [anchor + TARGET / PROPOSAL * (VALUES - anchor)]
    assert np.dot(PROPOSAL, estimates[0]) == pytest.approx(VALUES.mean(), abs=1e-12)
    found = [centre(member, anchor=anchor) for member in (0, 7, 40)]
    np.testing.assert_allclose(found, estimates[0][[0, 7, 40]], atol=0.15)


def test_the_stratum_mass_without_the_proposal_probability_is_caught():
    """The published bias: the weight MASS of the stratum where p / q belongs."""
    biased = np.dot(PROPOSAL, MASS[STRATUM] * VALUES)
    assert abs(biased - VALUES.mean()) > 0.1
    rng = np.random.default_rng(32)
    draws = rng.choice(MEMBERS, size=20_000, p=PROPOSAL)
    right = importance(
        VALUES[draws], TARGET[draws], PROPOSAL[draws], weight_max=WEIGHT_MAX, delta=1e-6
    )
    assert right.lower <= VALUES.mean() <= right.upper
    assert not right.lower <= biased <= right.upper
    with pytest.raises(EstimatorError, match="weight_max must be finite and at least 1"):
        importance(VALUES[draws], MASS[STRATUM][draws], 1.0, weight_max=MASS.max(), delta=0.1)


def test_equal_laws_give_the_plain_interval():
    x = np.random.default_rng(33).random(50)
    plain = betting(x, delta=0.05)
    found = importance(x, 0.1, 0.1, weight_max=1.0, delta=0.05)
    assert found.lower == pytest.approx(plain.lower, abs=1e-12)
    assert found.upper == pytest.approx(plain.upper, abs=1e-12)


def test_it_beats_plain_sampling_where_the_proposal_knows_the_spike():
    values = np.where(STRATUM == 0, 1.0, 0.0)
    rng = np.random.default_rng(34)
    aimed = np.where(STRATUM == 0, 0.125, 0.5 / 60)
    draws = rng.choice(MEMBERS, size=(20, 1000), p=aimed)
    found = importance(values[draws], 1 / MEMBERS, aimed[draws], weight_max=1.875, delta=0.01)
    plain = betting(values[rng.integers(MEMBERS, size=(20, 1000))], delta=0.01)
    assert np.mean(found.width) < 0.5 * np.mean(plain.width)


def test_no_draws_give_the_whole_range():
    found = importance([], [], [], weight_max=3.0, low=-1, high=2, delta=0.1)
    assert (found.lower, found.upper) == (-1, 2)


def _coverage(replicates: int, delta: float) -> None:
    rng = np.random.default_rng(35)
    found, width = 0, 0.0
    for _ in range(replicates // 1_000):
        draws = rng.choice(MEMBERS, size=(1_000, 150), p=PROPOSAL)
        interval = importance(
            VALUES[draws], TARGET[draws], PROPOSAL[draws], weight_max=WEIGHT_MAX, delta=delta
        )
        found += coverage.violations(
            np.asarray(interval.lower), np.asarray(interval.upper), VALUES.mean()
        )
        width = float(np.mean(interval.width))
    coverage.check(found, replicates, delta)
    coverage.check_not_vacuous(width, 0.75)


def test_coverage():
    _coverage(coverage.FAST_REPLICATES, 0.1)


@pytest.mark.slow
@pytest.mark.parametrize("delta", [0.1, 0.01])
def test_coverage_at_length(delta):
    _coverage(coverage.FULL_REPLICATES, delta)


REFUSED = {
    "above weight_max": {"weight_max": 1.5},
    "target must be nonnegative and proposal positive": {"proposal": [0.0, 0.5]},
    "samples must lie in": {"samples": [0.5, 3.0]},
    "anchor must lie in": {"anchor": 2.0},
    "their probabilities": {"target": [0.1, 0.1, 0.1], "proposal": [0.1, 0.1, 0.1]},
    "to stop early": {"planned": 5},
}


@pytest.mark.parametrize("message", REFUSED)
def test_misuse_is_refused(message):
    keywords = {
        "samples": [0.2, 0.3],
        "target": [0.5, 0.5],
        "proposal": [0.25, 0.75],
        "weight_max": 2.0,
        "delta": 0.1,
    }
    with pytest.raises(EstimatorError, match=message):
        importance(**(keywords | REFUSED[message]))


def test_one_sample_is_not_stretched_over_many_weights():
    p, q = np.full(200, 0.01), np.full(200, 0.01)
    with pytest.raises(EstimatorError, match="samples have shape"):
        importance([0.3], p, q, weight_max=1.0, delta=0.1)
