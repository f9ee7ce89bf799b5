"""What claims are proved for: the max-of-K task and the network of plain numbers, nothing else.

Every bound here is one about the logits that `Transformer` defines and about the largest token. An
object that only looks like one of these would be answered as if it were.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from probbound.contract.claims import Claim
from probbound.draws.priors import Prior
from probbound.machine.errors import UserError
from probbound.models.transformer import WEIGHT_SHAPES, Transformer
from probbound.tasks import MaxOfK

_WIDEST = 8  # bytes: every float up to this width is a float64
_Made = TypeVar("_Made", Prior, MaxOfK)


def require_kinds(model: Any, task: Any) -> None:
    """Refuse what is neither `Transformer` nor `MaxOfK` itself.

    Raises:
        UserError: saying what came; a subclass may answer, label or draw otherwise.
    """
    require_transformer(model)
    require_max_of_k(task)


def require_transformer(model: Any) -> None:
    """Refuse another network, a subclass of `Transformer` too.

    Raises:
        UserError: naming what came.
    """
    if type(model) is not Transformer:
        raise UserError(
            f"bounds are proved for probbound.Transformer itself, got {_kind(model)}; give its "
            "weights to a Transformer, if that computes the same"
        )


def require_max_of_k(task: Any) -> None:
    """Refuse another task, a subclass of `MaxOfK` too.

    Raises:
        UserError: naming what came.
    """
    if type(task) is not MaxOfK:
        raise UserError(
            f"bounds are proved for the largest token of all inputs, probbound.MaxOfK itself, got "
            f"{_kind(task)}; no strategy serves another task"
        )


def accepted_task(task: Any) -> MaxOfK:
    """The same task, made anew of its sizes and prior, so that it is what it says.

    Raises:
        UserError: if it is another task, or it or its prior was altered after it was made.
    """
    require_max_of_k(task)
    prior = task.prior
    if prior is not None and type(prior) is not Prior:
        raise UserError(f"the prior must be a probbound.Prior itself, got {_kind(prior)}")
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
        raise UserError(f"the claim must be a probbound.Claim itself, got {_kind(claim)}")
    return Claim(claim.kind, claim.at)


def accepted_model(model: Any) -> Transformer:
    """The same network, its scale a plain float; its weights stay the arrays that were given.

    Raises:
        UserError: if it is another network, or one of its weights is no plain array of floats.
    """
    require_transformer(model)
    for weight in WEIGHT_SHAPES:
        _require_floats(weight, getattr(model, weight))
    scale = model.attn_scale
    if isinstance(scale, bool | np.bool_) or not isinstance(
        scale, int | float | np.integer | np.floating
    ):
        raise UserError(f"attn_scale must be a number, got {scale!r}")
    plain = float(scale)
    if plain != scale:
        raise UserError(f"attn_scale must be a float64, got {scale!r}, which is none")
    return replace(model, attn_scale=plain)


def _require_floats(weight: str, values: Any) -> None:
    traced = isinstance(values, Tracer)
    if traced or not (type(values) is np.ndarray or isinstance(values, jax.Array)):
        raise UserError(
            f"{weight} must be a plain NumPy or JAX array of floats, got {_kind(values)}; "
            "np.asarray makes one"
        )
    if not jnp.issubdtype(values.dtype, np.floating) or values.dtype.itemsize > _WIDEST:
        raise UserError(
            f"{weight} must hold floats of at most 64 bits, got {values.dtype}; a claim is about "
            "exactly the numbers given, so round them yourself"
        )


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


def _kind(value: Any) -> str:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}"
