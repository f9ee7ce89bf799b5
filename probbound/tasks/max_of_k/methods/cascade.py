"""Draws through a row of cheap checks, so that only the few they leave cost a forward pass."""

from __future__ import annotations

from probbound.contract.cost import CostMeter
from probbound.contract.residue import listed_by
from probbound.models.attention_only.transformer import forward_flops
from probbound.strategies.follow_up import expected_left
from probbound.strategies.laws import FixedOrInterrupted, Law, Sequential
from probbound.strategies.levels import MOST_DRAWS, Inputs, Row, Source, TicketDraws
from probbound.strategies.outcome import Level, Outcome
from probbound.strategies.sampled import Base, Effort, all_seen, drawn
from probbound.tasks.max_of_k.methods.sampling import base_of
from probbound.tasks.max_of_k.preparation import Checks, checks, residue
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.screens.screen import Screen
from probbound.tasks.max_of_k.screens.sequences import copying_table_flops

PILOT_DRAWS = 1 << 16


def cascade(screen: Screen | None, question: Question, meter: CostMeter) -> Outcome:
    """Draws pass the copying check, then, if it leaves them, a forward pass (Theorem 4.21).

    The draws come from what `screen` left, or from all inputs if it is None; a screen that spends
    δ leaves the rest of it to them (Theorem 4.22). With a target, draws go on until the bound
    reaches it or the budget of forward passes is spent (anytime); without, their number is fixed
    by a pilot that is not reused (fixed-n), and if the screen left no more than that, all of it
    passes the checks and nothing is left to chance (Theorem 4.23). An interruption ends the
    drawing; what was drawn is then bounded by the part of δ reserved for it.
    """
    made = checks_within(question, meter)
    base, row = _base(screen, question, meter), Row((made.cheap,), made.exact)
    left, budget = base.residue, question.budget
    if left is not None and listed_by(left, budget):
        return all_seen(base, left, question.stream, row, _every(left.tickets, question), meter)
    planned = _planned_draws(base, question, row, meter)
    enumerable = 0 if question.target is not None else planned
    if left is not None and listed_by(left, enumerable):
        return all_seen(base, left, question.stream, row, _every(left.tickets, question), meter)
    stopped = question.stopped_at is not None
    number = planned if question.stopped_at is None else question.stopped_at
    effort = Effort(number, budget, question.target, stopped)
    return drawn(base, _source(base, question, "draws"), row, effort, _law(base, question), meter)


def checks_within(question: Question, meter: CostMeter) -> Checks:
    """The checks; the cubic table only where the budget dwarfs its cost."""
    model = question.model
    passes = question.budget * forward_flops(model)
    cubic = copying_table_flops(model, cubic=True) <= passes / 4
    return checks(question, meter, cubic=cubic)


def _base(screen: Screen | None, question: Question, meter: CostMeter) -> Base:
    if screen is None:
        first = (Level.enumerated("all inputs", 1.0),)
        return Base(question.task.mass, question.delta, first)
    return base_of(screen, residue(screen, question, meter), question)


def _source(base: Base, question: Question, use: str) -> Source:
    stream = question.stream.fold_in(use)
    if base.residue is None:
        return Inputs(question.task, stream)
    return TicketDraws(base.residue, stream)


def _law(base: Base, question: Question) -> Law:
    return FixedOrInterrupted(base.rest) if question.target is None else Sequential(base.rest)


def _every(tickets: int, question: Question) -> Effort:
    stopped = question.stopped_at
    last = tickets if stopped is None else min(stopped, tickets)
    return Effort(last, question.budget, stopped=stopped is not None, may_interrupt=True)


def _planned_draws(base: Base, question: Question, row: Row, meter: CostMeter) -> int:
    """As many draws as the budget of forward passes can follow up, or as cost as much as it.

    A pilot says what share the cheap check leaves. All of it only decides how many draws are made.
    """
    if question.target is not None:
        return MOST_DRAWS
    if question.draws is not None:
        return question.draws
    (cheap,), source = row.cheap, _source(base, question, "pilot")
    flops = PILOT_DRAWS * cheap.flops + source.flops(PILOT_DRAWS)
    with meter.phase("pilot", "sampling", flops):
        left = int(cheap.uncertified(source.tickets(0, PILOT_DRAWS).genuine).sum())
    within_budget = expected_left(question.budget, left) * PILOT_DRAWS / (left + 1)
    within_cost = question.budget * forward_flops(question.model) / cheap.flops
    return max(question.budget, int(min(within_budget, within_cost)))
