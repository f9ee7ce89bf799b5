"""Products of matrices that are never multiplied out."""

from __future__ import annotations

import itertools
import math
from functools import reduce

import equinox as eqx
import numpy as np
from jaxtyping import Float, Int

from probbound.arithmetic.rounding import gamma, inflated
from probbound.machine.errors import UserError

CHUNK_BYTES = 1 << 22

Index = slice | Int[np.ndarray, " _"]
Matrix = Float[np.ndarray, "m n"]


class FactoredMatrix(eqx.Module):
    """The product A B C … of float64 matrices, evaluated piece by piece.

    What it stands for is the product of the stored factors in real arithmetic. Entries, rows,
    columns and tiles come out of the two-factor form, so a caller who asks often keeps
    `two_factor()`; whatever the order of the products, a computed entry is off by at most
    `entry_error()` (Theorem 3.1).

    Args:
        *factors: one or more matrices, (m, r1), (r1, r2), …, (rk, n); converted to float64.

    Raises:
        UserError: if a factor is not a matrix of finite floats, is empty, or does not fit the next.
    """

    factors: tuple[Float[np.ndarray, "_ _"], ...]

    def __init__(self, *factors: np.ndarray) -> None:
        self.factors = tuple(np.asarray(factor, dtype=np.float64) for factor in factors)

    def __check_init__(self) -> None:
        if not self.factors:
            raise UserError("a factored matrix needs at least one factor, got none")
        for number, factor in enumerate(self.factors):
            if factor.ndim != 2 or 0 in factor.shape:
                raise UserError(
                    f"factor {number} must be a matrix with at least one row and one column, "
                    f"got shape {factor.shape}"
                )
            if not np.isfinite(factor).all():
                raise UserError(
                    f"factor {number} holds a NaN or an infinity; no bound can be given"
                )
        for number, (a, b) in enumerate(itertools.pairwise(self.factors)):
            if a.shape[1] != b.shape[0]:
                raise UserError(
                    f"factor {number} has {a.shape[1]} columns but factor {number + 1} has "
                    f"{b.shape[0]} rows; they must be equal"
                )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the product."""
        return self.factors[0].shape[0], self.factors[-1].shape[1]

    @property
    def size(self) -> int:
        """Number of entries of the product."""
        return self.shape[0] * self.shape[1]

    @property
    def dimensions(self) -> tuple[int, ...]:
        """Rows, the inner dimensions, columns."""
        return (self.factors[0].shape[0], *(factor.shape[1] for factor in self.factors))

    @property
    def T(self) -> FactoredMatrix:
        """The transpose, without copies."""
        return FactoredMatrix(*(factor.T for factor in reversed(self.factors)))

    def __neg__(self) -> FactoredMatrix:
        return FactoredMatrix(-self.factors[0], *self.factors[1:])

    def __matmul__(self, other: FactoredMatrix) -> FactoredMatrix:
        return FactoredMatrix(*self.factors, *other.factors)

    def __add__(self, other: FactoredMatrix) -> FactoredMatrix:
        """The sum, in two factors whose inner dimensions add up.

        Raises:
            UserError: if the shapes differ.
        """
        if self.shape != other.shape:
            raise UserError(
                f"matrices of shapes {self.shape} and {other.shape} cannot be added; "
                "they must be equal"
            )
        (a, b), (c, d) = self.two_factor().factors, other.two_factor().factors
        return FactoredMatrix(np.hstack([a, c]), np.asfortranarray(np.vstack([b, d])))

    def __sub__(self, other: FactoredMatrix) -> FactoredMatrix:
        return self + (-other)

    def two_factor(self) -> FactoredMatrix:
        """The same product as (m, r) times (r, n), cut at the smallest inner dimension.

        Rows of the left and columns of the right factor are contiguous, so that both are
        gathered fast. One factor alone gets an identity beside it, on its shorter side. A
        matrix that is in this form already is returned itself, at no cost.
        """
        factors = self.factors
        if len(factors) == 2 and factors[0].flags.c_contiguous and factors[1].flags.f_contiguous:
            return self
        if len(factors) == 1:
            wide = self.shape[0] <= self.shape[1]
            eye = np.eye(min(self.shape))
            factors = (eye, factors[0]) if wide else (factors[0], eye)
        cut = self._cut
        left, right = _product(factors[:cut]), _product(factors[cut:])
        return FactoredMatrix(np.ascontiguousarray(left), np.asfortranarray(right))

    @property
    def _cut(self) -> int:
        inner = self.dimensions[1:-1]
        return 1 + int(np.argmin(inner)) if inner else 1

    def two_factor_flops(self) -> int:
        """Operations of `two_factor`: nothing where there are two factors or fewer."""
        if len(self.factors) < 3:
            return 0
        cut = self._cut
        return _product_flops(self.dimensions[: cut + 1]) + _product_flops(self.dimensions[cut:])

    @property
    def inner(self) -> int:
        """The inner dimension of the two-factor form: 2 · inner operations buy an entry."""
        return min(self.dimensions[1:-1] or self.shape)

    def rows(self, i: Index) -> Matrix:
        """Whole rows, one line each: 2 · inner · n operations a row."""
        return self.tile(i, slice(None))

    def columns(self, j: Index) -> Matrix:
        """Whole columns, as the columns of the answer: 2 · inner · m operations a column."""
        return self.tile(slice(None), j)

    def tile(self, rows: Index, columns: Index) -> Matrix:
        """The entries of a block of rows × a block of columns, as one matrix product."""
        left, right = self.two_factor().factors
        return left[rows] @ right[:, columns]

    def entries(
        self, i: Int[np.ndarray, " n"], j: Int[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """Entries (i[s], j[s]), as gathered dot products of 2 · inner operations each.

        Works in chunks of CHUNK_BYTES, so memory beyond the answer is constant.
        """
        left, right = self.two_factor().factors
        right = right.T
        step = max(1, CHUNK_BYTES // (16 * left.shape[1]))
        found = np.empty(len(i))
        for at in range(0, len(i), step):
            part = slice(at, at + step)
            gathered = np.take(left, i[part], axis=0), np.take(right, j[part], axis=0)
            found[part] = np.einsum("nd,nd->n", *gathered)
        return found

    def diagonal(self) -> Float[np.ndarray, " n"]:
        """Entries (i, i): 2 · inner operations each."""
        index = np.arange(min(self.shape))
        return self.entries(index, index)

    def matvec(self, x: Float[np.ndarray, "n *k"]) -> Float[np.ndarray, "m *k"]:
        """The product with a vector or a block of k columns, from the right factor on."""
        return reduce(lambda value, factor: factor @ value, reversed(self.factors), x)

    def rmatvec(self, x: Float[np.ndarray, "m *k"]) -> Float[np.ndarray, "n *k"]:
        """The transpose's product with a vector or a block of k columns."""
        return reduce(lambda value, factor: factor.T @ value, self.factors, x)

    def matvec_flops(self, k: int = 1) -> int:
        """Operations of `matvec` or `rmatvec` on k columns."""
        return 2 * k * sum(a * b for a, b in itertools.pairwise(self.dimensions))

    def row_norms(self) -> Float[np.ndarray, " m"]:
        """‖N_i‖₂ of every row, from the Gram matrix R Rᵀ of the right factor (Theorem 3.2)."""
        left, right = self.two_factor().factors
        squares = np.einsum("md,md->m", left @ (right @ right.T), left)
        return np.sqrt(np.maximum(squares, 0.0))

    def column_norms(self) -> Float[np.ndarray, " n"]:
        """‖N_·j‖₂ of every column (Theorem 3.2)."""
        return self.T.row_norms()

    def row_norms_flops(self) -> int:
        """Operations of `row_norms`: linear in m + n."""
        (m, n), d = self.shape, self.inner
        return self.two_factor_flops() + 2 * n * d * d + 2 * m * d * d + 2 * m * d + 2 * m

    def frobenius(self) -> float:
        """‖N‖_F, from two Gram matrices: O((m + n) r²) operations (Theorem 3.2)."""
        left, right = self.two_factor().factors
        return math.sqrt(max(0.0, float(np.vdot(left.T @ left, right @ right.T))))

    def svd(
        self, rank: int | None = None
    ) -> tuple[Float[np.ndarray, "m r"], Float[np.ndarray, " r"], Float[np.ndarray, "n r"]]:
        """The `rank` leading singular triples U, σ, V (N ≈ U diag(σ) Vᵀ), largest first.

        QR of the two outer factors and an SVD of the small core (Theorem 3.3). `rank` None: all
        min(m, n, inner) of them; the others are zero.

        Raises:
            UserError: if `rank` is negative or more than there are.
        """
        left, right = self.two_factor().factors
        (q_left, core_left), (q_right, core_right) = np.linalg.qr(left), np.linalg.qr(right.T)
        u, values, vt = np.linalg.svd(core_left @ core_right.T, full_matrices=False)
        rank = len(values) if rank is None else rank
        if not 0 <= rank <= len(values):
            raise UserError(f"rank must lie between 0 and {len(values)}, got {rank}")
        return q_left @ u[:, :rank], values[:rank], q_right @ vt[:rank].T

    def singular_values(self, k: int | None = None) -> Float[np.ndarray, " k"]:
        """The k largest singular values, all min(m, n, inner) for None (Theorem 3.3)."""
        return self.svd(k)[1]

    def entry_error(self) -> float:
        """What rounding can add to any computed entry, in absolute terms (Theorem 3.1)."""
        first, *middle, last = self.two_sided
        rows = float(np.sqrt(np.einsum("md,md->m", first, first).max()))
        columns = float(np.sqrt(np.einsum("dn,dn->n", last, last).max()))
        scale = math.prod((rows, columns, *(float(np.linalg.norm(f)) for f in middle)))
        steps = 4 * len(self.factors) + max(factor.size for factor in self.factors)
        return inflated(gamma(self.roundings) * scale, len(self.factors) * steps)

    def entry_error_flops(self) -> int:
        """Operations of `entry_error`: two for each stored number, and the longest of two rows."""
        return 2 * sum(factor.size for factor in self.two_sided) + sum(self.shape)

    @property
    def roundings(self) -> int:
        """How many roundings an entry goes through when all factors are multiplied out."""
        return sum(self.dimensions[1:-1]) + 1

    @property
    def two_sided(self) -> tuple[Float[np.ndarray, "_ _"], ...]:
        """The factors, with an identity put beside one that stands alone."""
        if len(self.factors) > 1:
            return self.factors
        return (*self.factors, np.eye(self.shape[1]))


def _product(factors: tuple[np.ndarray, ...]) -> np.ndarray:
    return factors[0] if len(factors) == 1 else np.linalg.multi_dot(factors)


def _product_flops(dimensions: tuple[int, ...]) -> int:
    """Operations of the cheapest order of multiplying a chain out."""
    count = len(dimensions) - 1
    cost = {(i, i): 0 for i in range(count)}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            cost[i, j] = min(
                cost[i, k]
                + cost[k + 1, j]
                + 2 * dimensions[i] * dimensions[k + 1] * dimensions[j + 1]
                for k in range(i, j)
            )
    return cost[0, count - 1]
