"""What bounds on noise are compared with: the quantities themselves, from every entry."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Bool, Float

from probbound.arithmetic.factored import FactoredMatrix, Index
from probbound.arithmetic.rounding import gamma, ratio_up
from probbound.noise.contract import Quantity, QuantityName
from probbound.noise.streamed import order_statistic, over_row_blocks
from probbound.noise.term import NoiseTerm
from probbound.noise.wide import Pair, WideProduct, pair_of

Vector = Float[np.ndarray, " m"]


def truths(
    term: NoiseTerm, quantities: Sequence[Quantity], memory_bytes: int
) -> dict[Quantity, float]:
    """The quantities of the exact product of the stored factors, rounded down (Theorem 3.17).

    Some ten times the work of evaluating every entry in float64, in memory as of `row_extremes`.
    """
    wide = WideProduct.of(term.remainder)
    rows = None
    if any(quantity.name in _DEDUCE for quantity in quantities):
        thresholds = {q.threshold or 0.0 for q in quantities if q.name in _COUNTED}
        rows = Rows.of(term, wide, sorted(thresholds), memory_bytes)
    found: dict[Quantity, float] = {}
    for quantity in quantities:
        if quantity.name in _DEDUCE and rows is not None:
            found[quantity] = _DEDUCE[quantity.name](rows, quantity)
        elif quantity.name == "quantile":
            sizes = Sizes(wide)
            found[quantity] = order_statistic(sizes, quantity.level or 1.0, memory_bytes)[0]
        elif quantity.name == "mean":
            found[quantity] = mean_down(term.remainder)
        else:
            found[quantity] = spectral_down(term.remainder)
    return found


@dataclass(frozen=True)
class Sizes:
    """|N_ij|, each rounded down."""

    wide: WideProduct

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.wide.shape

    def tile(self, rows: Index, columns: Index) -> Float[np.ndarray, "rows columns"]:
        """The sizes of one block."""
        return _size(self.wide.tile(rows, columns), self.wide.error)


@dataclass(frozen=True)
class Rows:
    """Of every row, each rounded down: max_j |N_ij|, the spread, the sum of squares, and counts.

    `counts[τ][i]` is the number of |N_ij| > τ, `diagonal[τ][i]` whether |N_ii| is, for a term that
    reads pairs. Entries are within `error`, which all but the sums of squares have taken off.
    """

    term: NoiseTerm
    largest: Vector
    spread: Vector
    squares: Vector
    counts: dict[float, Vector]
    diagonal: dict[float, Bool[np.ndarray, " m"]]
    error: float

    @classmethod
    def of(
        cls, term: NoiseTerm, wide: WideProduct, thresholds: Sequence[float], memory_bytes: int
    ) -> Rows:
        """All of them in one pass."""

        def work(own: slice, tiles: Callable[[], Iterator[Pair]]) -> tuple[np.ndarray, ...]:
            parts = [_row_parts(tile, thresholds, wide.error) for tile in tiles()]
            top, bottom, largest, squares, counts = zip(*parts, strict=True)
            spread = np.max(top, axis=0) - np.min(bottom, axis=0)
            marks = np.zeros((len(thresholds), own.stop - own.start), dtype=bool)
            if term.reads == "pairs":
                block = wide.tile(own, own)
                diagonal = Pair(*(np.diagonal(part)[:, None] for part in block))
                marks = np.array(
                    [_above(diagonal, t, wide.error)[:, 0] for t in thresholds], dtype=bool
                ).reshape(marks.shape)
            return (
                np.max(largest, axis=0),
                np.maximum(np.nextafter(spread, -np.inf), 0.0),
                np.sum(squares, axis=0),
                np.sum(counts, axis=0),
                marks,
            )

        parts = zip(*over_row_blocks(wide, memory_bytes, work), strict=True)
        largest, spread, squares, counts, marks = (np.concatenate(p, axis=-1) for p in parts)
        return cls(
            *(term, largest, spread, squares),
            dict(zip(thresholds, counts, strict=True)),
            dict(zip(thresholds, marks, strict=True)),
            wide.error,
        )

    def norm(self, squares: float, entries: int) -> float:
        """The root of a sum of squares, lowered by what rounding and `error` can have added."""
        lowered = math.sqrt(squares) * (1 - gamma(self.term.shape[1] + 16))
        return max(0.0, math.nextafter(lowered - 2 * math.sqrt(entries) * self.error, -math.inf))

    @property
    def frobenius(self) -> float:
        """‖N‖_F."""
        return self.norm(math.fsum(self.squares), self.term.remainder.size)


def _row_parts(
    tile: Pair, thresholds: Sequence[float], error: float
) -> tuple[Vector, Vector, Vector, Vector, np.ndarray]:
    """Largest entry (rounded down), smallest (rounded up), largest size, squares, and counts."""
    top = _below(tile, error).max(axis=1)
    bottom = -_below(Pair(-tile.high, -tile.low), error).max(axis=1)
    counts = [np.count_nonzero(_above(tile, t, error), axis=1) for t in thresholds]
    return (
        top,
        bottom,
        np.maximum(np.maximum(top, -bottom), 0.0),
        np.einsum("mn,mn->m", tile.high, tile.high),
        np.array(counts, dtype=float).reshape(len(thresholds), len(top)),
    )


def _below(pair: Pair, error: float) -> Float[np.ndarray, "m n"]:
    """The largest floats not above the numbers that `pair` is within `error` of."""
    high, low = pair_of(pair.high, pair.low - error)
    return np.where(low < 0, np.nextafter(high, -np.inf), high)


def _size(pair: Pair, error: float) -> Float[np.ndarray, "m n"]:
    either = np.maximum(_below(pair, error), _below(Pair(-pair.high, -pair.low), error))
    return np.maximum(either, 0.0)


def _above(pair: Pair, threshold: float, error: float) -> Bool[np.ndarray, "m n"]:
    """Which numbers exceed the threshold in absolute value for sure."""
    low = np.copysign(1.0, pair.high) * pair.low
    return (np.abs(pair.high) - threshold) + (low - error) > 0


def mean_down(matrix: FactoredMatrix) -> float:
    """The mean of the entries, as the one entry of 1ᵀ N 1, rounded down (Theorem 3.17)."""
    m, n = matrix.shape
    summed = WideProduct.of(FactoredMatrix(np.ones((1, m)), *matrix.factors, np.ones((n, 1))))
    pair = summed.tile(slice(None), slice(None))
    total = sum(Fraction(float(part[0, 0])) for part in pair) - Fraction(summed.error)
    return _down(total / matrix.size)


def spectral_down(matrix: FactoredMatrix) -> float:
    """‖Nx‖/‖x‖ for an x that is found to be long, rounded down (Theorem 3.17)."""
    n = matrix.shape[1]
    start = matrix.two_factor().factors[1].T
    basis = np.linalg.qr(_wide(FactoredMatrix(*matrix.T.factors, _wide_by(matrix, start))))[0]
    _, _, turned = np.linalg.svd(_wide_by(matrix, basis), full_matrices=False)
    x = basis @ turned[0][:, None]
    product = WideProduct.of(FactoredMatrix(*matrix.factors, x))
    image = product.tile(slice(None), slice(None)).high
    roundings = gamma(2 * max(matrix.shape) + 16)
    length = float(np.linalg.norm(image)) * (1 - roundings)
    lowered = length - 2 * math.sqrt(len(image)) * product.error
    return max(0.0, lowered / (float(np.linalg.norm(x)) * (1 + roundings)) * (1 - gamma(n + 4)))


def _wide_by(matrix: FactoredMatrix, right: np.ndarray) -> np.ndarray:
    """N times a block of columns of length one, to float64's precision."""
    lengths = np.linalg.norm(right, axis=0)
    return _wide(FactoredMatrix(*matrix.factors, right / np.where(lengths > 0, lengths, 1.0)))


def _wide(matrix: FactoredMatrix) -> np.ndarray:
    return WideProduct.of(matrix).tile(slice(None), slice(None)).high


def _down(value: Fraction) -> float:
    return -ratio_up(-value, 1) if value else 0.0


def _input_share(rows: Rows, quantity: Quantity) -> float:
    """Theorem 3.13 in fractions."""
    threshold, length = quantity.threshold or 0.0, quantity.n_ctx or 1
    v, counts = rows.term.shape[0], rows.counts[threshold]
    touched = Fraction(int(np.count_nonzero(counts)), v)
    if rows.term.reads == "last-row":
        return _down(touched)
    if rows.term.reads == "rows":
        return _down(1 - (1 - touched) ** length)
    kinds = np.unique(np.stack([counts, rows.diagonal[threshold]]), axis=1, return_counts=True)
    untouched = sum(
        int(number) * (v - int(count)) ** (length - 1)
        for (count, own), number in zip(kinds[0].T, kinds[1], strict=True)
        if not own
    )
    return _down(1 - Fraction(untouched, v**length))


def _rms(rows: Rows, _: Quantity) -> float:
    return rows.frobenius / math.sqrt(rows.term.remainder.size) * (1 - 2.0**-50)


def _share_above(rows: Rows, quantity: Quantity) -> float:
    counted = int(rows.counts[quantity.threshold or 0.0].sum())
    return _down(Fraction(counted, rows.term.remainder.size))


def _row_spread_share(rows: Rows, quantity: Quantity) -> float:
    wide = int(np.count_nonzero(rows.spread > (quantity.threshold or 0.0)))
    return _down(Fraction(wide, len(rows.spread)))


_DEDUCE: dict[QuantityName, Callable[[Rows, Quantity], float]] = {
    "rms": _rms,
    "row-norms": lambda rows, _: rows.norm(float(rows.squares.max()), rows.term.shape[1]),
    "frobenius-norm": lambda rows, _: rows.frobenius,
    "share-above": _share_above,
    "input-share": _input_share,
    "largest-entry": lambda rows, _: float(rows.largest.max()),
    "largest-row-spread": lambda rows, _: float(rows.spread.max()),
    "row-spread-share": _row_spread_share,
}
_COUNTED = ("share-above", "input-share")
