"""Forward passes in float64: the exact check at the end of every cascade, and losses."""

from __future__ import annotations

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from probbound.arithmetic.operations import floats, integers, operations_each
from probbound.contract.tasks import Task
from probbound.models.answering import Answering, fitting_chunk, padded
from probbound.models.attention_only.forward_error import logit_slack
from probbound.models.attention_only.loss_error import losses_upper
from probbound.models.attention_only.transformer import Transformer, forward_flops, in_float64


class ForwardPass(Answering):
    """The check at the end of every row: the right logit is for sure above every other by `margin`.

    Computed in float64, whatever the precision of the weights. What is within the rounding error
    fails, as does a tie (Theorem 5.6).
    """

    @classmethod
    def of(cls, model: Transformer, task: Task, margin: float = 0.0) -> ForwardPass:
        """Of a model, whose own logits these are."""
        lead = margin + logit_slack(model, margin)
        return cls(in_float64(model), task, lead, forward_flops(model), chunk_size(model))


def wrong_answers(
    model: Transformer, task: Task, tokens: Int[np.ndarray, "n n_ctx"], margin: float = 0.0
) -> Bool[np.ndarray, " n"]:
    """Which sequences fail, as `ForwardPass` says."""
    return ForwardPass.of(model, task, margin).uncertified(tokens)


def chunk_size(model: Transformer) -> int:
    """Sequences evaluated at once: a power of two that keeps activations near CHUNK_BYTES."""
    return fitting_chunk(model.n_ctx * (model.d_model + model.n_heads) + 2 * model.d_vocab_out)


@dataclass(frozen=True)
class ForwardLoss:
    """Bounds on the cross-entropy of single sequences, in nats.

    Rounding is counted against the claim, as in `losses_upper` (Theorem 5.10).
    """

    model: Transformer
    task: Task
    slack: float
    flops: int
    name: str = "forward pass"

    @classmethod
    def of(cls, model: Transformer, task: Task) -> ForwardLoss:
        """Of a model, whose own losses these are."""
        each = forward_flops(model) + loss_flops(model.d_vocab_out)
        return cls(in_float64(model), task, logit_slack(model), each)

    def upper(self, tokens: Int[np.ndarray, "n n_ctx"]) -> Float[np.ndarray, " n"]:
        """At least the loss of each sequence."""
        chunk = chunk_size(self.model)
        parts = [
            self._upper(tokens[start : start + chunk]) for start in range(0, len(tokens), chunk)
        ]
        return np.concatenate([np.zeros(0), *parts])

    def _upper(self, tokens: Int[np.ndarray, "n n_ctx"]) -> Float[np.ndarray, " n"]:
        with jax.enable_x64(True):
            rows = padded(self.task, tokens)
            logits = _compiled_logits(self.model, rows[0])
            slack = jnp.asarray(self.slack, dtype=jnp.float64)
            return np.asarray(stored_losses(logits, rows[1], slack))[: len(tokens)]


@eqx.filter_jit
def _compiled_logits(
    model: Transformer, tokens: Int[Array, "n n_ctx"]
) -> Float[Array, "n d_vocab_out"]:
    return model(tokens)


@jax.jit
def stored_losses(
    logits: Float[Array, "n d_vocab_out"],
    labels: Int[Array, " n"],
    slack: Float[Array, ""],
) -> Float[Array, " n"]:
    """`losses_upper`, compiled apart from what makes the logits.

    Compiled together, one logit can be computed twice and differ from itself by a fused operation.
    """
    return jnp.asarray(losses_upper(logits, labels, slack, jnp))


def loss_flops(outputs: int) -> int:
    """Operations of `stored_losses` for one row of so many logits."""
    return operations_each(stored_losses, lambda n: (floats(n, outputs), integers(n), floats()))
