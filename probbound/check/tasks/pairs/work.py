"""How much work a certificate over pairs asks for, from its fields and the weights' sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from probbound.check.effort import Work
from probbound.check.models.pair_mlp.weights import Weights
from probbound.check.tasks.pairs.plan import PLANNED_LEVELS, is_planned
from probbound.check.tasks.pairs.prices import forward_price
from probbound.check.tasks.pairs.recipe import run_by
from probbound.check.tasks.pairs.replay import PILOT

_INTERVAL, _LEAST, _DRAW = 1e5, 1e6, 100.0
_LEVEL, _CANDIDATES, _MOST_GROUPS = 2e5, 81, 1 << 10
_BLOCKS = 2.0**28  # bytes of what is computed at once


def work_of(predicate: Mapping[str, Any], weights: Weights) -> Work:
    """What checking a certificate takes, at most about."""
    recipe, size = run_by(predicate), weights.sizes
    values, classes = size["d_vocab"], size["d_vocab_out"]
    features = size["d_mlp"] + size["d_out"] + 1
    pairs, forward = values**2, float(forward_price(weights) + size["d_mlp"])
    stored = sum(array.size for array in weights.arrays.values())
    tables = 4.0 * values * size["d_model"] * (size["d_mlp"] + size["d_out"])
    operations, memory = _LEAST + 100.0 * stored + tables, 32.0 * values * features + _BLOCKS
    draws = predicate["sampling"]["draws"]
    number = predicate["ran"]["budget"] or 0
    if predicate["levels"] and predicate["levels"][-1]["mode"] == "enumerated":
        number = min(number, pairs)
    operations += _INTERVAL * math.sqrt(draws) + _DRAW * draws
    if recipe.screen is not None:
        rank = min(recipe.screen.rank, classes)
        each = 2.0 * features * (rank + 4) + classes * (2.0 * rank + 8)
        looked = min(pairs, draws) + PILOT if recipe.cascade else pairs
        small = float(min(size["d_mlp"], classes))
        operations += looked * each + 60 * small**2 * features + 8.0 * values * features * classes
        memory += 32.0 * values * classes + 64.0 * features * classes + 16.0 * pairs
        if recipe.screen.levels is not None:
            waves = _of_waves(values, features, recipe.screen.levels, looked)
            operations, memory = operations + waves.operations, memory + waves.memory
    if is_planned(predicate):
        operations += _of_plan(values, features, classes)
    run = number if recipe.budgeted else pairs * (recipe.screen is None)
    return Work(operations + run * (forward + _DRAW), memory + 8.0 * classes**2)


def _of_plan(values: int, features: int, classes: int) -> float:
    """What looking at a spectrum and at two screens takes, of all directions."""
    small, looked = float(min(features, classes)), float(min(values**2, PILOT))
    made = 150 * small**2 * max(features, classes) + 16.0 * values * features * classes
    each = 4.0 * features * (small + 4) + 2 * classes * (2.0 * small + 8)
    return (
        made + looked * each + _of_waves(values, features, PLANNED_LEVELS, int(looked)).operations
    )


def _of_waves(values: int, features: int, levels: int, looked: int) -> Work:
    """What gates take beside: waves and their levels once, and states of gates for each pair."""
    groups = min(values / 2, features, _MOST_GROUPS)
    proposed = groups * (_LEVEL * levels + 100.0 * values**2) + 1500.0 * values * features
    states = looked * features * (100.0 + 5.0 * min(levels, _CANDIDATES))
    return Work(proposed + states, 64.0 * values**2 + 96.0 * values * features)
