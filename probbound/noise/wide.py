"""Products of stored matrices to some hundred bits, by products of small whole numbers.

Every factor is cut into slices of so few bits that BLAS multiplies them without any rounding, and
the products of slices are added as pairs of floats (Theorem 3.16).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from probbound.arithmetic.factored import FactoredMatrix, Index

Matrix = Float[np.ndarray, "m n"]
BITS = 100  # of a factor, from the leading bit of the largest entry in its row (or column)
ERROR = 2.0**-40  # what is left of the error of float64 (Theorem 3.16)


class Pair(NamedTuple):
    """A matrix as the unevaluated sum of two, |low| <= u |high|."""

    high: Matrix
    low: Matrix


@dataclass(frozen=True)
class Slices:
    """The rows of a matrix as whole numbers of `bits` bits each, leading slice first.

    Row i is 2^exponents[i] Σ_k 2^(-bits k) parts[k - 1][i], but for what the last slice leaves.
    """

    parts: list[Matrix]
    exponents: Int[np.ndarray, " m"]
    bits: int

    @classmethod
    def of(cls, rows: Pair, bits: int) -> Slices:
        """As many slices as BITS take."""
        largest = np.abs(rows.high).max(axis=1, initial=0.0)
        exponents = np.frexp(largest)[1]
        scaled = [np.ldexp(part, -exponents[:, None]) for part in rows]
        parts = []
        for _ in range(slice_count(bits)):
            scaled = [np.ldexp(part, bits) for part in scaled]
            whole = [np.rint(part) for part in scaled]
            parts.append(whole[0] + whole[1])
            scaled = [part - own for part, own in zip(scaled, whole, strict=True)]
        return cls(parts, exponents, bits)


@dataclass(frozen=True)
class WideProduct:
    """The product of a factored matrix, an entry at a time, |N̂ - N| <= `error` (Theorem 3.16)."""

    left: Float[np.ndarray, "m slices_r"]
    right: Float[np.ndarray, "slices_r n"]
    exponents: tuple[Int[np.ndarray, " m"], Int[np.ndarray, " n"]]
    bits: int
    error: float

    @classmethod
    def of(cls, matrix: FactoredMatrix) -> WideProduct:
        """Multiply out either side of the smallest inner dimension, and cut both into slices."""
        factors = [Pair(f, np.zeros_like(f)) for f in matrix.two_sided]
        inner = [f.high.shape[1] for f in factors[:-1]]
        cut = 1 + int(np.argmin(inner))
        left = reduce(_multiplied, factors[:cut])
        right = reduce(lambda known, new: _multiplied(new, known), factors[cut:][::-1])
        return cls._of_two(left, right, matrix.entry_error() * ERROR)

    @classmethod
    def _of_two(cls, left: Pair, right: Pair, error: float) -> WideProduct:
        bits = slice_bits(left.high.shape[1])
        rows, columns = Slices.of(left, bits), Slices.of(Pair(right.high.T, right.low.T), bits)
        return cls(
            np.hstack(rows.parts),
            np.vstack([part.T for part in columns.parts[::-1]]),
            (rows.exponents, columns.exponents),
            bits,
            error,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.left.shape[0], self.right.shape[1]

    def tile(self, rows: Index, columns: Index) -> Pair:
        """The entries of a block of rows × a block of columns."""
        left, right = self.left[rows], self.right[:, columns]
        slices = slice_count(self.bits)
        inner = left.shape[1] // slices
        high = low = np.zeros((len(left), right.shape[1]))
        for k in range(1, slices + 1):
            product = left[:, : k * inner] @ right[(slices - k) * inner :]
            product *= 2.0 ** (-self.bits * (k + 1))
            high, lost = pair_of(high, product)
            low = low + lost
        exponents = self.exponents[0][rows][:, None] + self.exponents[1][columns]
        return Pair(*(np.ldexp(part, exponents) for part in pair_of(high, low)))


def slice_bits(inner: int) -> int:
    """Bits of a slice, so that no sum of `inner` products in all pairs of slices is rounded."""
    bits = 24
    while slice_count(bits) * inner * 4**bits > 2**53:
        bits -= 1
    return bits


def slice_count(bits: int) -> int:
    """Slices for BITS."""
    return math.ceil(BITS / bits)


def _multiplied(left: Pair, right: Pair) -> Pair:
    return WideProduct._of_two(left, right, 0.0).tile(slice(None), slice(None))


def pair_of(a: Matrix, b: Matrix) -> Pair:
    """a + b rounded, and what that lost (Knuth)."""
    total = a + b
    other = total - a
    return Pair(total, (a - (total - other)) + (b - other))
