"""A recipe has one form for what it means, so that no spelling is one more seed to try (6.1)."""

from __future__ import annotations

import copy
import itertools
import json
import random
from functools import cache
from typing import Any

import pytest

import probbound
from probbound.check.document import canonical
from probbound.check.judge import derived_seed, judge
from probbound.check.report import Refused
from probbound.check.tasks.max_of_k.listing import LIMIT
from probbound.check.tasks.max_of_k.recipe import recipe_of as read
from probbound.contract.recipe import Recipe
from probbound.tasks.max_of_k.recipes import recipe_of
from probbound.tasks.max_of_k.task import task_for
from tests.factories import copying_model, weights_of
from tests.forgeries import resealed

FEW, MANY = 6**3, LIMIT + 1
GIVEN: tuple[dict[str, Any], ...] = (
    *({"paths": paths} for paths in ("joint", "separate")),
    *(
        {"grid_points": points, **law}
        for points in (None, 1, 7)
        for law in ({}, {"draws": 0}, {"draws": 1}, {"draws": 7}, {"target": 0.5})
    ),
)
NAMES = probbound.strategy_names()


@cache
def made(size: int) -> set[bytes]:
    """Every recipe that a name and some settings give."""
    return {canonical(recipe_of(name, size, given).to_json()) for name in NAMES for given in GIVEN}


def accepted(found: Any, size: int) -> bool:
    try:
        read(found, {"population": {"size": size}})
    except Refused:
        return False
    return True


@pytest.mark.parametrize("size", [FEW, MANY])
def test_what_a_name_says_is_read_and_two_recipes_are_read_as_two(size):
    recipes = [json.loads(one) for one in made(size)]
    assert len({read(one, {"population": {"size": size}}) for one in recipes}) == len(recipes)
    for one in recipes:
        assert canonical(Recipe.from_json(one).to_json()) == canonical(one)


def test_no_other_row_of_levels_is_read():
    """Every kind of level, in every mode, under every law: one, two, and three behind `cubic`."""
    settings: dict[str, dict[str, Any]] = {
        "cubic": {"grid_points": None},
        "sub-cubic": {"mean_diff": True},
        "low-rank-qk": {"noise": "svd"},
        "forward pass": {},
        "forward pass from tables": {},
        "copying": {},
        "structure with tolerated noise": {},
        "noise": {"noise": "svd"},
        "noise entries": {"paths": "joint"},
    }
    laws = (None, {"law": "fixed"}, {"law": "fixed or interrupted", "draws": 3})
    laws += ({"law": "anytime", "target": 0.5},)
    modes = ("enumerated", "passed through", "sampled")
    levels = [
        {"level": name, "mode": mode, **settings[name]} for name in settings for mode in modes
    ]
    rows = [row for number in (1, 2) for row in itertools.product(levels, repeat=number)]
    rows += [(levels[0], *row) for row in rows]
    found = {
        canonical(recipe)
        for row, law in itertools.product(rows, laws)
        if accepted(recipe := {"levels": list(row), "law": law}, FEW)
    }
    given = {"noise": "svd", "draws": 3, "paths": "joint"}
    wanted = {
        canonical(recipe_of(name, FEW, one).to_json())
        for name in NAMES
        for one in (given, given | {"target": 0.5})
    }
    assert found == {one for one in wanted if one_of(rows, levels_of(one))}
    assert len(found) == 16


def one_of(rows: list[Any], row: list[dict[str, Any]]) -> bool:
    return tuple(row) in rows


def levels_of(recipe: bytes) -> list[dict[str, Any]]:
    return json.loads(recipe)["levels"]


VALUES = (None, True, False, 0, 1, 7, 7.0, -1, 0.5, 1.5, "7", "", "svd", "sketch", "joint", "fixed")
PLACES = ("grid_points", "noise", "mean_diff", "paths", "draws", "target", "mode", "level", "law")
WORDS = ("cubic", "noise", "copying", "forward pass", "sampled", "enumerated", "anytime", "x")


def mutated(recipe: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """One or two settings, words or levels altered, added, doubled or left out."""
    found = copy.deepcopy(recipe)
    for _ in range(rng.choice((1, 2))):
        parts = [*found["levels"], *([found["law"]] if found["law"] else [])]
        part, place = rng.choice(parts), rng.choice(PLACES)
        kind = rng.randrange(5)
        if kind == 0:
            part[place] = rng.choice(VALUES)
        elif kind == 1:
            part[rng.choice([*part])] = rng.choice(VALUES + WORDS)
        elif kind == 2:
            part.pop(place if place not in ("level", "mode", "law") else "", None)
        elif kind == 3:
            found["levels"].insert(rng.randrange(3), copy.deepcopy(rng.choice(found["levels"])))
        else:
            found["law"] = rng.choice((None, {"law": "fixed"}, {"law": "anytime", "target": 0.5}))
    return found


@pytest.mark.parametrize("size", [FEW, MANY])
def test_whatever_is_read_is_what_some_name_says(size):
    rng, before = random.Random(3), [json.loads(one) for one in sorted(made(size))]
    read_again = 0
    for _ in range(1500):
        found = mutated(rng.choice(before), rng)
        if accepted(found, size):
            assert canonical(found) in made(size), found
            read_again += 1
    assert read_again > 100


CUBIC = {"level": "cubic", "mode": "enumerated"}
REFUSED = [
    ({"levels": [CUBIC], "law": None}, "has no grid_points"),
    ({"levels": [{**CUBIC, "grid_points": 7.0}], "law": None}, "cannot be 7.0"),
    ({"levels": [{**CUBIC, "grid_points": True}], "law": None}, "cannot be True"),
    ({"levels": [{**CUBIC, "grid_points": 0}], "law": None}, "cannot be 0"),
    ({"levels": [{**CUBIC, "grid_points": 7, "noise": None}], "law": None}, "unknown 'noise'"),
    ({"levels": [{"level": "quartic", "mode": "enumerated"}], "law": None}, "no level 'quartic'"),
    ({"levels": [{"level": "sub-cubic", "mode": "sampled", "mean_diff": True}], "law": None}, "no"),
]


@pytest.mark.parametrize(("recipe", "sentence"), REFUSED, ids=str)
def test_what_is_no_recipe_is_refused_in_a_sentence(recipe, sentence):
    with pytest.raises(Refused, match=sentence):
        read(recipe, {"population": {"size": FEW}})


def test_a_grid_is_said_where_nothing_is_listed():
    listed = {"levels": [{**CUBIC, "grid_points": None}], "law": None}
    assert read(listed, {"population": {"size": LIMIT}})
    with pytest.raises(Refused, match="its grid is not said"):
        read(listed, {"population": {"size": MANY}})


def judged_with(changes: dict[str, Any], strategy: str = "hybrid") -> str:
    """The first reason against a certificate with other fields, its seed derived from them."""
    model = copying_model(1)
    certificate = probbound.certify(model, task_for(model), strategy=strategy, budget=9, delta=0.1)
    forged = certificate.to_json() | changes
    if changes.get("recipe", forged["recipe"]) is not None:
        forged["ran"] = {name: forged[name] for name in ("recipe", "budget")}
    forged["seed"] = derived_seed(forged)
    return judge(resealed(forged), weights_of(model)).refused[0]


def test_a_budget_is_there_just_where_it_decides_something():
    assert "a budget of None" in judged_with({"budget": None})
    assert "a budget of 9" in judged_with({"budget": 9}, "cubic")
    assert "recipe that they do not decide" in judged_with({"budget_flops": 1e6})
    assert "a budget of inputs beside one of operations" in judged_with({"recipe": None})


def test_what_ran_is_what_was_asked_to_the_letter():
    model = copying_model(1)
    stored = probbound.certify(model, task_for(model), strategy="cascade", budget=9).to_json()
    stored["ran"]["recipe"]["law"]["draws"] = 5
    (reason,) = judge(resealed(stored), weights_of(model)).refused
    assert reason == "what ran is not what was asked for"
