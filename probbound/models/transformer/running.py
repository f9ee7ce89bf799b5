"""Rows of tokens through transformers: layer by layer, a chunk of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from probbound.machine.progress import track
from probbound.models.transformer import forward
from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.assembling import Assembly, MatrixSizes
from probbound.models.transformer.balls import Balls, balls_of
from probbound.models.transformer.lengths import BEFORE, firsts, from_the_first, of_one_length
from probbound.models.transformer.network import GeneralTransformer, require_rows, whole_rows
from probbound.models.transformer.operations import Operations
from probbound.models.transformer.plain import Plain
from probbound.models.transformer.radii import Ball, Radii
from probbound.models.transformer.sharing import Joint
from probbound.models.transformer.stages import stages_of

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
    return np.asarray(of_each(_alone(model, Plain(), dtype=dtype), tokens)[0])


def everywhere(
    model: GeneralTransformer, tokens: Int[np.ndarray, "n t"], dtype: type = np.float64
) -> Float[np.ndarray, "n t out"]:
    """What comes out of every position of every row.

    Raises:
        UserError: if the network does not read such rows.
    """
    return np.asarray(of_each(_alone(model, Plain(), dtype=dtype, last=False), tokens)[0])


def outcomes_with_radii(
    model: GeneralTransformer,
    tokens: Int[np.ndarray, "n t"],
    sizes: Mapping[str, MatrixSizes],
) -> tuple[Float[np.ndarray, "n out"], Float[np.ndarray, "n out"]]:
    """What comes out of the last position, and how far off each number may be (Theorem 9.2).

    Raises:
        UserError: if the network does not read such rows.
    """
    found: Ball = of_each(_alone(model, Radii(), sizes=[sizes]), tokens)[0]
    return np.asarray(found.value), np.asarray(found.radius)


def of_each(joint: Joint[V], tokens: Any) -> tuple[V, ...]:
    """What comes out of every network after each row, in arrays of NumPy (Theorem 9.13).

    Where the last position alone comes out, rows of different lengths may have -1 before their
    first token: if nothing reads what is behind it (causal), they are filled up there and run
    together, else rows of one length together.

    Raises:
        UserError: if a network does not read such rows.
        ValueError: if they do not begin with the tokens that have been run before.
    """
    tokens = whole_rows(tokens)
    if not joint.last or not (tokens[:, :1] == BEFORE).any():
        return _of_rows(joint, tokens, np.full(len(tokens), tokens.shape[1] - 1))
    ends = tokens.shape[1] - 1 - firsts(tokens)
    if joint.causal and ends.min() >= 0:
        return _of_rows(joint, from_the_first(tokens), ends)
    places, rows = zip(*of_one_length(tokens), strict=True)
    found = [_of_rows(joint, each, np.full(len(each), each.shape[1] - 1)) for each in rows]
    order = np.argsort(np.concatenate(places))
    return jax.tree.map(lambda *each: np.concatenate(each)[order], *found)


def _of_rows(
    joint: Joint[V], tokens: Int[np.ndarray, "n t"], ends: Int[np.ndarray, " n"]
) -> tuple[V, ...]:
    """Rows from the first place on, and where each ends."""
    rows, *_ = (require_rows(model, tokens) for model in joint.models)
    joint.require_begun(rows)
    parts = [jax.tree.map(np.asarray, part) for part in _chunked(joint, rows, ends)]
    return jax.tree.map(lambda *each: np.concatenate(each), *parts)


def _alone(model: GeneralTransformer, ops: Operations[V], **settings: Any) -> Joint[V]:
    return Joint.of([model], ops, len(stages_of(model.architecture)), **settings)


def outcomes_in_balls(
    model: GeneralTransformer, tokens: Int[np.ndarray, "n t"], bits: int
) -> tuple[Float[np.ndarray, "n out"], Float[np.ndarray, "n out"]]:
    """As `outcomes_with_radii`, from balls of so many bits (Theorem 9.14).

    Raises:
        UserError: if the network does not read such rows, or python-flint is not installed.
    """
    tokens = whole_rows(tokens)
    both = np.empty((2, len(tokens), model.d_vocab_out))
    at_once = max(1, rows_at_once(model.architecture, tokens.shape[1]) // BALL_SIZE)
    some = [
        (places[start : start + at_once], require_rows(model, rows[start : start + at_once]))
        for places, rows in of_one_length(tokens)
        for start in range(0, len(rows), at_once)
    ]
    with balls_of(bits) as ops:
        for places, rows in track(some, f"balls of {bits} bits"):
            both[:, places] = np.stack(ops.with_radii(in_balls(ops, model, rows)))
    return both[0], both[1]


def in_balls(ops: Balls, model: GeneralTransformer, rows: Int[np.ndarray, "n t"]) -> np.ndarray:
    """Balls (n, d_out) that hold what comes out of the last position of every row."""
    a, made = model.architecture, Assembly(model.architecture, model.arrays)
    with jax.enable_x64(True):
        by = made.embedding()
        x = forward.embedded(ops, a, by, jnp.asarray(rows))
        for layer, window in enumerate(a.windows):
            x = forward.through(ops, a, window, made.block(layer), by.W_pos, x, rows.shape[1])
        last = ops.at(x, np.full(len(rows), rows.shape[1] - 1))
        return forward.answered(ops, a, made.head(), last)


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


def _chunked(
    joint: Joint[V], rows: Int[np.ndarray, "n t"], ends: Int[np.ndarray, " n"]
) -> Iterator[tuple[V, ...]]:
    """Chunks of a power of two of rows, filled up, so that few shapes are compiled."""
    length, start = rows.shape[1], len(joint.prefix)
    settings = {"start": start, "kept": joint.kept, "outcomes_each": not joint.last}
    at_once = min(rows_at_once(each.architecture, length, **settings) for each in joint.models)
    for first in range(0, max(len(rows), 1), at_once):
        part = rows[first : first + at_once]
        size = 1 << (max(len(part), 1) - 1).bit_length()
        filled, last = np.zeros((size, length), np.int64), np.full(size, length - 1)
        filled[: len(part)], last[: len(part)] = part, ends[first : first + at_once]
        yield jax.tree.map(lambda found, part=part: found[: len(part)], joint(filled, last))


def rows_at_once(
    a: Architecture, length: int, *, start: int = 0, kept: int = 0, outcomes_each: bool = False
) -> int:
    """A power of two of rows whose activations fit into CHUNK_BYTES, one at least.

    Beside `kept` numbers of keys and values of the first `start` positions, which are joined to
    those of every row; they may take half of it.
    """
    widest = max(4 * a.d_model, 3 * a.d_mlp, 4 * a.n_heads * (a.d_head + length))
    numbers = (length - start) * widest + 4 * a.n_heads * a.d_head * start
    numbers += a.d_out * (length if outcomes_each else 2)
    room = max(CHUNK_BYTES - 8 * kept, CHUNK_BYTES // 2)
    return max(1, 1 << (max(1, room // (8 * numbers)).bit_length() - 1))
