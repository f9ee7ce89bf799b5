"""Rows of tokens through a transformer: layer by layer, a chunk of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from probbound.machine.progress import track
from probbound.models.transformer import forward
from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.assembling import Assembly, MatrixSizes
from probbound.models.transformer.balls import Balls, balls_of
from probbound.models.transformer.network import GeneralTransformer, require_rows
from probbound.models.transformer.operations import Operations
from probbound.models.transformer.parts import Block, Embedding, Head
from probbound.models.transformer.plain import Plain
from probbound.models.transformer.radii import Ball, Radii

CHUNK_BYTES = 128 << 20
BALL_SIZE = 16  # floats of which one takes the memory
V = TypeVar("V")


def outcomes(
    model: GeneralTransformer, tokens: Int[np.ndarray, "n t"], dtype: type = np.float64
) -> Float[np.ndarray, "n out"]:
    """What comes out of the last position of every row, every operation in a float type.

    Raises:
        UserError: if the network does not read such rows.
    """
    run = _Run(Plain(), Assembly(model.architecture, model.arrays, dtype), last=True)
    return _chunked(model, tokens, lambda rows: np.asarray(run(rows)))


def everywhere(
    model: GeneralTransformer, tokens: Int[np.ndarray, "n t"], dtype: type = np.float64
) -> Float[np.ndarray, "n t out"]:
    """What comes out of every position of every row.

    Raises:
        UserError: if the network does not read such rows.
    """
    run = _Run(Plain(), Assembly(model.architecture, model.arrays, dtype), last=False)
    return _chunked(model, tokens, lambda rows: np.asarray(run(rows)), outcomes_each=True)


def outcomes_with_radii(
    model: GeneralTransformer,
    tokens: Int[np.ndarray, "n t"],
    sizes: Mapping[str, MatrixSizes],
) -> tuple[Float[np.ndarray, "n out"], Float[np.ndarray, "n out"]]:
    """What comes out of the last position, and how far off each number may be (Theorem 9.2).

    Raises:
        UserError: if the network does not read such rows.
    """
    run = _Run(Radii(), Assembly(model.architecture, model.arrays, np.float64, sizes), last=True)

    def both(rows: Int[np.ndarray, "n t"]) -> Float[np.ndarray, "n out two"]:
        found: Ball = run(rows)
        return np.stack([np.asarray(found.value), np.asarray(found.radius)], axis=-1)

    found = _chunked(model, tokens, both)
    return found[..., 0], found[..., 1]


def outcomes_in_balls(
    model: GeneralTransformer, tokens: Int[np.ndarray, "n t"], bits: int
) -> tuple[Float[np.ndarray, "n out"], Float[np.ndarray, "n out"]]:
    """As `outcomes_with_radii`, from balls of so many bits (Theorem 9.14).

    Raises:
        UserError: if the network does not read such rows, or python-flint is not installed.
    """
    rows, found = require_rows(model, tokens), []
    at_once = max(1, rows_at_once(model.architecture, rows.shape[1]) // BALL_SIZE)
    with balls_of(bits) as ops:
        for start in track(range(0, len(rows), at_once), f"balls of {bits} bits"):
            balls = in_balls(ops, model, rows[start : start + at_once])
            found.append(np.stack(ops.with_radii(balls)))
    both = np.concatenate([np.empty((2, 0, model.d_vocab_out)), *found], axis=1)
    return both[0], both[1]


def in_balls(ops: Balls, model: GeneralTransformer, rows: Int[np.ndarray, "n t"]) -> np.ndarray:
    """Balls (n, d_out) that hold what comes out of the last position of every row."""
    a, made = model.architecture, Assembly(model.architecture, model.arrays)
    with jax.enable_x64(True):
        by = made.embedding()
        x = forward.embedded(ops, a, by, jnp.asarray(rows))
        for layer, window in enumerate(a.windows):
            x = forward.through(ops, a, window, made.block(layer), by.W_pos, x, rows.shape[1])
        return forward.answered(ops, a, made.head(), ops.last(x))


def activations(
    model: GeneralTransformer, tokens: Int[np.ndarray, "n t"], names: Callable[[str], bool]
) -> dict[str, np.ndarray]:
    """Activations by name, those for which `names` holds, in float64 (docs/networks.md).

    Raises:
        UserError: if the network does not read such rows.
    """
    found: dict[str, np.ndarray] = {}

    def tap_in(place: str) -> forward.Tap:
        def tap(name: str, value: Any) -> Any:
            if names(f"{place}{name}"):
                found[f"{place}{name}"] = np.asarray(value)
            return value

        return tap

    a, made, ops = model.architecture, Assembly(model.architecture, model.arrays), Plain()
    rows = require_rows(model, tokens)
    with jax.enable_x64(True):
        by = made.embedding()
        x = forward.embedded(ops, a, by, jnp.asarray(rows), tap_in(""))
        for layer, window in enumerate(a.windows):
            tap = tap_in(f"blocks.{layer}.")
            block = made.block(layer)
            x = forward.through(ops, a, window, block, by.W_pos, x, rows.shape[1], tap)
        forward.answered(ops, a, made.head(), x, tap_in(""))
    return found


class _Run:
    """One network in one arithmetic; compiled once for layers of one shape."""

    def __init__(self, ops: Operations[Any], made: Assembly, *, last: bool) -> None:
        self._ops, self._made, self._last = ops, made, last

    def __call__(self, tokens: Int[np.ndarray, "n t"]) -> Any:
        a, made = self._made.architecture, self._made
        with jax.enable_x64(True):
            by = made.embedding()
            x = jax.block_until_ready(_embedded(self._ops, a, by, jnp.asarray(tokens)))
            W_pos = by.W_pos
            del by
            for layer, window in enumerate(a.windows):
                x = _through(self._ops, a, window, made.block(layer), W_pos, x, tokens.shape[1])
                jax.block_until_ready(x)  # or weights of all layers stand in memory, widened
            x = self._ops.last(x) if self._last else x
            return jax.block_until_ready(_answered(self._ops, a, made.head(), x))


def _chunked(
    model: GeneralTransformer,
    tokens: Int[np.ndarray, "n t"],
    run: Callable[[Int[np.ndarray, "n t"]], np.ndarray],
    *,
    outcomes_each: bool = False,
) -> np.ndarray:
    """Chunks of a power of two of rows, filled up, so that few shapes are compiled."""
    rows = require_rows(model, tokens)
    at_once = rows_at_once(model.architecture, rows.shape[1], outcomes_each=outcomes_each)
    parts = []
    for start in range(0, len(rows), at_once):
        part = rows[start : start + at_once]
        size = 1 << (len(part) - 1).bit_length()
        filled = np.pad(part, ((0, size - len(part)), (0, 0)), mode="edge")
        parts.append(run(filled)[: len(part)])
    return np.concatenate(parts) if parts else run(np.zeros((1, rows.shape[1]), np.int64))[:0]


def rows_at_once(a: Architecture, length: int, *, outcomes_each: bool = False) -> int:
    """A power of two of rows whose activations fit into CHUNK_BYTES, one at least."""
    widest = max(4 * a.d_model, 3 * a.d_mlp, 4 * a.n_heads * (a.d_head + length))
    numbers = length * widest + a.d_out * (length if outcomes_each else 2)
    return max(1, 1 << (max(1, CHUNK_BYTES // (8 * numbers)).bit_length() - 1))


@eqx.filter_jit
def _embedded(ops: Operations[V], a: Architecture, by: Embedding, tokens: Int[Array, "n t"]) -> V:
    return forward.embedded(ops, a, by, tokens)


@eqx.filter_jit
def _through(
    ops: Operations[V],
    a: Architecture,
    window: int | None,
    by: Block,
    W_pos: Float[Array, "positions width"] | None,
    x: V,
    length: int,
) -> V:
    return forward.through(ops, a, window, by, W_pos, x, length)


@eqx.filter_jit
def _answered(ops: Operations[V], a: Architecture, by: Head, x: V) -> V:
    return forward.answered(ops, a, by, x)
