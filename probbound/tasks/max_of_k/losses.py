"""What margins and weights say about the cross-entropy of an input (Theorems 1.9 and 1.12)."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Int

from probbound.arithmetic.log_sum import LEAST
from probbound.draws.priors import Prior
from probbound.machine.errors import UserError
from probbound.models.attention_only.additive import worst_excess, worst_excess_flops
from probbound.models.attention_only.forward_error import ForwardError, forward_error_flops
from probbound.models.attention_only.transformer import AnyArray, Transformer, in_float64

CHUNK_ENTRIES = 1 << 22
_SLACK = 2.0**-30
_EXCESS_SIZES = 8  # sizes L of Theorem 5.4 that the numbers of an excess have, and one to spare


def loss_at(margin: float, outputs: int) -> float:
    """No input whose margin is at least this has a larger loss, in nats (Theorems 1.9, 5.12)."""
    if outputs == 1:
        return LEAST
    gap = math.log(outputs - 1) - margin
    return (max(gap, 0.0) + math.log1p(math.exp(-abs(gap)))) * (1 + _SLACK) + LEAST


def margin_for(loss: float, outputs: int) -> float:
    """A margin at which `loss_at` is about this loss."""
    return math.log(max(outputs - 1, 1)) - loss - math.log(-math.expm1(-loss))


def largest_loss(model: Transformer, law: Prior) -> float:
    """A loss that no input of tokens with positive weight exceeds, from the weights.

    Theorems 1.12 and 5.11. Rows of the OV circuit and of the direct path are formed CHUNK_ENTRIES
    entries at a time.

    Raises:
        UserError: if it is not finite.
    """
    m = in_float64(model)
    tokens = np.flatnonzero(law.array)
    out = m.W_O @ m.W_U
    bias = ((m.b_V[:, None] @ m.W_O).sum(axis=(0, 1)) + m.b_O + m.W_pos[-1]) @ m.W_U + m.b_U
    place = m.W_pos @ m.W_V @ out
    place_mean = place.mean(axis=1)
    direct_mean = m.W_E[tokens].mean(axis=0) @ m.W_U + bias
    excess = _worst_by_label(m.W_E, m.W_U, bias - direct_mean, tokens)
    for head in range(m.n_heads):
        shared = place_mean[head] + direct_mean / m.n_heads
        excess += _worst_by_label(m.W_E @ m.W_V[head], out[head], shared, tokens)
        excess += worst_excess(np.asarray(place[head] - place_mean[head]), tokens).max(axis=0)
    raised = float(excess.max()) + _EXCESS_SIZES * ForwardError.of(m).logit
    largest = loss_at(-raised, m.d_vocab_out)
    if not np.isfinite(largest):
        raise UserError(f"the losses of {model.name} have no finite bound in float64")
    return largest


def _worst_by_label(
    left: Float[AnyArray, "d_vocab r"],
    right: Float[AnyArray, "r d_vocab_out"],
    shared: Float[AnyArray, " d_vocab_out"],
    tokens: Int[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    """max over tokens t <= m of the worst excess of row t of left @ right + shared, per label m."""
    worst = np.full(len(tokens), -np.inf)
    rows = max(1, CHUNK_ENTRIES // right.shape[1])
    for at in range(0, len(tokens), rows):
        some = tokens[at : at + rows]
        excess = worst_excess(np.asarray(left[some] @ right + shared), tokens)
        excess[some[:, None] > tokens] = -np.inf
        worst = np.maximum(worst, excess.max(axis=0))
    return worst


def largest_loss_flops(model: Transformer) -> int:
    """Operations of `largest_loss`, were every token possible."""
    v, k, d, e = model.d_vocab, model.n_ctx, model.d_model, model.d_head
    h, out = model.n_heads, model.d_vocab_out
    values = h * (2 * (v + k) * (d * e + e * out) + 2 * e * d * out)
    rows = h * v + v
    compared = worst_excess_flops(rows + h * k, out, v) + rows * (out + v) + h * k * (2 * out + v)
    direct = 2 * v * d * out + 3 * d * out + v * d + 2 * h * e * d + 4 * out
    return values + compared + direct + forward_error_flops(model)
