"""Strategies over rows: all of them looked at, or different ones drawn."""

from __future__ import annotations

from probbound.arithmetic.rounding import ratio_up
from probbound.contract.cost import CostMeter
from probbound.strategies.laws import ApartAnytime, ApartOrInterrupted, Law
from probbound.strategies.levels import Different, EveryMember, Row, look
from probbound.strategies.outcome import Level, Outcome
from probbound.strategies.sampled import Base, Effort, drawn
from probbound.tasks.next_token.question import RowQuestion

CHUNK = 256  # rows looked at together, so that an interruption does not lose many


def brute_force(question: RowQuestion, meter: CostMeter) -> Outcome:
    """Every row looked at (Theorem 9.5). Deterministic."""
    task, row = question.task, _row(question, meter)
    with meter.phase("all rows", "proof", task.size * row.exact.flops):
        every = EveryMember(task, CHUNK)
        wrong = look(every, task.size, row, task.size, label="running all rows").failures
    failure = ratio_up(wrong, task.mass)
    return Outcome(failure, failure, (Level.enumerated(row.exact.name, failure),))


def iid(question: RowQuestion, meter: CostMeter) -> Outcome:
    """Different rows (Theorem 9.5): fixed-n, or anytime with a target; without replacement.

    A budget that covers all rows looks at each of them, and is exact.
    """
    task, delta, target = question.task, question.delta, question.target
    if question.budget >= task.size:
        return brute_force(question, meter)
    stopped = question.stopped_at is not None
    number = question.stopped_at or 0 if stopped else question.budget
    law: Law = ApartOrInterrupted(delta, task.size)
    if target is not None:
        law = ApartAnytime(delta, task.size)
    source = Different(task, question.stream.fold_in("rows"), question.budget, task.size, CHUNK)
    effort = Effort(number, question.budget, target, stopped)
    row = _row(question, meter) if number else Row((), question.exact)
    return drawn(Base(task.mass, delta), source, row, effort, law, meter)


def _row(question: RowQuestion, meter: CostMeter) -> Row:
    """The check, with what is of the networks alone and what all rows begin with (9.13)."""
    if once := question.once_flops:
        with meter.phase("sizes of matrices", "proof", once):
            _ = question.networks
    if once := question.flops.once:
        with meter.phase("common prefix", "proof", once):
            _ = question.answers
    return Row((), question.exact)
