"""How much work a certificate over pairs asks for, from its fields and the weights' sizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from probbound.check.effort import Work
from probbound.check.tasks.on_screens import PILOT
from probbound.check.tasks.pairs.kinds import KINDS
from probbound.check.tasks.pairs.plan import PLANNED_LEVELS, is_planned
from probbound.check.tasks.pairs.recipe import (
    GATES,
    INTEGRAL,
    LOW_RANK,
    NORMS,
    ROTATING_FRAME,
    STRUCTURE,
    Screen,
    run_by,
)

_INTERVAL, _LEAST, _DRAW = 1e5, 1e6, 100.0
_LEVEL, _CANDIDATES, _MOST_GROUPS = 2e5, 81, 1 << 10
_AT_ONCE = 2.0  # products of a large matrix with another that an operation stands for
_COLUMNS = 1 << 12  # of the output matrix are looked at for directions
_ENTRY, _ENTRY_BYTES = 5e3, 64.0
_BLOCKS = 2.0**28  # bytes of what is computed at once


def work_of(predicate: Mapping[str, Any], weights: Any) -> Work:
    """What checking a certificate takes, at most about."""
    recipe, size = run_by(predicate), weights.sizes
    values, classes = size["d_vocab"], size["d_vocab_out"]
    features = size["d_mlp"] + size["d_out"] + 1
    pairs, forward = values**2, float(KINDS[weights.kind].price(weights) + size["d_mlp"])
    stored = sum(array.size for array in weights.arrays.values())
    tables = 4.0 * values * size["d_model"] * (size["d_mlp"] + size["d_out"])
    operations, memory = _LEAST + 100.0 * stored + tables, 32.0 * values * features + _BLOCKS
    draws = predicate["sampling"]["draws"]
    number = predicate["ran"]["budget"] or 0
    if predicate["levels"] and predicate["levels"][-1]["mode"] == "enumerated":
        number = min(number, pairs)
    operations += _INTERVAL * math.sqrt(draws) + _DRAW * draws
    screen = recipe.screen or recipe.pattern
    if screen is not None:
        looked = min(pairs, draws) + PILOT if recipe.cascade else pairs
        shape = _Shape(values, features, size["d_mlp"], classes)
        taken = _OF_SCREENS[screen.name](screen, shape, looked)
        operations, memory = operations + taken.operations, memory + taken.memory
        memory += 0.0 if recipe.cascade and draws <= pairs else 16.0 * pairs
    if is_planned(predicate):
        operations += _of_plan(_Shape(values, features, size["d_mlp"], classes))
    run = number if recipe.budgeted else pairs * (screen is None)
    if recipe.pattern is not None:
        entries = predicate["ran"]["budget"] or 0
        return Work(operations + entries * _ENTRY, memory + entries * _ENTRY_BYTES)
    return Work(operations + run * (forward + _DRAW), memory + 8.0 * classes**2)


@dataclass(frozen=True)
class _Shape:
    """Sizes of a network as screens see it."""

    values: int
    features: int
    gates: int
    classes: int


def _compared(shape: _Shape, directions: int, looked: int) -> float:
    """Pairs by so many directions, and against every class."""
    each = 2.0 * shape.features * (directions + 4) + shape.classes * (2.0 * directions + 8)
    return looked * each


def _of_low_rank(screen: Screen, shape: _Shape, looked: int) -> Work:
    values, features, classes = shape.values, shape.features, shape.classes
    compared = _compared(shape, min(screen.rank, classes), looked)
    small = float(min(shape.gates, classes))
    tables = 60 * small**2 * features + 8.0 * values * features * classes
    return Work(compared + tables, 32.0 * values * classes + 64.0 * features * classes)


def _of_plan(shape: _Shape) -> float:
    """What looking at a spectrum and at two screens takes, of all directions."""
    values, features, classes = shape.values, shape.features, shape.classes
    small, looked = float(min(features, classes)), float(min(values**2, PILOT))
    made = 150 * small**2 * max(features, classes) + 16.0 * values * features * classes
    each = 4.0 * features * (small + 4) + 2 * classes * (2.0 * small + 8)
    gates = _of_gates(Screen(GATES, 1, PLANNED_LEVELS), shape, int(looked))
    return made + looked * each + gates.operations


def _of_gates(screen: Screen, shape: _Shape, looked: int) -> Work:
    """What gates take beside: waves and their levels once, and states of gates for each pair."""
    values, features, levels = shape.values, shape.features, screen.levels or 1
    ranked = _of_low_rank(screen, shape, looked)
    groups = min(values / 2, features, _MOST_GROUPS)
    proposed = groups * (_LEVEL * levels + 100.0 * values**2) + 1500.0 * values * features
    states = looked * features * (100.0 + 5.0 * min(levels, _CANDIDATES))
    memory = 64.0 * values**2 + 96.0 * values * features
    return Work(ranked.operations + proposed + states, ranked.memory + memory)


def _of_rotating(screen: Screen, shape: _Shape, looked: int) -> Work:
    """Of eigenvectors of the features, of the leads for each difference, and of pairs."""
    values, features, waves = shape.values, shape.features, min(screen.waves, shape.values)
    directions = 2 * waves + min(screen.beside, features, values)
    proposed = features * values * (8.0 * directions + 200) + 30.0 * features**3
    proposed += 2.0 * features**2 * min(values, _COLUMNS) + 2.0 * values**2 * waves
    compared = looked * (features + shape.classes) * (directions / _AT_ONCE + 10.0)
    turned = looked * waves * 150.0
    memory = 32.0 * values * directions + 64.0 * features * (shape.classes + features)
    return Work(compared + turned + proposed, memory)


def _of_single_waves(screen: Screen, shape: _Shape, looked: int) -> Work:
    """Of waves of the weights: every group for every two classes, and next to nothing of pairs."""
    del screen
    values, features = shape.values, shape.features
    groups = min(values / 2, shape.gates)
    proposed = 500.0 * values * features + groups * 20.0 * values**2
    return Work(proposed + looked * 100.0, 128.0 * values * features + 16.0 * groups * values)


_OF_SCREENS: dict[str, Callable[[Screen, _Shape, int], Work]] = {
    LOW_RANK: _of_low_rank,
    GATES: _of_gates,
    ROTATING_FRAME: _of_rotating,
    STRUCTURE: _of_gates,
    INTEGRAL: _of_single_waves,
    NORMS: _of_single_waves,
}
