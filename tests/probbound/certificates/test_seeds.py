import hashlib
import json

import pytest

from probbound.certificates.seeds import seed_for
from probbound.machine.errors import UserError

QUESTION = {"strategy": "iid", "budget": 10, "delta": 1e-6, "target": None}


def test_the_seed_is_a_hash_of_the_question():
    """The definition of Theorem 6.1, written out a second time."""
    record = {**QUESTION, "format": "probbound-certificate/4", "beacon": None}
    text = json.dumps(record, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(b"probbound/seed/1\n" + text.encode()).hexdigest()
    found = seed_for(QUESTION, None, None)
    assert found.value == int(digest[:12], 16)
    assert found.source == "content"


def test_every_part_of_the_question_and_the_beacon_change_it():
    questions = [QUESTION, QUESTION | {"budget": 11}, QUESTION | {"delta": 1.0000000001e-6}]
    seeds = {seed_for(question, None, None).value for question in questions}
    seeds |= {seed_for(QUESTION, None, beacon).value for beacon in ("x", "y")}
    assert len(seeds) == 5
    assert seed_for(QUESTION, None, "x") == seed_for(dict(reversed(QUESTION.items())), None, "x")


def test_a_chosen_seed_is_recorded_as_chosen():
    assert (seed_for(QUESTION, 7, None).value, seed_for(QUESTION, 7, None).source) == (7, "chosen")
    with pytest.raises(UserError, match="not both"):
        seed_for(QUESTION, 7, "x")
    with pytest.raises(UserError, match="a beacon has 1 to 10000 characters"):
        seed_for(QUESTION, None, "x" * 10_001)
