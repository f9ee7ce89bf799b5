"""Every entry evaluated once, tile by tile, in memory that does not grow with their number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Float, Int

from probbound.factored import FactoredMatrix
from probbound.parallel import parallel_map

Vector = Float[np.ndarray, " m"]
_TILE_COLUMNS = 2048
_TILE_ROWS = 256
_COPIES = 4
_DIGITS = ((47, 16), (31, 16), (15, 16), (0, 15))  # of a non-negative float64's 63 bits


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
    parts = list(_over_row_blocks(matrix, memory_bytes, lambda b: _block_extremes(b, thresholds)))
    high, low = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    counts = np.concatenate([part[2] for part in parts], axis=1)
    return RowExtremes(np.maximum(high, -low), high - low, counts)


def streaming_flops(matrix: FactoredMatrix, thresholds: int) -> int:
    """Operations of `row_extremes`."""
    per_entry = 2 * matrix.inner + 3 + 2 * thresholds
    return matrix.two_factor_flops() + matrix.size * per_entry


def order_statistic(matrix: FactoredMatrix, level: float, memory_bytes: int) -> tuple[float, int]:
    """The least computed |N_ij| with a share of at least `level` at or below it, and the passes.

    The bit patterns of non-negative floats are ordered as the floats are. Each pass counts the
    next bits of those that share the leading ones found so far, until the rest fits in half of
    `memory_bytes` and is partitioned.
    """
    rank = math.ceil(Fraction(level) * matrix.size)
    prefix, passes = 0, 0
    for shift, width in _DIGITS:
        passes += 1
        blocks = _over_row_blocks(matrix, memory_bytes, _histogram(shift, width, prefix))
        histogram = np.sum(list(blocks), axis=0)
        below = np.cumsum(histogram)
        digit = int(np.searchsorted(below, rank))
        rank -= int(below[digit] - histogram[digit])
        prefix = (prefix << width) | digit
        if shift and histogram[digit] * 16 <= memory_bytes:
            rest = _over_row_blocks(matrix, memory_bytes, _matching(shift, prefix))
            bits = np.concatenate(list(rest))
            return _float_of(np.partition(bits, rank - 1)[rank - 1]), passes + 1
    return _float_of(np.int64(prefix)), passes


def _float_of(bits: np.int64) -> float:
    return float(np.asarray(bits, dtype=np.int64).view(np.float64))


Tiles = Callable[[], Iterator[Float[np.ndarray, "rows columns"]]]


def _over_row_blocks(
    matrix: FactoredMatrix, memory_bytes: int, work: Callable[[Tiles], object]
) -> Iterator:
    """`work` on each block of rows, given as its tiles from left to right; in order of rows."""
    left, right = matrix.two_factor().factors
    columns = min(_TILE_COLUMNS, right.shape[1])
    rows = max(1, min(_TILE_ROWS, memory_bytes // (_COPIES * 16 * columns)))

    def block(start: int) -> object:
        def tiles() -> Iterator[np.ndarray]:
            for at in range(0, right.shape[1], columns):
                yield left[start : start + rows] @ right[:, at : at + columns]

        return work(tiles)

    return parallel_map(block, range(0, len(left), rows), "evaluating every entry")


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


def _histogram(shift: int, width: int, prefix: int) -> Callable[[Tiles], object]:
    def work(tiles: Tiles) -> Int[np.ndarray, " bins"]:
        counts = np.zeros(1 << width, dtype=np.int64)
        for tile in tiles():
            leading = _bits(tile).ravel() >> shift
            digits = leading[leading >> width == prefix] & ((1 << width) - 1)
            counts += np.bincount(digits, minlength=1 << width)
        return counts

    return work


def _matching(shift: int, prefix: int) -> Callable[[Tiles], object]:
    def work(tiles: Tiles) -> Int[np.ndarray, " n"]:
        return np.concatenate([b[b >> shift == prefix] for b in map(_bits, tiles())])

    return work
