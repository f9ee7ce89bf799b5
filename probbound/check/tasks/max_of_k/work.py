"""How much work a certificate asks of its checker, from its fields and the sizes of the weights.

Known before anything of it is done, so that nobody is kept busy by a number that somebody wrote.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from probbound.check.effort import Work
from probbound.check.models.attention_only.weights import Weights
from probbound.check.tasks.max_of_k.arithmetic import form_of
from probbound.check.tasks.max_of_k.layers import LAYERS
from probbound.check.tasks.max_of_k.loss_replay import MOST_LOSSES
from probbound.check.tasks.max_of_k.pilot import MOST_PASSES
from probbound.check.tasks.max_of_k.plan import ON_SCREEN, is_planned, tables_pay
from probbound.check.tasks.max_of_k.prices import PILOT, Price, Prices
from probbound.check.tasks.max_of_k.recipe import (
    ALL_RUN,
    CASES,
    CERTAIN,
    CHECKED,
    COUNTED,
    CUBIC,
    Recipe,
    run_by,
)
from probbound.check.tasks.max_of_k.tariff import Tariff

_BETTING = 2500  # operations for a loss of the interval of Theorem 2.25
_INTERVAL = 1e5  # for the root of a number of draws: sums of tails are as long
_CHOICE = 5e7  # for the best of all values of δ
_SKETCHES = 5  # values that are tried of a screen that rests on one
_LEAST = 1e6  # the digest, and what else is always there


def work_of(predicate: Mapping[str, Any], weights: Weights) -> Work:
    """What checking a certificate takes, at most about.

    Raises:
        Refused: if no theorem has such levels.
    """
    v, k, d, e, h, out = weights.sizes
    prior = predicate["claim"]["population"]["prior"]
    prices = Prices(v, k, d, e, h, out, total=prior["total"] if prior else v)
    found = _of_what_ran(predicate, prices)
    if not is_planned(predicate):
        return found
    plan = _of_plan(predicate, prices, Tariff(*weights.sizes))
    return Work(found.operations + plan.operations, max(found.memory, plan.memory))


def _of_what_ran(predicate: Mapping[str, Any], prices: Prices) -> Work:
    if run_by(predicate).rest in (CASES, COUNTED, CERTAIN):
        return _of_entries(predicate, prices)
    if predicate["claim"]["kind"] == "loss":
        return _of_losses(predicate, prices)
    return _of_counts(predicate, prices)


def _of_plan(predicate: Mapping[str, Any], prices: Prices, tariff: Tariff) -> Work:
    """Pilots, and screens that are run to plan alone."""
    if predicate["recipe"] is not None:
        return _of_chosen_delta(predicate, prices)
    amount = Fraction(float(predicate["budget_flops"]))
    if not tables_pay(amount, tariff):
        return _sum(_CHOICE + MOST_PASSES * (prices.inputs.each + prices.forward), prices.inputs)
    made = _through_checks(prices, cubic=False)
    operations = _CHOICE + sum(part.once for part in made) + prices.brackets
    bases = [prices.inputs]
    if tariff.starts and tariff.screen(tariff.starts) <= amount:
        bases.append(prices.gapped)
        operations += (replace(run_by(predicate), draws=None) != ON_SCREEN) * prices.gapped.once
    each = sum(part.each for part in made) + prices.forward
    operations += sum(base.draws(PILOT) + PILOT * each for base in bases)
    return _sum(operations, *bases, *made)


def _of_chosen_delta(predicate: Mapping[str, Any], prices: Prices) -> Work:
    recipe = run_by(predicate)
    base = _screen(recipe, prices) or prices.inputs
    made, number = [], MOST_PASSES
    if recipe.rest == CHECKED:
        made, number = _through_checks(prices, _cubic_table(predicate, prices)), PILOT
    screens = _SKETCHES if recipe.screen is not None and recipe.screen.by_chance else 0
    operations = _CHOICE + screens * base.once + sum(part.once for part in made)
    each = sum(part.each for part in made) + prices.forward
    return _sum(operations + base.draws(number) + number * each, base, *made)


def _through_checks(prices: Prices, cubic: bool) -> list[Price]:
    return [prices.copying(cubic), Price(prices.tables, 0.0, 0.0, prices.table_memory)]


def _of_entries(predicate: Mapping[str, Any], prices: Prices) -> Work:
    rest, parts = run_by(predicate).rest, []
    if rest != CERTAIN:
        parts.append(prices.entries(predicate["ran"]["budget"]))
    if rest != CASES:
        parts.append(prices.counted_entries(noise=rest == CERTAIN))
    return _sum(sum(part.once for part in parts), *parts)


def _of_losses(predicate: Mapping[str, Any], prices: Prices) -> Work:
    recipe, base = run_by(predicate), prices.inputs
    screen, each = _screen(recipe, prices), prices.loss + _BETTING
    number = min(predicate["ran"]["budget"] or 0, MOST_LOSSES)
    operations = prices.tables + 20.0 * prices.v * (prices.h + 1) * (prices.v + prices.out)
    if recipe.rest == ALL_RUN:
        number, each = min(prices.inputs_in_all, MOST_LOSSES), prices.loss + prices.listed.each
    elif screen is not None:
        base = screen
        operations += (LAYERS + 2) * screen.once
    operations += base.draws(number) + number * each
    values = Price(0.0, 0.0, 0.0, 32.0 * number + 8.0 * (1 << 14) * 4 * prices.out)
    return _sum(operations, base, values, Price(0.0, 0.0, 0.0, prices.table_memory))


def _of_counts(predicate: Mapping[str, Any], prices: Prices) -> Work:
    form, budget = form_of(predicate), predicate["ran"]["budget"] or 0
    drawn, screen = predicate["sampling"]["draws"], _screen(run_by(predicate), prices)
    tables = Price(prices.tables, 0.0, 0.0, prices.table_memory)
    base = screen or prices.inputs
    parts = [base, *([tables] if screen else ())]
    operations = sum(part.once for part in parts) + _INTERVAL * math.sqrt(drawn)
    if form == "all run":
        return _sum(2 * prices.listed.once + tables.once, prices.listed, tables)
    if form in ("sampled", "screen, sampled"):
        operations += base.draws(budget) + budget * prices.forward
    elif form in ("screen, all run", "screen, all through"):
        operations += base.once + drawn * base.each + min(drawn, budget) * prices.forward
    copying = prices.copying(_cubic_table(predicate, prices))
    if form in ("cascade", "screen, all through"):
        parts += [copying, tables]
        operations += copying.once + tables.once + drawn * copying.each
    if form == "cascade":
        operations += base.draws(drawn) + min(drawn, budget) * prices.forward
        operations += base.draws(PILOT) + PILOT * copying.each
    return _sum(operations, *parts)


def _screen(recipe: Recipe, prices: Prices) -> Price | None:
    screen = recipe.screen
    if screen is None:
        return None
    if screen.name != CUBIC:
        return prices.gapped
    return prices.listed if screen.grid_points is None else prices.gridded(screen.grid_points)


def _cubic_table(predicate: Mapping[str, Any], prices: Prices) -> bool:
    """Whether the copying check may have its cubic table: the budget dwarfs its cost."""
    table = prices.h * prices.v * prices.v * 2.0 * prices.out
    planned = predicate["recipe"] is None
    return not planned and table <= (predicate["ran"]["budget"] or 0) * prices.forward


def _sum(operations: float, *held: Price) -> Work:
    return Work(_LEAST + operations, sum(part.memory for part in held))
