"""What claims over pairs are proved for: a network of pairs, and a task that is what it says."""

from __future__ import annotations

from typing import Any

from probbound.machine.errors import UserError
from probbound.tasks.pairs.kinds import kind_of_pairs
from probbound.tasks.pairs.population import Pairs


def accepted_network(model: Any) -> Any:
    """The same network, of plain arrays of numbers that sound arithmetic can be done with.

    Raises:
        UserError: if it is another network, a subclass too, or its numbers cannot be used.
    """
    kind_of_pairs(model).accepted(model)
    return model


def require_fitting(model: Any, task: Pairs) -> None:
    """Refuse a task with other operands or answers than a network has.

    Raises:
        UserError: naming both.
    """
    if (model.d_vocab, model.d_vocab_out) != (task.answers, task.answers):
        raise UserError(
            f"the task has {task.answers} values of each operand and as many answers, but "
            f"{model.name} has {model.d_vocab} and {model.d_vocab_out}"
        )
