"""What claims are proved for: the max-of-K task, nothing else.

Every bound here is one about the logits that `Transformer` defines and about the largest token. An
object that only looks like one of these would be answered as if it were.
"""

from __future__ import annotations

from typing import Any

from probbound.draws.priors import Prior
from probbound.machine.errors import UserError, kind_of
from probbound.models.attention_only.accepted import require_transformer
from probbound.tasks.accepted import unaltered
from probbound.tasks.max_of_k.task import MaxOfK


def require_kinds(model: Any, task: Any) -> None:
    """Refuse what is neither `Transformer` nor `MaxOfK` itself.

    Raises:
        UserError: saying what came; a subclass may answer, label or draw otherwise.
    """
    require_transformer(model)
    require_max_of_k(task)


def require_max_of_k(task: Any) -> None:
    """Refuse another task, a subclass of `MaxOfK` too.

    Raises:
        UserError: naming what came.
    """
    if type(task) is not MaxOfK:
        raise UserError(
            f"bounds are proved for the largest token of all inputs, probbound.MaxOfK itself, got "
            f"{kind_of(task)}; no strategy serves another task"
        )


def accepted_task(task: Any) -> MaxOfK:
    """The same task, made anew of its sizes and prior, so that it is what it says.

    Raises:
        UserError: if it is another task, or it or its prior was altered after it was made.
    """
    require_max_of_k(task)
    prior = task.prior
    if prior is not None and type(prior) is not Prior:
        raise UserError(f"the prior must be a probbound.Prior itself, got {kind_of(prior)}")
    try:
        law = None if prior is None else unaltered(prior, Prior(prior.weights, prior.rounded_bits))
        return unaltered(task, MaxOfK(task.d_vocab, task.n_ctx, law))
    except (AttributeError, TypeError, ValueError) as error:
        raise UserError(f"the task cannot be used: {error}; make it anew") from error
