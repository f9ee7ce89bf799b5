"""Every entry evaluated once, tile by tile, in memory that does not grow with their number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from probbound.arithmetic.factored import FactoredMatrix, Index
from probbound.machine.parallel import parallel_map

T = TypeVar("T")
Block = TypeVar("Block")
BlockOut = TypeVar("BlockOut", covariant=True)
Vector = Float[np.ndarray, " m"]
_TILE_COLUMNS = 2048
_TILE_ROWS = 256
_COPIES = 4
_DIGITS = ((47, 16), (31, 16), (15, 16), (0, 15))  # of a non-negative float64's 63 bits


@runtime_checkable
class Tiled(Protocol[BlockOut]):
    """A matrix whose entries are computed a block of rows × a block of columns at a time."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        ...

    def tile(self, rows: Index, columns: Index, /) -> BlockOut:
        """The entries of one block, in memory of their own."""
        ...


@dataclass(frozen=True)
class RowExtremes:
    """Of the computed entries of every row: max_j |N_ij|, the spread, and counts above thresholds.

    `counts[k, i]` is the number of |N_ij| not at most thresholds[k]; NaN counts.
    """

    largest: Vector
    spread: Vector
    counts: Float[np.ndarray, "thresholds m"]


def row_extremes(
    matrix: FactoredMatrix, thresholds: Sequence[float], memory_bytes: int
) -> RowExtremes:
    """Row statistics of all entries as computed; 2 · inner + 4 + thresholds operations each.

    All cores share the rows. Beside the two-factor form and the answer, memory stays below
    `memory_bytes` (but holds at least one tile of one row for each core).
    """
    parts = over_row_blocks(
        matrix.two_factor(), memory_bytes, lambda _, tiles: _block_extremes(tiles, thresholds)
    )
    high, low, counts = (np.concatenate(part, axis=-1) for part in zip(*parts, strict=True))
    return RowExtremes(np.maximum(high, -low), high - low, counts)


def streaming_flops(matrix: FactoredMatrix, thresholds: int) -> int:
    """Operations of `row_extremes`."""
    per_entry = 2 * matrix.inner + 3 + 2 * thresholds
    return matrix.two_factor_flops() + matrix.size * per_entry


def order_statistic(
    matrix: Tiled[np.ndarray], level: float, memory_bytes: int
) -> tuple[float, int]:
    """The least computed |N_ij| with a share of at least `level` at or below it, and the passes.

    The bit patterns of non-negative floats are ordered as the floats are. Each pass counts the
    next bits of those that share the leading ones found so far, until the rest fits in half of
    `memory_bytes` and is partitioned.
    """
    size = math.prod(matrix.shape)
    rank = math.ceil(Fraction(level) * size)
    prefix, passes, left, shift = 0, 0, size, 63
    while shift and left * 16 > memory_bytes:
        passes, shift, width = passes + 1, *_DIGITS[passes]
        count = _histogram(shift, width, prefix)
        histogram = np.sum(list(over_row_blocks(matrix, memory_bytes, count)), axis=0)
        below = np.cumsum(histogram)
        digit = int(np.searchsorted(below, rank))
        left = int(histogram[digit])
        rank -= int(below[digit]) - left
        prefix = (prefix << width) | digit
    if not shift:
        return _float_of(np.int64(prefix)), passes
    bits = np.concatenate(list(over_row_blocks(matrix, memory_bytes, _matching(shift, prefix))))
    bits.partition(rank - 1)
    return _float_of(bits[rank - 1]), passes + 1


def _float_of(bits: np.int64) -> float:
    return float(np.asarray(bits, dtype=np.int64).view(np.float64))


Tiles = Callable[[], Iterator[Float[np.ndarray, "rows columns"]]]


def over_row_blocks(
    matrix: Tiled[Block],
    memory_bytes: int,
    work: Callable[[slice, Callable[[], Iterator[Block]]], T],
) -> Iterator[T]:
    """`work` on each block of rows and its tiles from left to right; in order of rows."""
    m, n = matrix.shape
    columns = min(_TILE_COLUMNS, n)
    rows = max(1, min(_TILE_ROWS, memory_bytes // (_COPIES * 16 * columns)))

    def block(start: int) -> T:
        own = slice(start, min(start + rows, m))

        def tiles() -> Iterator[Block]:
            for at in range(0, n, columns):
                yield matrix.tile(own, slice(at, at + columns))

        return work(own, tiles)

    return parallel_map(block, range(0, m, rows), "evaluating every entry")


def _block_extremes(
    tiles: Tiles, thresholds: Sequence[float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    high, low = np.asarray(-np.inf), np.asarray(np.inf)
    counts = np.zeros((len(thresholds), 1))
    for tile in tiles():
        high = np.maximum(high, tile.max(axis=1))
        low = np.minimum(low, tile.min(axis=1))
        np.abs(tile, out=tile)
        large = [[row.size - np.count_nonzero(row <= t) for row in tile] for t in thresholds]
        counts = counts + np.array(large, dtype=np.float64).reshape(len(thresholds), len(tile))
    return high, low, counts


def _bits(tile: np.ndarray) -> Int[np.ndarray, "rows columns"]:
    return np.abs(tile, out=tile).view(np.int64)


def _histogram(
    shift: int, width: int, prefix: int
) -> Callable[[slice, Tiles], Int[np.ndarray, " bins"]]:
    def work(_: slice, tiles: Tiles) -> Int[np.ndarray, " bins"]:
        counts = np.zeros(1 << width, dtype=np.int64)
        for tile in tiles():
            leading = _bits(tile).ravel() >> shift
            digits = leading[leading >> width == prefix] & ((1 << width) - 1)
            counts += np.bincount(digits, minlength=1 << width)
        return counts

    return work


def _matching(shift: int, prefix: int) -> Callable[[slice, Tiles], Int[np.ndarray, " n"]]:
    def work(_: slice, tiles: Tiles) -> Int[np.ndarray, " n"]:
        return np.concatenate([b[b >> shift == prefix] for b in map(_bits, tiles())])

    return work
