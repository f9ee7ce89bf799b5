"""What claims over pairs are proved for: a pair network, and a task that is what it says."""

from __future__ import annotations

import math
from typing import Any

from probbound.machine.errors import UserError, kind_of
from probbound.models.pair_mlp.forward_error import logit_size
from probbound.models.pair_mlp.network import PairMLP, require_finite, weights_of
from probbound.models.plain_floats import require_floats
from probbound.tasks.pairs.population import Pairs


def accepted_network(model: Any) -> PairMLP:
    """The same network, of plain arrays of numbers that sound arithmetic can be done with.

    Raises:
        UserError: if it is another network, a subclass too, or its numbers cannot be used.
    """
    if type(model) is not PairMLP:
        raise UserError(
            f"bounds over pairs are proved for pair networks (PairMLP), got {kind_of(model)}"
        )
    for weight, values in weights_of(model).items():
        require_floats(weight, values)
    require_finite(model)
    if not math.isfinite(logit_size(model)):
        raise UserError(
            f"the weights of {model.name} are too far from 1 for sound arithmetic in float64; "
            "rescale them"
        )
    return model


def require_fitting(model: PairMLP, task: Pairs) -> None:
    """Refuse a task with other operands or answers than a network has.

    Raises:
        UserError: naming both.
    """
    if (model.d_vocab, model.d_vocab_out) != (task.answers, task.answers):
        raise UserError(
            f"the task has {task.answers} values of each operand and as many answers, but "
            f"{model.name} has {model.d_vocab} and {model.d_vocab_out}"
        )
