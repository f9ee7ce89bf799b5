"""Strategies for the mean loss over rows: all of them looked at, or some drawn."""

from __future__ import annotations

from probbound.contract.cost import CostMeter
from probbound.machine.errors import UserError
from probbound.models.transformer.largest_loss import largest_loss, largest_loss_flops
from probbound.strategies.levels import EveryMember
from probbound.strategies.losses import MOST_LOSSES, Losses, capped, loss_level, of_losses
from probbound.strategies.means import mean_of_all, measured
from probbound.strategies.outcome import LossBound, Outcome
from probbound.tasks.next_token.losses import RowLosses
from probbound.tasks.next_token.methods import CHUNK, begin
from probbound.tasks.next_token.question import RowQuestion


def brute_force_loss(question: RowQuestion, meter: CostMeter) -> Outcome:
    """The losses of every row (Theorem 9.10). Deterministic.

    Raises:
        UserError: if there are too many rows, or no largest loss.
    """
    task, largest = question.task, _largest(question, meter)
    size = task.rows.most
    losses = _losses(question, size, meter)
    with meter.phase("all rows", "proof", size * losses.flops):
        every = EveryMember(task, CHUNK)
        values, _ = measured(every, size, losses, blank=0.0, label="running all rows")
    mean = mean_of_all(capped(values, largest), largest)
    return of_losses(LossBound(mean, mean, largest), (loss_level("enumerated", mean, largest),))


def iid_loss(question: RowQuestion, meter: CostMeter) -> Outcome:
    """The losses of some rows (Theorem 9.10). Fixed-n.

    Different ones of a list: a budget that covers it looks at each, and is exact. Independent ones
    of a law or a generator (9.12).

    Raises:
        UserError: as `brute_force_loss`.
    """
    task, number = question.task, question.budget
    if task.size is not None and number >= task.size:
        return brute_force_loss(question, meter)
    largest, losses = _largest(question, meter), _losses(question, number, meter)
    with meter.phase("draws", "sampling", number * losses.flops):
        values, run = measured(question.looks(CHUNK), number, losses, blank=0.0, label="drawing")
    return Losses(values, run, largest, question.delta, "9.10", task.size).outcome()


def _largest(question: RowQuestion, meter: CostMeter) -> float:
    """What losses are cut at, or a number that none exceeds."""
    if question.claim.at is not None:
        return question.claim.at
    with meter.phase("largest loss", "proof", largest_loss_flops(question.model)):
        return largest_loss(question.model)


def _losses(question: RowQuestion, number: int, meter: CostMeter) -> RowLosses:
    """The measure, with what is of the network alone."""
    if number > MOST_LOSSES:
        raise UserError(
            f"a mean loss is of at most {MOST_LOSSES:,} rows, the most that a certificate is "
            f"checked with, got {number:,}"
        )
    if number:
        begin(question, meter)
    return question.losses
