"""Answers of any network in float64, in chunks, each split evenly over the devices that JAX sees.

The model is copied to each device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Bool, Float, Int

from probbound.contract.tasks import Task

CHUNK_BYTES = 64 << 20
MIN_CHUNK = 256


@dataclass(frozen=True)
class Answering:
    """The right logit is for sure above every other by `lead`, as `model` computes them in float64.

    `model` is called with rows of integers and returns their logits. What is within `lead` fails,
    as does a tie; `lead` holds what rounding can do. `chunk` rows are computed at once; neither
    that nor the number of devices changes what is found.
    """

    model: Any
    task: Task
    lead: float
    flops: int
    chunk: int
    name: str = "forward pass"

    def uncertified(self, tokens: Int[np.ndarray, "n k"]) -> Bool[np.ndarray, " n"]:
        """Which rows fail."""
        parts = [
            answered_wrong(self.model, self.task, tokens[start : start + self.chunk], self.lead)
            for start in range(0, len(tokens), self.chunk)
        ]
        return np.concatenate([np.zeros(0, dtype=bool), *parts])


def fitting_chunk(width: int) -> int:
    """Rows of so many numbers each that are computed at once: a power of two near CHUNK_BYTES."""
    fitting = CHUNK_BYTES // (8 * width)
    return max(MIN_CHUNK, 1 << (fitting.bit_length() - 1 if fitting else 0))


def answered_wrong(
    model: Any, task: Task, tokens: Int[np.ndarray, "n k"], lead: float
) -> Bool[np.ndarray, " n"]:
    """One call of the compiled check; tokens are padded to a power of two to compile rarely."""
    with jax.enable_x64(True):
        rows = padded(task, tokens)
        wrong = _compiled_wrong(model, *rows, jnp.asarray(lead, dtype=jnp.float64))
        return np.asarray(wrong)[: len(tokens)]


def padded(task: Task, tokens: Int[np.ndarray, "n k"]) -> tuple[Array, Array]:
    """Tokens and labels on all devices; a power of two of them, rounded up to split evenly."""
    devices = jax.local_devices()
    n = len(tokens)
    size = max(MIN_CHUNK, 1 << (n - 1).bit_length())
    size = -(-size // len(devices)) * len(devices)
    by_row = NamedSharding(Mesh(np.array(devices), ("row",)), PartitionSpec("row"))
    return (
        jax.device_put(np.pad(tokens, ((0, size - n), (0, 0))), by_row),
        jax.device_put(np.pad(task.labels(tokens), (0, size - n)), by_row),
    )


@eqx.filter_jit
def _compiled_wrong(
    model: Any, tokens: Int[Array, "n k"], labels: Int[Array, " n"], lead: Float[Array, ""]
) -> Bool[Array, " n"]:
    return wrong_from_logits(model(tokens), labels, lead)


def wrong_from_logits(
    logits: Float[Array, "n answers"],
    labels: Int[Array, " n"],
    lead: Float[Array, "..."],
) -> Bool[Array, " n"]:
    """Whether some other logit is not below the label's by over `lead`; a NaN is wrong.

    `lead` is one number, or one for each row, (n, 1).
    """
    own = jnp.take_along_axis(logits, labels[:, None], axis=1) - lead
    other = jnp.arange(logits.shape[1])[None] != labels[:, None]
    return jnp.any(~(logits < own) & other, axis=1)
