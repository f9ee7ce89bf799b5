"""From a budget to a strategy: a pilot, and the screens that are worth running before choosing."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from probbound.contract.cost import CostMeter
from probbound.contract.defaults import AUTO
from probbound.machine.errors import UserError
from probbound.models.transformer import forward_flops
from probbound.planning.forecast import Forecast, Measured, Passed
from probbound.tasks.max_of_k.grammar import parsed
from probbound.tasks.max_of_k.planning.delta_choice import delta_for
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
from probbound.tasks.max_of_k.preparation import Prepared
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.screens.ladder import LadderScreen
from probbound.tasks.max_of_k.screens.sequences import (
    copying_table_flops,
    sequence_table_flops,
    table_forward_flops,
)
from probbound.tasks.max_of_k.strategies import SCREENS, strategy_named
from probbound.tasks.max_of_k.structured.parts import structure_flops

PILOT_SHARE = 0.025
RESIDUE_PILOT_SHARE = 0.01
LOOK_SHARE = 0.05
TABLE_SHARE = 0.9
MARGIN = 0.005


@dataclass(frozen=True)
class Survey:
    """A planner that has looked, and what it prepared and spent while looking.

    `counts`: whether that counts towards the budget, and is used by what comes after.
    """

    planner: Planner
    prepared: Prepared
    meter: CostMeter
    counts: bool = True

    def forecasts(self, amount: float) -> list[Forecast]:
        """Forecasts for what the looking left of a budget, best first."""
        spent = self.meter.total().flops if self.counts else 0
        return self.planner.forecasts((1 - MARGIN) * amount - spent, every=not self.counts)


def surveyed(
    question: Question,
    delta: float | None,
    budget: float,
    meter: CostMeter,
    *,
    most: int = CHEAP_PILOT,
    counts: bool = True,
) -> Survey:
    """Tables, if forward passes from them would pay for them, and a pilot of its own randomness.

    The pilot takes about PILOT_SHARE of what the tables, kept for the strategy, leave.
    """
    model, task, prepared = question.model, question.task, question.prepared
    tables = sequence_table_flops(model) + copying_table_flops(model, cubic=False)
    if (TABLE_SHARE * budget - tables) / table_forward_flops(model) > budget / forward_flops(model):
        prepared = prepared.with_check(model, meter, cubic=False)
    room = budget - meter.total().flops
    allowance = PILOT_SHARE * room
    pilot = run_pilot(model, task, question.seed, allowance, room, prepared, meter, most)
    paid = frozenset(("tables",) if counts and prepared.check is not None else ())
    planner = Planner(model, task, delta, pilot, prices_in_flops(), paid=paid)
    return Survey(planner, prepared, meter, counts)


def with_screen(survey: Survey, question: Question, name: str, budget: float) -> Survey:
    """The same, with one deterministic screen run and a pilot of what it leaves."""
    meter, model, planner = survey.meter, question.model, survey.planner
    before = meter.total().flops
    screen = SCREENS[name](question)
    prepared = survey.prepared.with_residue(screen, model, meter)
    flops = meter.total().flops - before
    residue = prepared.residues[name]
    seen = Passed()
    if residue.tickets:
        source = source_of(name, residue, question.seed)
        allowance = RESIDUE_PILOT_SHARE * budget
        seen = look(source, model, question.task, allowance, prepared, meter)
    saved = 0
    if prepared.products is not None and isinstance(screen, LadderScreen):
        saved = planner.ladder_flops(screen, known=False) - planner.ladder_flops(screen, known=True)
    known = Measured(residue, flops, flops + saved, seen)
    measured = {**planner.measured, name: known}
    paid = planner.paid | ({name} if survey.counts else frozenset())
    planner = replace(planner, measured=measured, paid=paid)
    return replace(survey, planner=planner, prepared=prepared)


def with_entries(survey: Survey, question: Question, hoped: Forecast) -> Survey:
    """The same, with the model split and a pilot of its noise at what was hoped for."""
    meter, planner = survey.meter, survey.planner
    prepared = survey.prepared.with_parts(question.model, meter)
    outlook = looked(
        planner.seen.outlook,
        prepared.split,
        question.task,
        hoped.budget,
        hoped.delta,
        planning_stream(question.seed).fold_in("entries"),
        meter,
    )
    seen = replace(planner.seen, outlook=outlook, paid=survey.counts)
    return replace(survey, planner=replace(planner, entries=seen), prepared=prepared)


def with_treatment(survey: Survey, question: Question, name: str) -> Survey:
    """The same, with the noise of `entries` bounded for certain: deterministic, so run once."""
    prepared = survey.prepared.with_parts(question.model, survey.meter)
    run = replace(question, prepared=prepared)
    found = strategy_named(name).answer(run, survey.meter).failure_upper
    seen = survey.planner.seen
    seen = replace(seen, certain={**seen.certain, name: found})
    return replace(survey, planner=replace(survey.planner, entries=seen), prepared=prepared)


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

    A plan that is not counted looks for PILOT_SHARE of the budget; one that is only if `entries`
    may be better than the best forecast: the better, the more it pays, up to LOOK_SHARE.
    """
    if hoped.note:
        return hoped.note
    planner, model = survey.planner, survey.planner.model
    flops = look_flops(model, planner.seen.outlook.cells, hoped.budget)
    flops += 0 if survey.prepared.parts else structure_flops(model)
    if not survey.counts and flops <= PILOT_SHARE * room:
        return ""
    value = "cost" if by_cost else "failure_upper" if planner.delta is not None else "weighted"
    gain = getattr(best, value) / getattr(hoped, value) - 1
    if gain <= 0:
        return f"{best.strategy} is as good"
    if flops > min(LOOK_SHARE, PILOT_SHARE * gain) * room:
        return f"a look takes {flops / room:.0%}"
    return ""


def _cheap_treatments(survey: Survey, made: list[Forecast], room: float) -> list[str]:
    """Treatments that a plan that is not counted runs: the cheapest, for PILOT_SHARE in all."""
    if survey.counts:
        return []
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


def planned(question: Question, delta: float | None, meter: CostMeter) -> tuple[str, Question]:
    """The strategy that is predicted to be best for the budget of operations, with its knobs.

    A `delta` of None is chosen with it (Theorem 4.26).

    Raises:
        UserError: if the budget does not pay for one forward pass.
    """
    each = forward_flops(question.model)
    budget = float(question.budget_flops or question.budget * each)
    survey = surveyed(question, delta, budget, meter)
    survey, found = settled(survey, question, budget, lambda now: now.forecasts(budget))
    if not found or found[0].at_best:
        raise UserError(
            f"a budget of {budget:.2g} operations is too small for {question.model.name}: one "
            f"forward pass takes {each:.2g}"
        )
    best, prepared = found[0], survey.prepared
    if parsed(best.strategy).kind == "cascade":
        prepared = prepared.with_check(question.model, meter, cubic=False)
    chosen = replace(
        question,
        budget=best.budget,
        draws=best.draws,
        delta=best.delta or question.delta,
        prepared=prepared,
    )
    return best.strategy, chosen


def decided(
    question: Question, strategy: str, choose_delta: bool, meter: CostMeter
) -> tuple[str, Question]:
    """What runs, with its knobs: what was asked for, or what a plan puts in its place.

    Raises:
        UserError: if there is nothing to plan with.
    """
    if strategy == AUTO:
        return planned(question, None if choose_delta else question.delta, meter)
    if choose_delta:
        return strategy, delta_for(question, strategy, meter)
    return strategy, question
