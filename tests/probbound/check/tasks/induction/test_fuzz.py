"""Every field of a certificate of induction altered: refused, or shown to be still true."""

import pytest

from tests.probbound.check.tasks.induction.networks import noisy, weights_read
from tests.probbound.check.tasks.induction.test_certificates import QUESTIONS, certified
from tests.probbound.check.test_fuzz import run


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr("probbound.strategies.on_screens.PILOT_DRAWS", 64)
    monkeypatch.setattr("probbound.tasks.induction.planning.PILOT_DRAWS", 64)
    monkeypatch.setattr("probbound.check.tasks.induction.replay.PILOT", 64)
    monkeypatch.setattr("probbound.check.tasks.induction.plan.PILOT", 64)
    monkeypatch.setattr("probbound.check.tasks.induction.sequences.MOST_DRAWS", 1 << 18)
    monkeypatch.setattr("probbound.check.tasks.induction.left.MOST_DRAWS", 1 << 18)


@pytest.mark.parametrize("question", QUESTIONS)
def test_altered_fields_are_refused_or_weaker(question):
    case = certified(noisy(), **QUESTIONS[question]), weights_read(noisy())
    run(case, 25, 7)
