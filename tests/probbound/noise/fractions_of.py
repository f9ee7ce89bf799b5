"""The product of a factored matrix in fractions."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import numpy as np

from probbound.arithmetic.factored import FactoredMatrix

Exact = list[list[Fraction]]


def exact_product(matrix: FactoredMatrix) -> Exact:
    """Every entry as it is, for small matrices."""
    found = _exact(matrix.factors[0])
    for factor in matrix.factors[1:]:
        columns = list(zip(*_exact(factor), strict=True))
        found = [[_dot(row, column) for column in columns] for row in found]
    return found


def _dot(row: Iterable[Fraction], column: Iterable[Fraction]) -> Fraction:
    return sum((a * b for a, b in zip(row, column, strict=True)), Fraction(0))


def _exact(stored: np.ndarray) -> Exact:
    return [[Fraction(x) for x in row] for row in stored.tolist()]
