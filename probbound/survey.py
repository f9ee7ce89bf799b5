"""From a budget to a strategy: a pilot, and the screens that are worth running before choosing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from probbound.check.replay import screen_of
from probbound.cost import CostMeter
from probbound.delta_choice import delta_for
from probbound.errors import UserError
from probbound.forecast import Forecast, Measured
from probbound.models.transformer import forward_flops
from probbound.pilot import CHEAP_PILOT, Passed, look, run_pilot, source_of
from probbound.planning import Planner
from probbound.preparation import Prepared
from probbound.prices import prices_in_flops
from probbound.screens.cubic import LISTING_LIMIT
from probbound.screens.ladder import LadderScreen
from probbound.screens.sequences import (
    copying_table_flops,
    sequence_table_flops,
    table_forward_flops,
)
from probbound.strategies.ladder import is_sampled
from probbound.strategies.outcome import Question
from probbound.strategies.registry import AUTO, SCREENS, parts

PILOT_SHARE = 0.025
RESIDUE_PILOT_SHARE = 0.01
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
        made = self.planner.forecasts((1 - MARGIN) * amount - spent, every=not self.counts)
        size = self.planner.task.size
        return [one for one in made if not self.counts or can_be_checked(one.strategy, size)]


def can_be_checked(strategy: str, population: int) -> bool:
    """Whether the independent checker counts the samples again, or can do without (Theorem 6.4).

    Where it does not run a screen again, it runs all that the additive screen leaves instead, for
    up to LISTING_LIMIT inputs.
    """
    kind, screen = parts(strategy)
    rerun = not screen or screen_of(strategy) is not None
    return kind == "screen" or rerun or population <= LISTING_LIMIT


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


def settled(
    survey: Survey,
    question: Question,
    budget: float,
    forecasts: Callable[[Survey], list[Forecast]],
) -> tuple[Survey, list[Forecast]]:
    """Run the screens that the best forecast builds on until it builds on what is known.

    A screen is deterministic, so that what it showed may be used as it is (Theorem 4.25).
    """
    while True:
        made = forecasts(survey)
        name = _unknown_screen(made[0], survey.planner) if made else None
        if name is None:
            return survey, made
        survey = with_screen(survey, question, name, budget)


def _unknown_screen(best: Forecast, planner: Planner) -> str | None:
    """The deterministic screen that a forecast builds on, if nobody has run it."""
    name = parts(best.strategy)[1]
    if best.at_best or name not in SCREENS or name in planner.measured or is_sampled(name):
        return None
    return name


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
    if not found:
        raise UserError(
            f"a budget of {budget:.2g} operations is too small for {question.model.name}: one "
            f"forward pass takes {each:.2g}"
        )
    best, prepared = found[0], survey.prepared
    if parts(best.strategy)[0] == "cascade":
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
