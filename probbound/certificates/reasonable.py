"""Work beyond reason is refused before it begins, with what to do instead."""

from __future__ import annotations

from collections.abc import Iterator

from probbound.machine.errors import UserError
from probbound.strategies.levels import MOST_DRAWS
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.strategies import AUTO, strategy_named
from probbound.tasks.max_of_k.task import MaxOfK

MOST_LOSSES = 1 << 24  # the most whose losses it bounds again
MOST_GRID_POINTS = 1 << 22
FEW_INPUTS = 1 << 20  # so many forward passes take seconds, whether needed or not


def require_reasonable(question: Question, strategy: str) -> None:
    """Refuse numbers that no certificate can carry, and draws where running all inputs is less.

    Raises:
        UserError: naming the limit, or the strategy to take.
    """
    losses = question.claim.kind == "loss"
    for name, number, most in (
        ("budget", question.budget, MOST_LOSSES if losses else MOST_DRAWS),
        ("draws", question.draws, MOST_DRAWS),
        ("stopped_at", question.stopped_at, MOST_DRAWS),
        ("grid points", question.grid_points, MOST_GRID_POINTS),
    ):
        if number is not None and number > most:
            raise UserError(
                f"{name} must be at most {most:,}, the most that a certificate is checked with, "
                f"got {_shown(number)}"
            )
    for sentence in beyond_population(question.task, question.budget, strategy):
        if question.budget > FEW_INPUTS:
            raise UserError(sentence)


def beyond_population(task: MaxOfK, budget: int, strategy: str) -> Iterator[str]:
    """A sentence if all inputs are drawn from, with replacement, more often than there are any."""
    repeats = strategy != AUTO and strategy_named(strategy).repeats_inputs
    if repeats and budget > task.size:
        yield (
            f"a budget of {budget:,} draws is more than the {task.size:,} inputs that there are; "
            "brute-force runs each of them once and is exact"
        )


def _shown(number: int) -> str:
    return f"{number:,}" if number < 10**15 else f"about 2^{number.bit_length() - 1}"
