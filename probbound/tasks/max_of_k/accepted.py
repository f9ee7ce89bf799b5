"""What claims are proved for: the max-of-K task, nothing else.

Every bound here is one about the logits that `Transformer` defines and about the largest token. An
object that only looks like one of these would be answered as if it were.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

from probbound.contract.claims import Claim
from probbound.draws.priors import Prior
from probbound.machine.errors import UserError
from probbound.models.attention_only.accepted import kind_of, require_transformer
from probbound.tasks.max_of_k.task import MaxOfK

_Made = TypeVar("_Made", Prior, MaxOfK)


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
        law = None if prior is None else _unaltered(prior, Prior(prior.weights, prior.rounded_bits))
        return _unaltered(task, MaxOfK(task.d_vocab, task.n_ctx, law))
    except (AttributeError, TypeError, ValueError) as error:
        raise UserError(f"the task cannot be used: {error}; make it anew") from error


def accepted_claim(claim: Any) -> Claim:
    """The same claim, made anew.

    Raises:
        UserError: if it is none, or of a subclass.
    """
    if type(claim) is not Claim:
        raise UserError(f"the claim must be a probbound.Claim itself, got {kind_of(claim)}")
    return Claim(claim.kind, claim.at)


def _unaltered(given: _Made, anew: _Made) -> _Made:
    """`anew`, if all that `given` holds, what it worked out earlier included, is the same.

    Raises:
        UserError: naming what is not.
    """
    for name, value in vars(given).items():
        known = name in {field.name for field in fields(anew)} or name in vars(type(anew))
        if not known or not np.array_equal(value, getattr(anew, name)):
            raise UserError(
                f"{name} of the {type(anew).__name__} was altered after it was made; make it anew"
            )
    return anew
