"""What is made of an own claim without deceit is accepted, with the user's functions or without."""

import pytest

from tests.own_claims import QUESTIONS, checked


@pytest.mark.parametrize("name", QUESTIONS)
def test_what_is_made_is_accepted(name):
    asked = QUESTIONS[name]
    predicate = asked.certify()
    report = checked(predicate)
    assert not report.refused
    assert not report.declined
    assert report.status == (4 if report.assumed else 0)
    again = asked.replay(predicate)
    assert (again.status, again.refused) == (0, ())


def test_there_is_every_kind_of_part():
    made = [asked.certify() for asked in QUESTIONS.values()]
    parts = [part for predicate in made for part in predicate["parts"]]
    levels = [level for part in parts for level in part["levels"]]
    assert {level["law"] for level in levels} == {
        None,
        "hypergeometric",
        "binomial",
        "hypergeometric, anytime",
        "binomial, anytime",
        "betting",
        "betting without replacement",
    }
    assert {predicate["chosen"] for predicate in made} == {"brute-force", "iid", "cascade"}
    assert any(part["take_all"] and any(part["take_all"]["conceded"]) for part in parts)
    assert any(level["conceded"] for level in levels)
