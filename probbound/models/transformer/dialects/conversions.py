"""Matrices of frameworks as they stand here: W of x W, heads on an axis of their own."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def transposed(values: Float[np.ndarray, "out rows"]) -> Float[np.ndarray, "rows out"]:
    """The matrix of a `Linear` layer."""
    return values.T


def into_heads(
    values: Float[np.ndarray, "width out"], heads: int
) -> Float[np.ndarray, "heads width e"]:
    """Columns head by head."""
    return values.reshape(len(values), heads, -1).swapaxes(0, 1)


def out_of_heads(
    values: Float[np.ndarray, "rows width"], heads: int
) -> Float[np.ndarray, "heads e width"]:
    """Rows head by head."""
    return values.reshape(heads, -1, values.shape[1])


def by_heads(values: Float[np.ndarray, " out"], heads: int) -> Float[np.ndarray, "heads e"]:
    """A bias head by head."""
    return values.reshape(heads, -1)


def third(values: Float[np.ndarray, "*batch out"], at: int) -> Float[np.ndarray, "*batch part"]:
    """Queries (0), keys (1) or values (2) of what has all three side by side."""
    return np.split(values, 3, axis=-1)[at]
