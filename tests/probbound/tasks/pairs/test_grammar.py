"""Names of strategies over pairs, and that every one of them does something."""

import pytest

from probbound.contract.recipe import Recipe
from probbound.machine.errors import UserError
from probbound.tasks.group_product.grammar import GRAMMAR as PRODUCTS
from probbound.tasks.modular_addition.grammar import GRAMMAR
from probbound.tasks.modular_addition.recipes import recipe_of
from probbound.tasks.pairs.grammar import Name, ScreenName
from probbound.tasks.pairs.screens.registry import SCREENS
from probbound.tasks.pairs.strategies import PairStrategies


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
        "entries:",
        "entries:sums:",
        "entries:svd",
    ],
)
def test_other_names_are_refused(name):
    with pytest.raises(UserError, match=r"there is no strategy .*low-rank\[:RANK\]"):
        GRAMMAR.parsed(name)


@pytest.mark.parametrize("name", ["norms:3", "integral:12", "hybrid:norms:1", "cascade:integral:2"])
def test_a_screen_without_a_rank_takes_none(name):
    with pytest.raises(UserError, match=f"has no rank to set, so there is no strategy '{name}'"):
        GRAMMAR.parsed(name)


@pytest.mark.parametrize("name", ["gates", "rotating-frame", "integral", "norms", "entries"])
def test_products_of_groups_have_no_screen_that_needs_sums(name):
    with pytest.raises(UserError, match="there is no strategy"):
        PRODUCTS.parsed(name)


@pytest.mark.parametrize("name", GRAMMAR.strategy_names())
def test_every_name_says_what_it_uses(name):
    uses = PairStrategies(GRAMMAR).uses(name)
    certain = name == "brute-force" or name in GRAMMAR.screens or name.startswith("entries:")
    assert uses.chance == (not certain)


def test_names_that_mean_the_same_have_one_recipe():
    usual = GRAMMAR.rank(ScreenName("low-rank"), 113**2)
    assert recipe_of("low-rank", 25, {}) == recipe_of("low-rank:5", 25, {})
    for longer, shorter in (
        (f"low-rank:{usual}", "low-rank"),
        ("hybrid:low-rank", "hybrid"),
        (f"cascade:low-rank:{usual}", "cascade"),
    ):
        assert recipe_of(longer, 113**2, {}) == recipe_of(shorter, 113**2, {})
    assert recipe_of("low-rank:5", 113**2, {}) != recipe_of("low-rank", 113**2, {})


@pytest.mark.parametrize("name", GRAMMAR.strategy_names())
def test_recipes_are_json_and_back(name):
    recipe = recipe_of(name, 25, {"draws": 7})
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert recipe.budgeted == PairStrategies(GRAMMAR).uses(name).inputs


def test_a_law_has_a_target_or_a_number_of_draws():
    law = recipe_of("cascade", 25, {"target": 0.1}).law
    assert law is not None
    assert law.to_json() == {"law": "anytime", "target": 0.1}
    with pytest.raises(UserError, match="auto is no strategy of its own"):
        recipe_of("auto", 25, {})


def test_every_screen_of_the_grammar_is_made():
    assert set(GRAMMAR.screens) == set(SCREENS)
