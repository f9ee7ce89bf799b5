"""Weights that bounds are proved for: plain arrays of numbers, each of which is a float64."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from probbound.machine.errors import UserError, kind_of

_WIDEST = 8  # bytes: every float up to this width is a float64


def require_floats(weight: str, values: Any) -> None:
    """Refuse what is no plain array of floats.

    Raises:
        UserError: naming the weight and what came.
    """
    traced = isinstance(values, Tracer)
    if traced or not (type(values) is np.ndarray or isinstance(values, jax.Array)):
        raise UserError(
            f"{weight} must be a plain NumPy or JAX array of floats, got {kind_of(values)}; "
            "np.asarray makes one"
        )
    if not jnp.issubdtype(values.dtype, np.floating) or values.dtype.itemsize > _WIDEST:
        raise UserError(
            f"{weight} must hold floats of at most 64 bits, got {values.dtype}; a claim is about "
            "exactly the numbers given, so round them yourself"
        )
