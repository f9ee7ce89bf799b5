"""Forward passes in float64, in chunks: the exact check at the end of every cascade."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from probbound.forward_error import logit_slack
from probbound.models.transformer import Transformer, in_float64
from probbound.progress import track
from probbound.tasks import Task

CHUNK_BYTES = 64 << 20
MIN_CHUNK = 256

Sampler = Callable[[int, int], Int[np.ndarray, "n n_ctx"]]


def wrong_answers(
    model: Transformer, task: Task, tokens: Int[np.ndarray, "n n_ctx"]
) -> Bool[np.ndarray, " n"]:
    """Which sequences the model does not get right for sure.

    Computed in float64, whatever the precision of the weights. A margin over some other logit
    within the rounding error is wrong, as is a tie (Theorem 5.6).
    """
    if len(tokens) == 0:
        return np.zeros(0, dtype=bool)
    return _forward_wrong(in_float64(model), logit_slack(model), task, tokens)


def count_wrong(
    model: Transformer, task: Task, sampler: Sampler, samples: int, description: str
) -> int:
    """How many of the draws 0 … samples - 1 of `sampler(start, stop)` are answered wrongly.

    Memory is bounded by CHUNK_BYTES, whatever the number of samples; the chunk size does not
    change the result.
    """
    slack, model = logit_slack(model), in_float64(model)
    chunk = chunk_size(model)
    return sum(
        int(_forward_wrong(model, slack, task, sampler(i, min(i + chunk, samples))).sum())
        for i in track(range(0, samples, chunk), description)
    )


def chunk_size(model: Transformer) -> int:
    """Sequences evaluated at once: a power of two that keeps activations near CHUNK_BYTES."""
    width = model.n_ctx * (model.d_model + model.n_heads) + 2 * model.d_vocab_out
    fitting = CHUNK_BYTES // (8 * width)
    return max(MIN_CHUNK, 1 << (fitting.bit_length() - 1 if fitting else 0))


def _forward_wrong(
    model: Transformer, slack: float, task: Task, tokens: Int[np.ndarray, "n n_ctx"]
) -> Bool[np.ndarray, " n"]:
    """One call of the compiled check; tokens are padded to a power of two to compile rarely."""
    n = len(tokens)
    padded = max(MIN_CHUNK, 1 << (n - 1).bit_length())
    labels = task.labels(tokens)
    with jax.enable_x64(True):
        wrong = _compiled_wrong(
            model,
            jnp.asarray(np.pad(tokens, ((0, padded - n), (0, 0)))),
            jnp.asarray(np.pad(labels, (0, padded - n))),
            jnp.asarray(slack),
        )
        return np.asarray(wrong)[:n]


@eqx.filter_jit
def _compiled_wrong(
    model: Transformer,
    tokens: Int[Array, "n n_ctx"],
    labels: Int[Array, " n"],
    slack: Float[Array, ""],
) -> Bool[Array, " n"]:
    return wrong_from_logits(model(tokens), labels, slack)


def wrong_from_logits(
    logits: Float[Array, "n d_vocab_out"], labels: Int[Array, " n"], slack: Float[Array, "*n"]
) -> Bool[Array, " n"]:
    """Whether some other logit is not below the label's by more than the slack; a NaN is wrong."""
    own = jnp.take_along_axis(logits, labels[:, None], axis=1) - slack[..., None]
    other = jnp.arange(logits.shape[1]) != labels[:, None]
    return jnp.any(~(logits < own) & other, axis=1)
