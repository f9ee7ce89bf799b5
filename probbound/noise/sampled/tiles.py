"""Random blocks of rows × random blocks of columns, each evaluated as one matrix product.

Entries come at the rate of a matrix product, not of memory look-ups, in single precision with its
rounding error taken off the threshold; `estimators.tiles` accounts for their dependence.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int

from estimators import tiles
from probbound.arithmetic.factored import FactoredMatrix
from probbound.draws.random_streams import Stream
from probbound.machine.parallel import parallel_map
from probbound.noise.contract import Method, NoiseBound, Quantity, Settings
from probbound.noise.sampled.answers import Work, touched
from probbound.noise.term import NoiseTerm

METHOD = "tiles"
LARGEST_SIDE = 64
_TILES_WANTED = 256
_BATCH_ENTRIES = 1 << 20
_BLOCK_ENTRIES = 1 << 17
_SINGLE_ROUNDOFF = 2.0**-24
_UNDERFLOW = 2.0**-60


def side_for(budget: int, shape: tuple[int, int]) -> int:
    """Rows, and columns, of a tile: a power of two that leaves the budget some 256 tiles.

    64 is where a matrix product of inner dimension 64 runs at full speed and still within one
    core's cache; more rows a tile would only make its entries more dependent.
    """
    side = 1
    while 2 * side <= min(LARGEST_SIDE, *shape) and budget // (4 * side * side) >= _TILES_WANTED:
        side *= 2
    return side


@dataclass(frozen=True)
class SingleFactors:
    """Two factors in single precision, scaled so that their largest entries are 1.

    An entry of the exact product, divided by `scale`, differs from the computed one by at most
    `relative` · (norm of its row · norm of its column) + `absolute`.
    """

    left: Float32[np.ndarray, "m d"]
    right: Float32[np.ndarray, "n d"]
    row_norms: Float32[np.ndarray, " m"]
    column_norms: Float32[np.ndarray, " n"]
    scale: float
    relative: float
    absolute: float

    @classmethod
    def of(cls, two_factor: FactoredMatrix, error: float) -> SingleFactors:
        """`error` is what the product of the double factors may be off by (Theorem 3.23)."""
        left, right = two_factor.factors[0], two_factor.factors[1].T
        scales = [2.0 ** math.frexp(float(np.abs(factor).max()))[1] for factor in (left, right)]
        (left, left_norms), (right, right_norms) = (
            _single(factor, scale) for factor, scale in zip((left, right), scales, strict=True)
        )
        scale, inner = scales[0] * scales[1], left.shape[1]
        relative = 1.05 * (inner + 8) * _SINGLE_ROUNDOFF
        if relative > 0.01:
            raise OverflowError(f"no single precision error bound for inner dimension {inner}")
        absolute = error / scale * (1 + 1e-12) + inner * _UNDERFLOW
        return cls(left, right, left_norms, right_norms, scale, relative, absolute)

    def counts(
        self,
        rows: Int[np.ndarray, "tiles side"],
        columns: Int[np.ndarray, "tiles side"],
        threshold: float,
    ) -> Int[np.ndarray, " tiles"]:
        """Entries of each tile above the threshold, the doubtful ones among them.

        Works through a few tiles at a time, in buffers that are used again and stay in the cache.
        """
        tiles, side = rows.shape
        few = max(1, min(tiles, _BLOCK_ENTRIES // side**2))
        operands = np.empty((2, few, side, self.left.shape[1]), dtype=np.float32)
        products, found = np.empty((few, side, side), dtype=np.float32), np.empty(tiles, np.int64)
        for at in range(0, tiles, few):
            part = slice(at, at + few)
            number = len(rows[part])
            a, b, block = operands[0, :number], operands[1, :number], products[:number]
            np.take(self.left, rows[part], axis=0, out=a, mode="clip")
            np.take(self.right, columns[part], axis=0, out=b, mode="clip")
            np.matmul(a, b.swapaxes(1, 2), out=block)
            below = np.abs(block, out=block) <= self._safe(rows[part], columns[part], threshold)
            found[part] = [side**2 - np.count_nonzero(tile) for tile in below]
        return found

    def _safe(
        self,
        rows: Int[np.ndarray, "tiles side"],
        columns: Int[np.ndarray, "tiles side"],
        threshold: float,
    ) -> Float32[np.ndarray, "tiles 1 1"]:
        """A computed entry of the tile at or below this is at or below the threshold."""
        largest = self.row_norms[rows].max(axis=1).astype(np.float64)
        largest *= self.column_norms[columns].max(axis=1)
        safe = threshold / self.scale - self.relative * largest - self.absolute
        return np.nextafter(safe.astype(np.float32), np.float32(-np.inf))[:, None, None]


def _single(
    factor: Float64[np.ndarray, "n d"], scale: float
) -> tuple[Float32[np.ndarray, "n d"], Float32[np.ndarray, " n"]]:
    """The scaled factor, and the norms of its lines rounded up."""
    single = np.ascontiguousarray(factor * (1 / scale), dtype=np.float32)
    return single, np.sqrt(np.einsum("nd,nd->n", single, single)) * np.float32(1.01)


def _single_flops(noise: FactoredMatrix) -> int:
    """Scaling both factors, and the norms of their lines."""
    lines = sum(noise.shape)
    return 5 * lines * noise.inner + 2 * lines


def tile_counts(
    factors: SingleFactors, stream: Stream, side: int, count: int, threshold: float
) -> Int[np.ndarray, " tiles"]:
    """Entries above the threshold in each of `count` tiles, in the order drawn.

    The rows of a tile are drawn independently and uniformly with replacement, its columns alike.
    """
    batch = max(1, _BATCH_ENTRIES // side**2)
    row_stream, column_stream = stream.fold_in("rows"), stream.fold_in("columns")

    def counted(start: int) -> Int[np.ndarray, " tiles"]:
        stop = min(start + batch, count)
        rows = row_stream.integers(start * side, stop * side, len(factors.left))
        columns = column_stream.integers(start * side, stop * side, len(factors.right))
        return factors.counts(rows.reshape(-1, side), columns.reshape(-1, side), threshold)

    parts = parallel_map(counted, range(0, count, batch), "tiles")
    return np.concatenate([np.empty(0, dtype=np.int64), *parts])


def _run(term: NoiseTerm, quantities: Sequence[Quantity], settings: Settings) -> list[NoiseBound]:
    """As many independent square tiles as the budget of entries pays (Theorem 3.23; fixed-n)."""
    started = time.perf_counter()
    noise, stream = term.remainder, settings.stream.fold_in(METHOD)
    side = side_for(settings.budget, noise.shape)
    count = settings.budget // side**2
    factors = SingleFactors.of(noise.two_factor(), noise.entry_error())
    rows, counts = [], {}
    for quantity in quantities:
        threshold = quantity.threshold or 0.0
        if threshold not in counts:
            counts[threshold] = tile_counts(factors, stream, side, count, threshold)
        share = float(tiles.share(counts[threshold], side, log_delta=settings.log_delta).upper)
        worth = tiles.effective_cells(counts[threshold], side)
        detail = f"{count:,} tiles of {side} × {side}, worth {worth:.3g} independent entries"
        entries, seconds = count * side**2, time.perf_counter() - started
        flops = noise.two_factor_flops() + noise.entry_error_flops() + _single_flops(noise)
        flops += (2 * noise.inner + 2) * entries
        work = Work(METHOD, settings.log_delta, entries, flops, seconds)
        if quantity.name == "input-share":
            share, work = touched(term, quantity, share), work.touching(term)
        rows.append(work.answer(quantity, share, detail=detail))
    return rows


TILES = Method(METHOD, "samples", frozenset(("share-above", "input-share")), _run)
