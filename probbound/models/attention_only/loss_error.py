"""Bounds on losses that hold in real arithmetic, from logits computed in float64 (Theorem 5.10)."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from jaxtyping import Float, Int

from probbound.arithmetic.rounding import inflated
from probbound.models.attention_only.transformer import AnyArray

LEAST = 2.0**-900  # no bound on a loss is below it, so that underflow cannot matter


def losses_upper(
    logits: Float[AnyArray, "n d_vocab_out"],
    labels: Int[AnyArray, " n"],
    slack: float | Float[AnyArray, ""],
    xp: ModuleType,
) -> Float[AnyArray, " n"]:
    """No less than log Σ_j e^{l_j - l_label} of the true logits l; NaN or infinite if unknown.

    `logits` are stored numbers, not to be computed again: each is subtracted from itself.
    `slack` is β of Theorem 5.4, and `xp` the module to compute with, numpy or jax.numpy.
    """
    outputs = logits.shape[1]
    gaps = logits - xp.take_along_axis(logits, labels[:, None], axis=1)
    first = gaps.argmax(axis=1)[:, None]
    top = xp.take_along_axis(gaps, first, axis=1)
    rest = xp.where(xp.arange(outputs)[None] == first, 0.0, xp.exp(gaps - top)).sum(axis=1)
    found = (top[:, 0] + xp.log1p(rest) + LEAST) * inflated(1.0, outputs + 80)
    return found + xp.minimum(slack, xp.expm1(slack) * found)


def capped(found: Float[np.ndarray, "*shape"], largest: float) -> Float[np.ndarray, "*shape"]:
    """Bounds on losses, none above the largest possible; a NaN is the largest."""
    return np.where(found <= largest, found, largest)
