"""The largest mean over chains of tokens, from their ends backwards (Theorem 10.16)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from probbound.check.models.transformer.alone.mean import least_level

_SLACK = 2.0**-42
_TINY = 2.0**-900
_AT_ONCE = 1 << 17


class Piece(NamedTuple):
    """One position of every chain: [token, token before, query, earlier, functional].

    An axis is 1 long where a token is given, or where nothing depends on it; so the last is in the
    weights. `low` and `high` hold weights, at most about 1 the largest; `value` is at least W.
    """

    low: np.ndarray
    high: np.ndarray
    value: np.ndarray

    def part(self, queries: slice, functionals: slice) -> Piece:
        """Of some of the queries and functionals."""
        low, high, value = (_some(each, 2, queries) for each in self)
        return Piece(low, high, _some(value, 4, functionals))


def largest_chain_mean(pieces: Sequence[Piece]) -> np.ndarray:
    """At least the largest mean of values by weights, [query, earlier, functional].

    Args:
        pieces: The last position first; the tokens before of one are the tokens of the next.
    """
    shape = np.broadcast_shapes(*(x.shape[2:] for piece in pieces for x in piece))
    width = max(piece.value.shape[0] * piece.value.shape[1] for piece in pieces) * shape[1]
    wide = max(1, _AT_ONCE // width)
    deep = max(1, wide // shape[2])
    found = np.empty(shape)
    for at in range(0, shape[0], deep):
        for j in range(0, shape[2], wide):
            queries, functionals = slice(at, at + deep), slice(j, j + wide)
            some = [piece.part(queries, functionals) for piece in pieces]
            found[queries, :, functionals] = _largest(some)
    return found


def _some(values: np.ndarray, axis: int, part: slice) -> np.ndarray:
    if values.shape[axis] == 1:
        return values
    return values[(slice(None),) * axis + (part,)]


def _largest(pieces: list[Piece]) -> np.ndarray:
    shape = np.broadcast_shapes(*(x.shape[2:] for piece in pieces for x in piece))
    tops = [np.broadcast_to(piece.value.max(axis=(0, 1)), shape) for piece in pieces]
    bottoms = [np.broadcast_to(piece.value.min(axis=(0, 1)), shape) for piece in pieces]
    top, bottom = np.max(tops, axis=0), np.min(bottoms, axis=0)
    size = np.maximum(np.abs(top), np.abs(bottom))
    whole = sum(np.broadcast_to(piece.high.max(axis=(0, 1)), (*shape[:2], 1)) for piece in pieces)
    slack = _SLACK * whole * size + _TINY

    def f(at: np.ndarray) -> np.ndarray:
        later = slack[None]
        for piece in pieces:
            over = piece.value - at
            below = over * piece.low
            over = over * piece.high
            np.maximum(over, below, out=over)
            over += later[:, None]
            later = over.max(axis=0)
        return later.max(axis=0)

    return least_level(f, bottom, top, size)
