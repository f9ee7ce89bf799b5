"""Logarithms of sums of exponentials in float64, from above (Theorem 5.10)."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from jaxtyping import Float

from probbound.arithmetic.rounding import inflated

LEAST = 2.0**-900  # no bound on a loss is below it, so that underflow cannot matter


def log_sum_exp_upper(gaps: Float[Any, "n outputs"], xp: ModuleType) -> Float[Any, " n"]:
    """No less than log Σ_j e^{gap_j} of every row; NaN or infinite if unknown.

    `gaps` are stored numbers, of which one in every row is 0, and `xp` the module to compute with,
    numpy or jax.numpy.
    """
    outputs = gaps.shape[1]
    first = gaps.argmax(axis=1)[:, None]
    top = xp.take_along_axis(gaps, first, axis=1)
    rest = xp.where(xp.arange(outputs)[None] == first, 0.0, xp.exp(gaps - top)).sum(axis=1)
    return (top[:, 0] + xp.log1p(rest) + LEAST) * inflated(1.0, outputs + 80)
