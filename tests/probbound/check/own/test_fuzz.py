"""Every field of an own claim altered in every way: refused, or no more than what was claimed."""

import json
import random

import pytest

from probbound.certificates.format import canonical, statement
from probbound.check import Refused, Report, Unusable
from probbound.check.document import predicate_of
from probbound.check.own.judge import judge_own
from tests.own_claims import QUESTIONS
from tests.probbound.check.test_fuzz import canonical_or_none, mutated, resealed, timeless, twice

FEW = (
    "product 2",
    "product 9",
    "product 13",
    "large 0",
    "cascade 2",
    "cascade 6",
    "cascade 9",
    "list 2",
    "list 8",
    "sequences 0",
    "drawn 2",
    "strata 0",
    "strata 6",
    "mean 2",
    "mean 9",
    "difference 3",
    "family 0",
    "family 3",
)


@pytest.fixture(scope="module", params=FEW)
def case(request):
    asked = QUESTIONS[request.param]
    return asked, asked.certify()


def verdict(found, asked=None):
    """The report on a file, with the functions of `asked` or without."""
    try:
        predicate = predicate_of(found)
        return judge_own(predicate) if asked is None else asked.replay(predicate)
    except (Refused, Unusable) as reason:
        return Report(refused=(str(reason),))


def no_stronger(new, old):
    """Whether an accepted certificate claims no more than the one it was made from."""
    if _nameless(new["claim"]) != _nameless(old["claim"]):
        return False
    same = ["guarantee", "chosen", "budget"]
    same += [] if old["seed_source"] == "chosen" else ["seed"]
    if any(new[name] != old[name] for name in same):
        return False
    if abs(new["delta_allowed"] - old["delta_allowed"]) > 1e-11:
        return False
    if len(new["results"]) != len(old["results"]) or abs(new["delta"] - old["delta"]) > 1e-11:
        return False
    kind, lower = old["claim"]["kind"], old["claim"]["side"] == "lower"
    smaller = kind == "mean" and not lower if old["failure_upper"] is None else lower
    return _no_better(new, old, smaller) and all(
        a["upper"] >= b["upper"] - 2e-9 * abs(b["upper"]) - 2e-9 * _range(old)
        and a["lower"] <= b["lower"] + 2e-9 * abs(b["lower"]) + 2e-9 * _range(old)
        for a, b in zip(new["results"], old["results"], strict=True)
    )


def _range(predicate):
    claim = predicate["claim"]
    return 0.0 if claim["low"] is None else claim["high"] - claim["low"]


def _no_better(new, old, smaller_is_stronger):
    for name in ("bound", "confidence_weighted"):
        spare = 4e-9 * max(abs(old[name]), 1)
        if new[name] < old[name] - spare if smaller_is_stronger else new[name] > old[name] + spare:
            return False
    return True


def _nameless(value):
    if isinstance(value, dict):
        return {key: _nameless(part) for key, part in value.items() if key != "name"}
    return [_nameless(part) for part in value] if isinstance(value, list) else value


def run(case, count, seed):
    asked, predicate = case
    original = statement(predicate)
    assert verdict(original).status in (0, 4)
    asked_for = predicate["seed_source"] != "chosen"  # else another question has the same draws
    rng, accepted = random.Random(seed), 0
    for _ in range(count):
        copies = json.loads(json.dumps(original))
        naive = mutated(copies, rng) if rng.random() < 0.5 else twice(mutated(predicate, rng))
        if canonical_or_none(timeless(naive)) != canonical(timeless(original)):
            assert verdict(naive).status == 1
        forged = resealed(mutated(predicate, rng))
        if forged is None:
            continue
        report = verdict(forged)
        if report.follows:
            accepted += 1
            assert not asked_for or no_stronger(forged["predicate"], predicate)
        if report.follows or rng.random() < 0.2:
            again = verdict(forged, asked)
            assert report.follows or not again.follows
            assert not again.holds or no_stronger(forged["predicate"], predicate)
    return accepted


def test_no_alteration_passes_for_more_than_was_claimed(case):
    run(case, 20, 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 4))
def test_no_alteration_passes_for_more_than_was_claimed_at_length(case, seed):
    assert run(case, 2000, seed) > 0
