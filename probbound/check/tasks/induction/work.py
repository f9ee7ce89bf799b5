"""How much work a certificate of induction asks for, from its fields and the weights' sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from probbound.check.effort import Work
from probbound.check.models.transformer.prices import price, price_once
from probbound.check.models.transformer.weights import Weights
from probbound.check.tasks.induction.plan import LOOKS, is_planned
from probbound.check.tasks.induction.prices import pairs_price, tables_price
from probbound.check.tasks.induction.recipe import EVERY, FACTORED, PAIRS, SOFT, TREE, recipe_of
from probbound.check.tasks.induction.screens import LOOKED_AT, RUN_AT_MOST
from probbound.check.tasks.induction.sequences import Sequences
from probbound.check.tasks.on_screens import PILOT

_LEAST, _RUN, _INTERVAL = 1e8, 1e4, 1e5
_PASS, _PAIRS, _TABLES, _NODE = 3.0, 4.0, 4.0, 100.0
_PART, _LETTERS, _MOST_LETTERS = 2e7, 250.0, 4096
_BLOCKS = 2.0**29  # bytes of what is computed at once
_MOST = 1 << 62


def work_of(predicate: Mapping[str, Any], weights: Weights) -> Work:
    """What checking a certificate takes, at most about."""
    claim = predicate["claim"]
    recipe = recipe_of(predicate["ran"]["recipe"], claim)
    sequences, (n, v, out) = Sequences.of(claim["population"]), weights.reads
    draws, budget = predicate["sampling"]["draws"], predicate["ran"]["budget"] or 0
    each = _RUN + _PASS * price(weights.configuration, n, real=True)
    looked = _RUN / 10 + 40.0 * n * (v + 10)
    operations, memory = _LEAST + _PASS * price_once(weights.configuration, real=True), _BLOCKS
    operations += _INTERVAL * math.sqrt(draws)
    run = min(budget, draws) if recipe.budgeted else 0
    if recipe.screen is None and not recipe.budgeted and recipe.run != EVERY:
        run = min(sequences.size, _MOST)
    shape = weights.configuration.n_layers, weights.configuration.n_heads
    two, three = shape == (2, 1), shape == (3, 1)
    free = n - 3 - int(predicate["claim"]["at"] or 0) if recipe.run == EVERY else n - 1
    if three:
        memory += 64.0 * min(n * v**2, _MOST_LETTERS) ** 2
    if recipe.screen == PAIRS or (recipe.screen == TREE and two and sequences.once):
        operations += _PAIRS * pairs_price(weights) + 1e3 * v**3 * n
        memory += 64.0 * n * v**2 * out**2 + 4.0 * n**2 * v**4 + 2.0 * n * v**3 * out**2
    if recipe.run == EVERY:
        cases = draws if recipe.budgeted else sequences.number_of_cases(int(claim["at"]))
        tried = 2 * _parts(weights, free) if three else (v + 1) * _node(weights)
        operations += min(cases, _MOST) * tried
    if recipe.screen == TREE:
        nodes = float(recipe.nodes or 0)
        tried = _parts(weights, free) if three else _node(weights)
        operations += nodes * (RUN_AT_MOST * each + tried)
        memory += 4.0 * n * v * (nodes * v + n * v**3)
    if recipe.screen == FACTORED:
        operations += _TABLES * tables_price(weights) + (draws + PILOT) * looked
        memory += 64.0 * n * v**3
    weighed = looked + 100.0 * n * (n + out)
    if recipe.screen == SOFT:
        operations += 1e3 * (n * v) ** 2 + (draws + PILOT) * weighed
        memory += 64.0 * (n * v) ** 2
    if is_planned(predicate) and two:
        operations += _PAIRS * (pairs_price(weights) * LOOKED_AT / (v * (v - 1)))
        operations += _TABLES * tables_price(weights) + LOOKS * (looked + weighed)
        memory += 64.0 * n * (v**3 + v**2 * out**2) + 64.0 * (n * v) ** 2
    return Work(operations + run * (each + looked), memory)


def _node(weights: Weights) -> float:
    """Of a set of sequences that 10.8 is tried on."""
    (n, v, out), said = weights.reads, weights.configuration
    leaves = float(1 + said.n_heads) ** said.n_layers
    return _NODE * leaves * n**2 * v**2 * (v + out) * said.n_layers


def _parts(weights: Weights, free: int) -> float:
    """Of one that 10.18 is tried on, its parts together; 10.8 takes no more at three layers."""
    _, v, _ = weights.reads
    return v * (_PART + _LETTERS * (max(free, 1) * v**2) ** 2)
