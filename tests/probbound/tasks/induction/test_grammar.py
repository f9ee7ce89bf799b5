"""Names of strategies of induction, and the recipes that they stand for."""

import pytest

from probbound.contract.recipe import Recipe, RecipeLaw, RecipeLevel
from probbound.machine.errors import UserError
from probbound.tasks.induction.grammar import (
    Name,
    parsed,
    strategy_names,
    strategy_summary,
)
from probbound.tasks.induction.recipes import recipe_of

PASS = RecipeLevel("forward pass", "sampled")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("auto", Name("auto")),
        ("brute-force", Name("brute-force")),
        ("iid", Name("iid")),
        ("pairs", Name("pairs", "pairs")),
        ("tree", Name("tree", "tree", 1000)),
        ("tree:1", Name("tree", "tree", 1)),
        ("tree:999999999", Name("tree", "tree", 999_999_999)),
        ("hybrid", Name("hybrid", "pairs")),
        ("hybrid:pairs", Name("hybrid", "pairs")),
        ("hybrid:tree", Name("hybrid", "tree", 1000)),
        ("hybrid:tree:12", Name("hybrid", "tree", 12)),
        ("cascade", Name("cascade", "factored")),
        ("cascade:factored", Name("cascade", "factored")),
        ("cascade:soft", Name("cascade", "soft")),
    ],
)
def test_names_are_taken_apart(name, wanted):
    assert parsed(name) == wanted


@pytest.mark.parametrize(
    "name",
    [
        *("", "iid:", "iid:pairs", "pairs:", "pairs:3", "tree:", "tree:-1", "tree:1.5", "tree:٣"),
        *("tree:1000000000", "tree:3:4", "hybrid:", "hybrid:factored", "hybrid:tree:"),
        *("cascade:", "cascade:pairs", "cascade:factored:", "factored", "soft", "Tree", "auto:3"),
    ],
)
def test_other_names_are_refused(name):
    with pytest.raises(UserError, match=r"there is no strategy .* choose from brute-force, iid"):
        parsed(name)


def test_every_name_is_one():
    for name in strategy_names():
        assert parsed(name).kind
        assert name.split(":")[0] in strategy_summary()


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("brute-force", {}, Recipe((RecipeLevel("forward pass", "enumerated"),))),
        ("iid", {}, Recipe((PASS,), RecipeLaw("fixed"))),
        ("pairs", {}, Recipe((RecipeLevel("pairs", "enumerated"),))),
        ("tree:7", {}, Recipe((RecipeLevel("tree", "enumerated", {"nodes": 7}),))),
        ("hybrid", {}, Recipe((RecipeLevel("pairs", "enumerated"), PASS), RecipeLaw("fixed"))),
        (
            *("cascade", {"draws": 9}),
            Recipe(
                (RecipeLevel("factored", "passed through"), PASS),
                RecipeLaw("fixed or interrupted", {"draws": 9}),
            ),
        ),
        (
            *("cascade:soft", {"draws": 9}),
            Recipe(
                (RecipeLevel("soft", "passed through"), PASS),
                RecipeLaw("fixed or interrupted", {"draws": 9}),
            ),
        ),
        (
            *("cascade", {"target": 0.1}),
            Recipe(
                (RecipeLevel("factored", "passed through"), PASS),
                RecipeLaw("anytime", {"target": 0.1}),
            ),
        ),
    ],
)
def test_recipes(name, given, wanted):
    assert recipe_of(name, 324, given) == wanted


def test_a_plan_is_no_recipe():
    with pytest.raises(UserError, match="a plan puts one in its place"):
        recipe_of("auto", 324, {})
