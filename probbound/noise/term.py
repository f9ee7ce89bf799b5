"""Structure and noise: a product of matrices, and what is left when the structure is taken out."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import equinox as eqx
import numpy as np
from jaxtyping import Float

from probbound.arithmetic.factored import FactoredMatrix
from probbound.machine.errors import UserError

Reads = Literal["pairs", "rows", "last-row"]
Axis = Literal["rows", "columns"]
_MOST_BINARY_ORDERS = 240  # of all factors together; norms of products of Gram matrices exist


class NoiseTerm(eqx.Module):
    """A product of matrices, split into structure and a remainder that is never formed.

    `remainder` is the noise: the product, in real arithmetic, of its stored factors. `structure`
    is by definition the rest, so that the rounding of forming the remainder's factors moves
    numbers between the two and makes no bound on the remainder wrong.

    `reads` says which entries an input x_1 … x_k touches: with `pairs` those at (x_k, x_p), the
    last token against the token at each position, its own among them; with `rows` all of the
    rows x_p; with `last-row` all of the row x_k.

    Raises:
        UserError: if the shapes of the two differ, pairs are read from a matrix not square, or the
            remainder's weights are so large or small that its norms could over- or underflow.
    """

    original: FactoredMatrix
    remainder: FactoredMatrix
    name: str = eqx.field(static=True, default="noise")
    reads: Reads = eqx.field(static=True, default="rows")

    def __check_init__(self) -> None:
        if self.original.shape != self.remainder.shape:
            raise UserError(
                f"the remainder has shape {self.remainder.shape} but the product has "
                f"{self.original.shape}; they must be equal"
            )
        if self.reads == "pairs" and self.shape[0] != self.shape[1]:
            raise UserError(f"pairs of tokens need a square matrix, got shape {self.shape}")
        largest = [float(np.abs(factor).max()) for factor in self.remainder.factors]
        if sum(abs(math.frexp(size)[1]) for size in largest if size) > _MOST_BINARY_ORDERS:
            sizes = ", ".join(f"{size:.3g}" for size in largest)
            raise UserError(
                f"the largest weights of the factors, {sizes}, are too far from 1 for sound "
                "arithmetic; rescale the factors"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.remainder.shape

    @property
    def structure(self) -> FactoredMatrix:
        """What was taken out, as a factored difference."""
        return self.original - self.remainder

    @classmethod
    def whole(cls, matrix: FactoredMatrix, reads: Reads = "rows") -> NoiseTerm:
        """Nothing taken out: all of the matrix is noise."""
        return cls(matrix, matrix, reads=reads)

    def without_leading(self, rank: int) -> NoiseTerm:
        """Take out the `rank` leading singular directions of the remainder, on both sides.

        Raises:
            UserError: if the remainder has fewer singular values than that.
        """
        left, _, right = self.remainder.svd(rank)
        return self._projected(left, right)

    def without_directions(
        self,
        left: Float[np.ndarray, "m k"] | None = None,
        right: Float[np.ndarray, "n l"] | None = None,
    ) -> NoiseTerm:
        """Project the span of the given columns out: (I - P_left) N (I - P_right).

        Raises:
            UserError: if the directions have the wrong length, or hold a NaN or an infinity.
        """
        m, n = self.shape
        for name, vectors, length in (("left", left, m), ("right", right, n)):
            if vectors is None:
                continue
            if vectors.ndim != 2 or vectors.shape[0] != length:
                raise UserError(
                    f"{name} directions must be columns of length {length}, "
                    f"got shape {vectors.shape}"
                )
            if not np.isfinite(vectors).all():
                raise UserError(f"{name} directions hold a NaN or an infinity")
        return self._projected(
            np.zeros((m, 0)) if left is None else _basis(left),
            np.zeros((n, 0)) if right is None else _basis(right),
        )

    def without_pair(
        self, left: Float[np.ndarray, "m r"], right: Float[np.ndarray, "r n"]
    ) -> NoiseTerm:
        """Subtract the low-rank matrix `left` @ `right`; the inner dimensions add up.

        Raises:
            UserError: if the pair's shape is not the term's.
        """
        return self._leaving(self.remainder - FactoredMatrix(left, right))

    def centred(self, axis: Axis) -> NoiseTerm:
        """Subtract from each row (or column) its own mean.

        The mean of the rows of the last factor over its columns is folded into that factor, so
        that the inner dimension stays. Row spreads do not change when rows are centred.
        """
        factors = self.remainder.two_sided
        if axis == "rows":
            last = factors[-1] - factors[-1].mean(axis=1, keepdims=True)
            return self._leaving(FactoredMatrix(*factors[:-1], last))
        first = factors[0] - factors[0].mean(axis=0)
        return self._leaving(FactoredMatrix(first, *factors[1:]))

    def peeled(self, rank: int) -> NoiseTerm:
        """Take the `rank` leading directions out of the product, then out of every factor.

        After `without_leading`, each factor loses its own leading singular directions, so that
        what remains is a chain of small factors, for the methods that walk the chain
        (`subproduct`, `recursive`). The structure then holds every product in which at least one
        factor is a leading part. A factor that has no more than `rank` leaves zeros, not rounding.

        Raises:
            UserError: if a factor has fewer singular values than that.
        """
        chain = self.without_leading(rank).remainder.factors
        small = [NoiseTerm.whole(FactoredMatrix(f)).without_leading(rank).remainder for f in chain]
        left = [s.factors[0] if rank < min(s.shape) else np.zeros(s.shape) for s in small]
        return self._leaving(FactoredMatrix(*left))

    def _projected(
        self, left: Float[np.ndarray, "m k"], right: Float[np.ndarray, "n l"]
    ) -> NoiseTerm:
        *factors, last = self.remainder.factors
        factors.append(last - (last @ right) @ right.T)
        factors[0] = factors[0] - left @ (left.T @ factors[0])
        return self._leaving(FactoredMatrix(*factors))

    def _leaving(self, remainder: FactoredMatrix) -> NoiseTerm:
        return replace(self, remainder=remainder)


def _basis(columns: Float[np.ndarray, "m k"]) -> Float[np.ndarray, "m r"]:
    """Orthonormal columns of the same span; QR would add some of its own to dependent ones."""
    wide = np.asarray(columns, dtype=np.float64)
    largest = np.abs(wide).max(axis=0, initial=0.0)
    scaled = wide[:, largest > 0] / largest[largest > 0]
    left, values, _ = np.linalg.svd(scaled, full_matrices=False)
    least = max(scaled.shape) * np.finfo(np.float64).eps * values.max(initial=0.0)
    return left[:, values > least]
