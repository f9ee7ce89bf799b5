"""From a budget to forecasts: a pilot, and the screens that are worth running before choosing."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from probbound.contract.cost import CostMeter
from probbound.models.attention_only.transformer import forward_flops
from probbound.planning.forecast import Forecast, Measured, Passed
from probbound.tasks.max_of_k.grammar import parsed
from probbound.tasks.max_of_k.planning.entries import NOT_RUN, SAMPLED, look_flops, looked
from probbound.tasks.max_of_k.planning.pilot import (
    CHEAP_PILOT,
    look,
    planning_stream,
    run_pilot,
    source_of,
)
from probbound.tasks.max_of_k.planning.planner import Planner
from probbound.tasks.max_of_k.planning.prices import prices_in_flops
from probbound.tasks.max_of_k.preparation import Checks, certain_residue, checks, split
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.screens.sequences import (
    copying_table_flops,
    sequence_table_flops,
    table_forward_flops,
)
from probbound.tasks.max_of_k.strategies import SCREENS, strategy_named
from probbound.tasks.max_of_k.structured.parts import Parts, structure_flops

PILOT_SHARE = 0.025
RESIDUE_PILOT_SHARE = 0.01
LOOK_SHARE = 0.05
TABLE_SHARE = 0.9
MARGIN = 0.005


@dataclass(frozen=True)
class Survey:
    """A planner that has looked, and what it worked out and spent while looking.

    No budget pays for that. `checks` are there where tables pay, `parts` once
    `entries` was looked at.
    """

    planner: Planner
    checks: Checks | None
    meter: CostMeter
    parts: Parts | None = None

    def forecasts(self, amount: float) -> list[Forecast]:
        """Forecasts for a budget, best first."""
        return self.planner.forecasts((1 - MARGIN) * amount)


def surveyed(
    question: Question,
    delta: float | None,
    budget: float,
    meter: CostMeter,
    most: int = CHEAP_PILOT,
) -> Survey:
    """Tables, if forward passes from them would pay for them, and a pilot of its own randomness.

    The pilot takes about PILOT_SHARE of what the tables leave.
    """
    model, task, made = question.model, question.task, None
    tables = sequence_table_flops(model) + copying_table_flops(model, cubic=False)
    if (TABLE_SHARE * budget - tables) / table_forward_flops(model) > budget / forward_flops(model):
        made = checks(question, meter, cubic=False)
    room = budget - meter.total().flops
    allowance = PILOT_SHARE * room
    pilot = run_pilot(model, task, question.seed, allowance, room, made, meter, most)
    return Survey(Planner(model, task, delta, pilot, prices_in_flops()), made, meter)


def with_screen(survey: Survey, question: Question, name: str, budget: float) -> Survey:
    """The same, with one deterministic screen run and a pilot of what it leaves."""
    meter, model, planner = survey.meter, question.model, survey.planner
    before = meter.total().flops
    screen = SCREENS[name](question)
    residue = certain_residue(screen, question, meter)
    flops = meter.total().flops - before
    seen = Passed()
    if residue.tickets:
        source = source_of(name, residue, question.seed)
        allowance = RESIDUE_PILOT_SHARE * budget
        seen = look(source, model, question.task, allowance, survey.checks, meter)
    price, saved = screen.price(model), 0
    if survey.checks is not None and price is not None:
        saved = round(price.alone - price.shared)
    known = Measured(residue, flops, flops + saved, seen)
    measured = {**planner.measured, name: known}
    return replace(survey, planner=replace(planner, measured=measured))


def with_entries(survey: Survey, question: Question, hoped: Forecast) -> Survey:
    """The same, with the model split and a pilot of its noise at what was hoped for."""
    meter, planner = survey.meter, survey.planner
    parts = split(question, meter)
    outlook = looked(
        planner.seen.outlook,
        parts,
        question.task,
        hoped.budget,
        hoped.delta,
        planning_stream(question.seed).fold_in("entries"),
        meter,
    )
    seen = replace(planner.seen, outlook=outlook)
    return replace(survey, planner=replace(planner, entries=seen), parts=parts)


def with_treatment(survey: Survey, question: Question, name: str) -> Survey:
    """The same, with the noise of `entries` bounded for certain: deterministic, so run once."""
    parts = split(question, survey.meter)
    found = strategy_named(name).answer(question, survey.meter).failure_upper
    seen = survey.planner.seen
    seen = replace(seen, certain={**seen.certain, name: found})
    return replace(survey, planner=replace(survey.planner, entries=seen), parts=parts)


def settled(
    survey: Survey,
    question: Question,
    budget: float,
    forecasts: Callable[[Survey], list[Forecast]],
) -> tuple[Survey, list[Forecast]]:
    """Run the screens that the best forecast builds on until it builds on what is known.

    A screen is deterministic, so that what it showed may be used as it is (Theorem 4.25). Then
    `entries` is looked at, where that may pay.
    """
    while True:
        made = forecasts(survey)
        if not made or made[0].at_best:
            return survey, made
        room = made[0].cost / survey.planner.prices.cheap if math.isinf(budget) else budget
        hoped = next((one for one in made if one.at_best and one.strategy in SAMPLED), None)
        why_not = _why_not(survey, made[0], hoped, room, math.isinf(budget)) if hoped else ""
        if (name := _unknown_screen(made[0], survey.planner)) is not None:
            survey = with_screen(survey, question, name, budget)
        elif hoped is not None and not why_not:
            survey = with_entries(survey, question, hoped)
        elif names := _cheap_treatments(survey, made, room):
            for name in names:
                survey = with_treatment(survey, question, name)
        else:
            return survey, [_noted(one, why_not) for one in made]


def _why_not(survey: Survey, best: Forecast, hoped: Forecast, room: float, by_cost: bool) -> str:
    """Why a look at `entries` is not worth its operations, if it is not.

    It is for PILOT_SHARE of the budget; for more, up to LOOK_SHARE, only if `entries` may be better
    than the best forecast: the better, the more.
    """
    if hoped.note:
        return hoped.note
    planner, model = survey.planner, survey.planner.model
    flops = look_flops(model, planner.seen.outlook.cells, hoped.budget)
    flops += 0 if survey.parts else structure_flops(model)
    if flops <= PILOT_SHARE * room:
        return ""
    value = "cost" if by_cost else "failure_upper" if planner.delta is not None else "weighted"
    gain = getattr(best, value) / getattr(hoped, value) - 1
    if gain <= 0:
        return f"{best.strategy} is as good"
    if flops > min(LOOK_SHARE, PILOT_SHARE * gain) * room:
        return f"a look takes {flops / room:.0%}"
    return ""


def _cheap_treatments(survey: Survey, made: list[Forecast], room: float) -> list[str]:
    """Treatments that are run: the cheapest, for PILOT_SHARE in all."""
    seen, found = survey.planner.seen, []
    left = PILOT_SHARE * room - sum(seen.price_of(name) for name in seen.certain)
    waiting = [one.strategy for one in made if one.note == NOT_RUN]
    for name in sorted(waiting, key=seen.price_of):
        left -= seen.price_of(name)
        if left >= 0:
            found.append(name)
    return found


def _noted(forecast: Forecast, why_not: str) -> Forecast:
    unseen = forecast.at_best and forecast.strategy in SAMPLED and not forecast.note
    return replace(forecast, note=why_not) if unseen else forecast


def _unknown_screen(best: Forecast, planner: Planner) -> str | None:
    """The deterministic screen that a forecast builds on, if nobody has run it."""
    screen = parsed(best.strategy).screen
    if best.at_best or screen is None or screen.text in planner.measured or screen.sampled:
        return None
    return screen.text
