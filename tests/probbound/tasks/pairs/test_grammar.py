"""Names of strategies over pairs, and that every one of them does something."""

import pytest

from probbound.machine.errors import UserError
from probbound.tasks.modular_addition.grammar import GRAMMAR
from probbound.tasks.pairs.grammar import Name, ScreenName
from probbound.tasks.pairs.screens.registry import SCREENS
from probbound.tasks.pairs.strategies import PairStrategies, shortest


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("auto", Name("auto")),
        ("iid", Name("iid")),
        ("low-rank", Name("screen", ScreenName("low-rank"))),
        ("low-rank:12", Name("screen", ScreenName("low-rank", 12))),
        ("hybrid", Name("hybrid", ScreenName("low-rank"))),
        ("cascade:low-rank:7", Name("cascade", ScreenName("low-rank", 7))),
    ],
)
def test_names_are_taken_apart(name, parsed):
    assert GRAMMAR.parsed(name) == parsed


@pytest.mark.parametrize(
    "name",
    [
        "",
        "iid:",
        "iid:tables",
        "hybrid:",
        "hybrid:cubic",
        "low-rank:-1",
        "low-rank:1.5",
        "low-rank:٣",
        "low-rank:1234567890",
        "Low-rank",
    ],
)
def test_other_names_are_refused(name):
    with pytest.raises(UserError, match=r"there is no strategy .*low-rank\[:RANK\]"):
        GRAMMAR.parsed(name)


@pytest.mark.parametrize("name", GRAMMAR.strategy_names())
def test_every_name_says_what_it_uses(name):
    uses = PairStrategies(GRAMMAR).uses(name)
    assert uses.chance == (name not in ("brute-force", "low-rank", "gates"))


def test_the_usual_number_is_the_name_alone():
    usual = SCREENS["low-rank"].usual
    for longer, short in (
        (f"low-rank:{usual}", "low-rank"),
        ("hybrid:low-rank", "hybrid:low-rank"),
        ("hybrid", "hybrid:low-rank"),
        (f"cascade:low-rank:{usual}", "cascade:low-rank"),
        ("low-rank:5", "low-rank:5"),
        ("iid", "iid"),
    ):
        assert shortest(GRAMMAR.parsed(longer)) == short


def test_every_screen_of_the_grammar_is_made():
    assert set(GRAMMAR.screens) == set(SCREENS)
