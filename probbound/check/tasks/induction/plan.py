"""The plan of a question of induction, made again (Definition 10.14)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probbound.check.models.transformer.prices import price, price_once
from probbound.check.stream import Stream
from probbound.check.tasks.arithmetic import RUN
from probbound.check.tasks.induction.prices import (
    case_price,
    lookup_price,
    pairs_price,
    soft_price,
    soft_tables_price,
    tables_price,
)
from probbound.check.tasks.induction.recipe import (
    EVERY,
    FACTORED,
    PAIRS,
    SOFT,
    Recipe,
)
from probbound.check.tasks.induction.screens import LOOKED_AT, Screens
from probbound.check.tasks.induction.sequences import MOST_DRAWS
from probbound.check.tasks.on_screens import PILOT
from probbound.check.tasks.recipes import FIXED, FIXED_OR_INTERRUPTED

LOOKS = 512
_ENOUGH = 0.5
_HYBRID = Recipe(((PAIRS, "enumerated"), (RUN, "sampled")), FIXED)
_FACTORED, _SOFT = (
    Recipe(((each, "passed through"), (RUN, "sampled")), FIXED_OR_INTERRUPTED)
    for each in (FACTORED, SOFT)
)
_DRAWN, _CASES = (Recipe(((each, "sampled"),), FIXED) for each in (RUN, EVERY))
_ALL, _ALL_CASES = (Recipe(((each, "enumerated"),)) for each in (RUN, EVERY))
_MOST_RUN = 1 << 28


@dataclass(frozen=True)
class Plan:
    """What runs, with what budget of forward passes or cases, None where all are run."""

    recipe: Recipe
    budget: int | None = None

    @classmethod
    def of(cls, recipe: Recipe, budget: int) -> Plan:
        """With a budget that may be asked for."""
        return cls(recipe, min(max(budget, 0), MOST_DRAWS))

    @property
    def sentence(self) -> str:
        """For people."""
        return f"{self.recipe.text} with budget {self.budget}"


def is_planned(predicate: Mapping[str, Any]) -> bool:
    """Whether something was decided after the question was asked, and chance has a part in it."""
    return predicate["recipe"] is None and predicate["guarantee"] != "deterministic"


def made_again(predicate: Mapping[str, Any], screens: Screens, stream: Stream) -> Plan:
    """What the rule takes for the operations that there are; `stream` is the certifying one."""
    weights, (v, n) = screens.weights, (screens.sequences.v, screens.sequences.n)
    if predicate["claim"]["kind"] == "universal":
        return _of_cases(predicate, screens)
    said = weights.configuration
    amount = int(float(predicate["budget_flops"])) - price_once(said, real=True)
    each_pass = price(said, n, real=True)
    if screens.sequences.size <= _MOST_RUN and screens.sequences.size * each_pass <= amount:
        return Plan(_ALL)
    if screens.has_pairs:
        every = pairs_price(weights)
        look = -(-LOOKED_AT * every // (v * (v - 1)))
        if every + look <= amount:
            amount -= look
            if screens.share_looked_at() >= _ENOUGH:
                return Plan.of(_HYBRID, (amount - every) // (each_pass + 2 * n))
    for recipe, there, tables, each in (
        (_FACTORED, screens.has_lookups, tables_price(weights), lookup_price(n)),
        (_SOFT, screens.has_soft, soft_tables_price(weights), soft_price(n)),
    ):
        made, pilot = tables + LOOKS * each, PILOT * each
        if there and made + pilot <= amount // 4:
            amount -= made
            if _passed(screens, recipe, stream.named("look")) <= (1 - _ENOUGH) * LOOKS:
                return Plan.of(recipe, (amount - pilot) // (2 * each_pass))
    return Plan.of(_DRAWN, amount // each_pass)


def _of_cases(predicate: Mapping[str, Any], screens: Screens) -> Plan:
    """What it takes of a universal claim."""
    given, amount = int(predicate["claim"]["at"]), int(float(predicate["budget_flops"]))
    number, each = screens.sequences.number_of_cases(given), case_price(screens.weights, given)
    if number <= _MOST_RUN and number * each <= amount:
        return Plan(_ALL_CASES)
    return Plan.of(_CASES, amount // each)


def _passed(screens: Screens, recipe: Recipe, stream: Stream) -> int:
    """How many of the sequences looked at a recipe's first level leaves."""
    unproved = screens.unproved(recipe.screen)
    return sum(int(unproved(tokens).sum()) for tokens in screens.sequences.drawn(stream, LOOKS))
