"""One form for each question, so that one question has one seed (Theorem 6.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.contract.defaults import AUTO
from probbound.tasks.max_of_k.grammar import parsed
from probbound.tasks.max_of_k.methods.entries import DEFAULT_PATHS
from probbound.tasks.max_of_k.screens.cubic import DEFAULT_GRID_POINTS, LISTING_LIMIT
from probbound.tasks.max_of_k.strategies import strategy_named


def one_form(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked, without what decides nothing; two forms of one question become one.

    `asked` is the record that seeds are derived from, as JSON. Nothing that runs is changed.
    """
    strategy = asked["strategy"]
    planned = strategy == AUTO
    uses_budget = (
        asked["budget_flops"] is None if planned else strategy_named(strategy).samples_inputs
    )
    return {
        **asked,
        "claim": _one_claim(asked["claim"]),
        "strategy": parsed(strategy).shortest,
        "budget": asked["budget"] if uses_budget else None,
        "grid_points": _one_grid(asked["grid_points"], asked["claim"]["population"]["size"]),
        "paths": None if asked["paths"] == DEFAULT_PATHS else asked["paths"],
    }


def _one_claim(claim: Mapping[str, Any]) -> dict[str, Any]:
    """A margin above 0 is a right answer; a prior is its weights, equal ones none."""
    population, kind, at = claim["population"], claim["kind"], claim["at"]
    prior = population["prior"]
    if kind == "margin" and at == 0:
        kind, at = "accuracy", None
    if prior is not None:
        law = {name: value for name, value in prior.items() if name != "rounded_bits"}
        prior = None if set(prior["weights"]) == {1} else law
    return {**claim, "kind": kind, "at": at, "population": {**population, "prior": prior}}


def _one_grid(points: int | None, population: int) -> int | None:
    """Where nothing is listed, no grid is the default one."""
    default = points == DEFAULT_GRID_POINTS and population > LISTING_LIMIT
    return None if default else points
