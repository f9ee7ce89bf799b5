"""The network that bounds are proved for: plain numbers in a `Transformer`, nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from probbound.machine.errors import UserError, kind_of
from probbound.models.attention_only.transformer import WEIGHT_SHAPES, Transformer
from probbound.models.plain_floats import require_floats


def require_transformer(model: Any) -> None:
    """Refuse another network, a subclass of `Transformer` too.

    Raises:
        UserError: naming what came.
    """
    if type(model) is not Transformer:
        raise UserError(
            f"bounds are proved for probbound.Transformer itself, got {kind_of(model)}; give its "
            "weights to a Transformer, if that computes the same"
        )


def accepted_model(model: Any) -> Transformer:
    """The same network, its scale a plain float; its weights stay the arrays that were given.

    Raises:
        UserError: if it is another network, or one of its weights is no plain array of floats.
    """
    require_transformer(model)
    for weight in WEIGHT_SHAPES:
        require_floats(weight, getattr(model, weight))
    scale = model.attn_scale
    if isinstance(scale, bool | np.bool_) or not isinstance(
        scale, int | float | np.integer | np.floating
    ):
        raise UserError(f"attn_scale must be a number, got {scale!r}")
    plain = float(scale)
    if plain != scale:
        raise UserError(f"attn_scale must be a float64, got {scale!r}, which is none")
    return replace(model, attn_scale=plain)
