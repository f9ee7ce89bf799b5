"""Row bounds walked through a chain of factors, from the right to the left (Theorem 3.11)."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.factored import FactoredMatrix
from probbound.arithmetic.rounding import inflated
from probbound.noise.norms import lengths_upper, row_errors, row_errors_flops

Matrix = Float[np.ndarray, "m n"]


class Rows(NamedTuple):
    """For every row: at least its largest |entry|, its max row difference, and its norm."""

    entry: Float[np.ndarray, " m"]
    spread: Float[np.ndarray, " m"]
    norm: Float[np.ndarray, " m"]


def recursive_rows(matrix: FactoredMatrix) -> Rows:
    """The rows of the last factor, then |A| times what is known of the rows of the rest.

    O(v r) operations: each factor is read once, none multiplied by another (Theorem 3.11).
    """
    *others, last = matrix.factors
    known = _own_rows(last)
    for factor in reversed(others):
        known = _through(factor, known)
    return Rows(*known.T)


def recursive_flops(matrix: FactoredMatrix) -> int:
    """Operations of `recursive_rows`: four for each number of the last factor, seven of another."""
    *others, last = matrix.factors
    return _own_flops(*last.shape) + sum(_through_flops(*factor.shape) for factor in others)


def subproduct_rows(matrix: FactoredMatrix) -> Rows:
    """The chain cut in two, both halves multiplied out, and one step of the recursion between.

    The least over all cuts, row by row: O(v r²) operations (Theorem 3.12). A single factor is
    its own sub-product.
    """
    factors = matrix.factors
    if len(factors) == 1:
        return Rows(*_own_rows(factors[0]).T)
    lefts = list(itertools.accumulate(factors[:-1], np.matmul))
    rights = list(itertools.accumulate(reversed(factors[1:]), lambda known, new: new @ known))
    pairs = zip(lefts, reversed(rights), strict=True)
    known = np.min([_through(left, _own_rows(right)) for left, right in pairs], axis=0)
    slack = row_errors(matrix)[:, None] * np.array([1.0, 2.0, 1.0])
    return Rows(*inflated(known + slack, 2).T)


def subproduct_flops(matrix: FactoredMatrix) -> int:
    """Operations of `subproduct_rows`."""
    (m, n), inner = matrix.shape, matrix.dimensions[1:-1]
    if not inner:
        return _own_flops(m, n)
    products = sum(2 * (m + n) * a * b for a, b in itertools.pairwise(inner))
    steps = sum(_own_flops(r, n) + _through_flops(m, r) + 3 * m for r in inner)
    return products + steps + row_errors_flops(matrix) + 9 * m


def _own_rows(stored: Matrix) -> Float[np.ndarray, "m 3"]:
    high, low = stored.max(axis=1), stored.min(axis=1)
    known = (np.maximum(high, -low), inflated(high - low, 1), lengths_upper(stored))
    return np.stack(known, axis=1)


def _own_flops(rows: int, columns: int) -> int:
    return 4 * rows * columns + 6 * rows


def _through(factor: Matrix, known: Float[np.ndarray, "r 3"]) -> Float[np.ndarray, "m 3"]:
    return inflated(np.abs(factor) @ known, factor.shape[1])


def _through_flops(rows: int, columns: int) -> int:
    return 7 * rows * columns + 3 * rows
