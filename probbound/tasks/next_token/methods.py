"""Strategies over rows: all of them looked at, or some drawn."""

from __future__ import annotations

from probbound.arithmetic.rounding import ratio_up
from probbound.contract.cost import CostMeter
from probbound.strategies.levels import EveryMember, Row, look
from probbound.strategies.outcome import Level, Outcome
from probbound.strategies.sampled import Base, Effort, drawn
from probbound.tasks.next_token.question import RowQuestion

CHUNK = 256  # rows looked at together, so that an interruption does not lose many


def brute_force(question: RowQuestion, meter: CostMeter) -> Outcome:
    """Every row looked at (Theorem 9.5). Deterministic."""
    begin(question, meter)
    task, row = question.task, Row((), question.exact)
    size = task.rows.most
    with meter.phase("all rows", "proof", size * row.exact.flops):
        every = EveryMember(task, CHUNK)
        wrong = look(every, size, row, size, label="running all rows").failures
    failure = ratio_up(wrong, size)
    return Outcome(failure, failure, (Level.enumerated(row.exact.name, failure),))


def iid(question: RowQuestion, meter: CostMeter) -> Outcome:
    """Rows drawn: fixed-n, or anytime with a target.

    Different ones of a list (Theorem 9.5): a budget that covers it looks at each, and is exact.
    Independent ones of a law or a generator (9.12).
    """
    task, delta, target = question.task, question.delta, question.target
    if task.size is not None and question.budget >= task.size:
        return brute_force(question, meter)
    stopped = question.stopped_at is not None
    number = question.stopped_at or 0 if stopped else question.budget
    law, source = task.rows.bounding(delta, anytime=target is not None), question.looks(CHUNK)
    effort = Effort(number, question.budget, target, stopped)
    if number:
        begin(question, meter)
    row = Row((), question.exact)
    return drawn(Base(task.rows.most, delta), source, row, effort, law, meter)


def begin(question: RowQuestion, meter: CostMeter) -> None:
    """What is of the networks alone, and what all rows begin with (9.13)."""
    if once := question.once_flops:
        with meter.phase("sizes of matrices", "proof", once):
            _ = question.networks
    if once := question.flops.once:
        with meter.phase("common prefix", "proof", once):
            _ = question.answers
    _ = question.answers  # before threads ask for them
