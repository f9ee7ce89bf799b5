"""Whatever is made without deceit is accepted by the checker: random certificates of all kinds.

The run is that of PROBBOUND_HONEST_SEED, which a failure names with the number of each question.
"""

import os
import warnings
from collections import Counter

import mpmath
import pytest

from probbound.machine.errors import UserError
from probbound.strategies import levels
from probbound.tasks.max_of_k.grammar import strategy_names
from probbound.tasks.max_of_k.methods import cascade as cascade_module
from probbound.tasks.max_of_k.methods import entries as entries_module
from probbound.tasks.max_of_k.structured import pilot as pilot_module
from tests.factories import checked
from tests.honest import asked

SEED = int(os.environ.get("PROBBOUND_HONEST_SEED", "13"))
CHUNKS, EACH = 100, 200
NO_CHANCE = 1e-6


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(cascade_module, "PILOT_DRAWS", 64)
    monkeypatch.setattr(levels, "RESIDUE_CHUNK", 1 << 10)
    monkeypatch.setattr(levels, "CHUNK", 1 << 10)
    monkeypatch.setattr("probbound.check.tasks.max_of_k.replay._PILOT", 64)
    monkeypatch.setattr(pilot_module, "SEQUENCES", 64)
    monkeypatch.setattr("probbound.check.tasks.max_of_k.tolerance_choice._SEQUENCES", 64)
    monkeypatch.setattr(entries_module, "CASES", 1 << 11)
    monkeypatch.setattr(entries_module, "_CASES_AT_ONCE", 1 << 11)
    monkeypatch.setattr("probbound.check.tasks.max_of_k.entries._CASES", 1 << 11)


def assert_accepted(chunk: int, each: int) -> None:
    """Each question of a chunk is refused by the maker in a sentence, or its answer is accepted.

    What is certain, or fails with almost no chance, is not below the truth in 200 digits.
    """
    names, refused, counts = strategy_names(), [], Counter()
    for number in range(each):
        question = asked(SEED, chunk, number, names[(chunk * EACH + number) % len(names)])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                made = question.certify()
                report = checked(made, question.model)
        except UserError:
            counts["not made"] += 1
            continue
        verdict = "refused, as 6.6 allows" if question.delicate else "refused"
        counts["accepted" if report.holds else verdict] += 1
        if not report.holds and not question.delicate:
            refused.append((question.place, question.strategy, report.refused))
        truth = question.truth()
        if truth is not None:
            counts["compared with 200 digits"] += 1
            certain, claimed = 1 - mpmath.mpf(made.certified_mass), made.failure_upper
            if made.loss:
                certain, claimed = made.loss.proven, made.loss.upper
            assert certain >= truth, question.place
            assert made.delta > NO_CHANCE or claimed >= truth, question.place
    print(f"PROBBOUND_HONEST_SEED={SEED}, chunk {chunk}: {dict(counts)}")
    assert not refused, refused


def test_what_is_made_is_accepted():
    assert_accepted(CHUNKS, 128)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_what_is_made_is_accepted_at_length(chunk):
    assert_accepted(chunk, EACH)
