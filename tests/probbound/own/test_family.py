"""`bound_family` and strata: several bounds from one sample, and mixtures."""

import math
from fractions import Fraction

import numpy as np
import pytest

import probbound as pb
from estimators.proportion import hypergeometric
from probbound.machine.errors import UserError
from tests.probbound.own.claims import outside

PAIRS = pb.Product(300, 300)
ASKED = {"name": "claim", "version": "1", "delta": 0.05}


def test_thresholds_share_one_sample_at_delta_over_their_number():
    thresholds = [10, 20, 100]
    found = pb.bound_family(PAIRS, lambda ij: ij[:, 0], thresholds=thresholds, budget=5000, **ASKED)
    (part,) = found.parts
    tickets = part.task.sample.tickets(part.task.draws_stream)
    for threshold, result, level in zip(thresholds, found.results, part.levels, strict=True):
        failures = int((tickets // 300 <= threshold).sum())
        delta = 0.99 * 0.05 / 3
        expected = hypergeometric(failures, 5000, 90_000, delta=delta, side="upper")
        assert level["failures"] == failures
        assert math.isclose(result.upper, expected.upper, rel_tol=1e-12)
    assert found.bound == 1 - found.results[2].upper
    assert found.failure_upper == found.results[2].upper
    assert len(found.ledger.spends) == 6
    assert math.isclose(found.delta, 0.05)


def test_a_family_of_checks_is_theirs_one_by_one():
    checks = {"a": lambda ij: ij[:, 0] > 2, "b": lambda ij: ij[:, 1] > 5}
    found = pb.bound_family(PAIRS, checks, budget=5000, **ASKED)
    assert [result.name for result in found.results] == ["a", "b"]
    whole = pb.bound_family(PAIRS, checks, strategy="brute-force", side="two", **ASKED)
    assert whole.guarantee == "deterministic"
    assert [round(r.upper * 300, 9) for r in whole.results] == [3, 6]
    for loose, exact in zip(found.results, whole.results, strict=True):
        assert exact.upper < loose.upper < exact.upper + 0.02


def test_heavy_members_count_for_each_claim_of_its_own():
    population = pb.Listed(range(50), [10**6] * 2 + [1] * 48)
    checks = {"a": outside({0}), "b": outside({1, 7})}
    found = pb.bound_family(population, checks, budget=20, side="two", **ASKED)
    certain = found.to_json()["parts"][0]["take_all"]
    assert certain["failures"] == [10**6, 10**6]
    total = 2 * 10**6 + 48
    for bad, result in zip((10**6, 10**6 + 1), found.results, strict=True):
        assert result.lower <= bad / total <= result.upper


def test_an_interrupted_family_keeps_what_was_looked_at():
    calls = []

    def measure(ij):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return ij[:, 0]

    asked = {"thresholds": [30], "budget": 5000, "batch": 1000, **ASKED}
    found = pb.bound_family(PAIRS, measure, **asked)
    assert found.parts[0].stopped_at == 3000
    assert 0.1 < found.failure_upper < 0.2


@pytest.mark.parametrize(
    ("checks", "thresholds", "says"),
    [
        ({}, None, "1 to 10000"),
        ({"a": len}, [1.0], "one measure"),
        (len, None, "checks by name"),
        (len, [1.0, 1.0], "stands twice"),
        (len, [math.inf], "finite"),
    ],
)
def test_what_is_no_family_is_refused(checks, thresholds, says):
    with pytest.raises(UserError, match=says):
        pb.bound_family(PAIRS, checks, thresholds=thresholds, **ASKED)


def mixed():
    sampler = pb.Drawn(lambda rng, n: rng.integers(0, 10, (n, 1)), "digits", version="1")
    return pb.Strata(
        [(Fraction(1, 2), pb.Product(40)), (Fraction(1, 3), PAIRS), (Fraction(1, 6), sampler)]
    )


def test_strata_are_bounded_apart_and_added():
    found = pb.bound_share(mixed(), lambda rows: rows[:, 0] > 3, budget=6000, side="two", **ASKED)
    truth = 0.5 * 4 / 40 + 4 / 300 / 3 + 0.4 / 6
    listed, drawn, sampled = found.parts
    assert found.failure_lower < truth < found.failure_upper < truth + 0.02
    assert listed.task.sample.listed
    assert not listed.spends
    assert drawn.task.delta == sampled.task.delta == 0.05 / 2
    assert drawn.task.sample.draws + sampled.task.sample.draws == 6000 - 40
    summed = sum(p.task.share * p.ends[0].upper for p in found.parts)
    assert Fraction(found.failure_upper) >= summed
    assert found.to_json()["trusted"].count("the shares of the strata") == 1


def test_means_over_strata_are_added():
    found = pb.bound_mean(mixed(), lambda rows: rows[:, 0] > 3, low=0, high=1, budget=6000, **ASKED)
    truth = 1 - (0.5 * 4 / 40 + 4 / 300 / 3 + 0.4 / 6)
    assert truth < found.bound < truth + 0.03
    small = pb.Strata([(1, pb.Product(3)), (2, pb.Product(2, 2))])
    exact = pb.bound_mean(small, lambda rows: rows[:, 0], low=0, high=2, budget=7, **ASKED)
    assert exact.guarantee == "deterministic"
    assert abs(exact.bound - (1 / 3 + 0.5 * 2 / 3)) < 1e-15


def test_strata_after_an_interruption_are_not_looked_at():
    calls = []

    def check(rows):
        calls.append(len(rows))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return np.ones(len(rows), dtype=bool)

    halves = pb.Strata([(1, pb.Product(10**6)), (1, pb.Product(10**6))])
    found = pb.bound_share(halves, check, budget=2000, batch=500, **ASKED)
    assert len(calls) == 2
    assert 0.5 < found.failure_upper < 0.6
