"""Rows of a table, and how far each is from what is meant: products and sums of such."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.factored import FactoredMatrix
from probbound.arithmetic.rounding import gamma, inflated
from probbound.noise.norms import lengths_upper, row_errors, row_errors_flops, stored_norm_upper


@dataclass(frozen=True)
class Rows:
    """Rows in float64, and bounds on the 2-norm of what each is off by (Theorem 8.1)."""

    values: Float[np.ndarray, "n k"]
    error: Float[np.ndarray, " n"]

    @classmethod
    def exactly(cls, values: Float[np.ndarray, "n k"]) -> Rows:
        """Rows that are meant as they are stored."""
        return cls(values, np.zeros(len(values)))

    def times(self, *factors: Float[np.ndarray, "_ _"]) -> Rows:
        """The rows multiplied by matrices in order, by Theorem 3.1; by none, the rows."""
        if not factors:
            return self
        values = self.values
        for factor in factors:
            values = values @ factor
        error = row_errors(FactoredMatrix(self.values, *factors))
        if self.error.any():
            through = inflated(
                float(np.prod([stored_norm_upper(f) for f in factors])), len(factors)
            )
            error = inflated(error + self.error * through, 2)
        return Rows(values, error)

    def plus(self, other: Rows) -> Rows:
        """Row by row; every sum is off by at most one rounding of itself."""
        values = self.values + other.values
        error = self.error + other.error + gamma(1) * lengths_upper(values)
        return Rows(values, inflated(error, 3))

    def scaled(self, factor: float) -> Rows:
        """Times a number of 0 or more that was rounded three times at most."""
        values = factor * self.values
        return Rows(values, inflated(factor * self.error + gamma(4) * lengths_upper(values), 4))

    @property
    def lengths(self) -> Float[np.ndarray, " n"]:
        """The 2-norm of each row that is meant, at most."""
        return inflated(lengths_upper(self.values) + self.error, 1)


def times_flops(rows: np.ndarray, matrix: np.ndarray | None) -> int:
    """Operations of `Rows.times` of exact rows by a matrix, if there is one."""
    if matrix is None:
        return 0
    (n, d), m = np.shape(rows), np.shape(matrix)[1]
    return 2 * n * d * m + row_errors_flops(FactoredMatrix(rows, matrix))
