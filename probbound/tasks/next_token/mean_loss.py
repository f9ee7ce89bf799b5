"""Strategies for the mean loss over rows: all of them looked at, or different ones drawn."""

from __future__ import annotations

from probbound.contract.cost import CostMeter
from probbound.machine.errors import UserError
from probbound.models.transformer.largest_loss import largest_loss, largest_loss_flops
from probbound.strategies.levels import Different, EveryMember
from probbound.strategies.losses import MOST_LOSSES, Losses, capped, loss_level, of_losses
from probbound.strategies.means import mean_of_all, measured
from probbound.strategies.outcome import LossBound, Outcome
from probbound.tasks.next_token.losses import RowLosses
from probbound.tasks.next_token.methods import CHUNK
from probbound.tasks.next_token.question import RowQuestion


def brute_force_loss(question: RowQuestion, meter: CostMeter) -> Outcome:
    """The losses of every row (Theorem 9.10). Deterministic.

    Raises:
        UserError: if there are too many rows, or no largest loss.
    """
    task, largest = question.task, _largest(question, meter)
    losses = _losses(question, task.size, meter)
    with meter.phase("all rows", "proof", task.size * losses.flops):
        every = EveryMember(task, CHUNK)
        values, _ = measured(every, task.size, losses, blank=0.0, label="running all rows")
    mean = mean_of_all(capped(values, largest), largest)
    return of_losses(LossBound(mean, mean, largest), (loss_level("enumerated", mean, largest),))


def iid_loss(question: RowQuestion, meter: CostMeter) -> Outcome:
    """The losses of different rows (Theorem 9.10). Fixed-n, without replacement.

    A budget that covers all rows looks at each of them, and is exact.

    Raises:
        UserError: as `brute_force_loss`.
    """
    task, number = question.task, question.budget
    if number >= task.size:
        return brute_force_loss(question, meter)
    largest, losses = _largest(question, meter), _losses(question, number, meter)
    source = Different(task, question.stream.fold_in("rows"), number, task.size, CHUNK)
    with meter.phase("draws", "sampling", number * losses.flops):
        values, run = measured(source, number, losses, blank=0.0, label="drawing")
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
    if once := question.once_flops:
        with meter.phase("sizes of matrices", "proof", once):
            return question.losses
    return question.losses
