"""Forward passes in float64, in chunks: the exact check at the end of every cascade.

Each chunk is split evenly over the devices that JAX sees; the model is copied to each.
"""

from __future__ import annotations

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Bool, Float, Int

from probbound.arithmetic.operations import floats, integers, operations_each
from probbound.contract.tasks import Task
from probbound.models.attention_only.forward_error import logit_slack
from probbound.models.attention_only.loss_error import losses_upper
from probbound.models.attention_only.transformer import Transformer, forward_flops, in_float64

CHUNK_BYTES = 64 << 20
MIN_CHUNK = 256


@dataclass(frozen=True)
class ForwardPass:
    """The check at the end of every row: the right logit is for sure above every other by `margin`.

    Computed in float64, whatever the precision of the weights. What is within the rounding error
    fails, as does a tie (Theorem 5.6). Memory is bounded by CHUNK_BYTES; neither that nor the
    number of devices changes what is found.
    """

    model: Transformer
    task: Task
    lead: float
    flops: int
    name: str = "forward pass"

    @classmethod
    def of(cls, model: Transformer, task: Task, margin: float = 0.0) -> ForwardPass:
        """Of a model, whose own logits these are."""
        lead = margin + logit_slack(model, margin)
        return cls(in_float64(model), task, lead, forward_flops(model))

    def uncertified(self, tokens: Int[np.ndarray, "n n_ctx"]) -> Bool[np.ndarray, " n"]:
        """Which sequences fail."""
        chunk = chunk_size(self.model)
        parts = [
            _forward_wrong(self.model, self.task, tokens[start : start + chunk], self.lead)
            for start in range(0, len(tokens), chunk)
        ]
        return np.concatenate([np.zeros(0, dtype=bool), *parts])


def wrong_answers(
    model: Transformer, task: Task, tokens: Int[np.ndarray, "n n_ctx"], margin: float = 0.0
) -> Bool[np.ndarray, " n"]:
    """Which sequences fail, as `ForwardPass` says."""
    return ForwardPass.of(model, task, margin).uncertified(tokens)


def chunk_size(model: Transformer) -> int:
    """Sequences evaluated at once: a power of two that keeps activations near CHUNK_BYTES."""
    width = model.n_ctx * (model.d_model + model.n_heads) + 2 * model.d_vocab_out
    fitting = CHUNK_BYTES // (8 * width)
    return max(MIN_CHUNK, 1 << (fitting.bit_length() - 1 if fitting else 0))


def _forward_wrong(
    model: Transformer, task: Task, tokens: Int[np.ndarray, "n n_ctx"], lead: float
) -> Bool[np.ndarray, " n"]:
    """One call of the compiled check; tokens are padded to a power of two to compile rarely."""
    with jax.enable_x64(True):
        padded = _padded(task, tokens)
        wrong = _compiled_wrong(model, *padded, jnp.asarray(lead, dtype=jnp.float64))
        return np.asarray(wrong)[: len(tokens)]


def _padded(task: Task, tokens: Int[np.ndarray, "n n_ctx"]) -> tuple[Array, Array]:
    """Tokens and labels on all devices; a power of two of them, rounded up to split evenly."""
    devices = jax.local_devices()
    n = len(tokens)
    padded = max(MIN_CHUNK, 1 << (n - 1).bit_length())
    padded = -(-padded // len(devices)) * len(devices)
    by_sequence = NamedSharding(Mesh(np.array(devices), ("sequence",)), PartitionSpec("sequence"))
    return (
        jax.device_put(np.pad(tokens, ((0, padded - n), (0, 0))), by_sequence),
        jax.device_put(np.pad(task.labels(tokens), (0, padded - n)), by_sequence),
    )


@eqx.filter_jit
def _compiled_wrong(
    model: Transformer,
    tokens: Int[Array, "n n_ctx"],
    labels: Int[Array, " n"],
    lead: Float[Array, ""],
) -> Bool[Array, " n"]:
    return wrong_from_logits(model(tokens), labels, lead)


def wrong_from_logits(
    logits: Float[Array, "n d_vocab_out"],
    labels: Int[Array, " n"],
    lead: Float[Array, "..."],
) -> Bool[Array, " n"]:
    """Whether some other logit is not below the label's by over `lead`; a NaN is wrong.

    `lead` is one number, or one for each row, (n, 1).
    """
    own = jnp.take_along_axis(logits, labels[:, None], axis=1) - lead
    other = jnp.arange(logits.shape[1])[None] != labels[:, None]
    return jnp.any(~(logits < own) & other, axis=1)


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
            padded = _padded(self.task, tokens)
            logits = _compiled_logits(self.model, padded[0])
            slack = jnp.asarray(self.slack, dtype=jnp.float64)
            return np.asarray(stored_losses(logits, padded[1], slack))[: len(tokens)]


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
