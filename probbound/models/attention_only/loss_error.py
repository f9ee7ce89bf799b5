"""Bounds on losses that hold in real arithmetic, from logits computed in float64 (Theorem 5.10)."""

from __future__ import annotations

from types import ModuleType

from jaxtyping import Float, Int

from probbound.arithmetic.log_sum import log_sum_exp_upper
from probbound.models.attention_only.transformer import AnyArray


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
    gaps = logits - xp.take_along_axis(logits, labels[:, None], axis=1)
    found = log_sum_exp_upper(gaps, xp)
    return found + xp.minimum(slack, xp.expm1(slack) * found)
