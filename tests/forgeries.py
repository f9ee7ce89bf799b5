"""Certificates changed after they were made, by somebody who makes digest and hex fit again."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from probbound.certificates.format import sealed, statement
from probbound.check.document import predicate_of
from probbound.check.tasks.max_of_k.recipe import Screen
from probbound.check.tasks.max_of_k.recipe import recipe_of as read_recipe
from probbound.tasks.registry import recipe_of

SCREEN = recipe_of("low-rank-qk", 1, {}).to_json()
ALTERED: dict[str, tuple[tuple[str | int, ...], Callable[[Any], Any]]] = {
    "certified mass": (("proof", "certified_mass"), lambda x: 1 - (1 - x) * 0.99),
    "share": (("levels", 0, "share_upper"), lambda x: x * 0.99),
    "failures": (("sampling", "failures"), lambda x: x - 1),
    "samples": (("sampling", "samples"), lambda x: x + 1),
    "draws": (("sampling", "draws"), lambda x: x + 1),
    "bound": (("bound",), lambda x: 1 - (1 - x) * 0.99),
    "failure_upper": (("failure_upper",), lambda x: x * 0.99),
    "delta": (("delta",), lambda x: x / 2),
    "the screen": (("levels", 0, "check"), lambda x: "cubic" if x != "cubic" else "sub-cubic"),
    "what ran": (("ran", "recipe"), lambda x: SCREEN if x != SCREEN else None),
}


def altered(
    predicate: dict[str, Any], path: tuple[str | int, ...], change: Callable[[Any], Any]
) -> dict[str, Any]:
    """A copy with one place changed."""
    found = copy.deepcopy(predicate)
    *outer, last = path
    inner: Any = found
    for key in outer:
        inner = inner[key]
    inner[last] = change(inner[last])
    return found


def run_as(predicate: dict[str, Any], strategy: str, **given: Any) -> dict[str, Any]:
    """The same certificate, said to be of another strategy, or of other settings of it."""
    recipe = recipe_of(strategy, predicate["claim"]["population"]["size"], given)
    budget = predicate["ran"]["budget"] if recipe.budgeted else None
    ran = {"recipe": recipe.to_json(), "budget": budget}
    return predicate | ran | {"ran": ran, "strategy": strategy, "chosen": strategy}


def screen_named(name: str) -> Screen:
    """The checker's own screen of a name."""
    found = read_recipe(recipe_of(name, 1, {}).to_json(), {"population": {"size": 1}}).screen
    assert found is not None
    return found


def relabelled(predicate: dict[str, Any], name: str, label: str) -> dict[str, Any]:
    """The statement with another name of a strategy, for a file."""
    fields = {k: v for k, v in predicate.items() if k not in ("hex", "self_sha256")}
    return statement(sealed(fields | {name: label}))


def resealed(predicate: dict[str, Any]) -> dict[str, Any]:
    """With digest and hex that fit, through JSON."""
    fields = {k: v for k, v in predicate.items() if k not in ("hex", "self_sha256")}
    return predicate_of(json.loads(json.dumps(statement(sealed(fields)))))
