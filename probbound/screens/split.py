"""A chain of matrices as a low-rank structure and a chain of small factors (Theorem 4.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from probbound.factored import FactoredMatrix

Matrix = Float[np.ndarray, "_ _"]
STEPS = 2


@dataclass(frozen=True)
class Split:
    """left @ right + noise is the product of the chain that was split."""

    left: Float[np.ndarray, "m r"]
    right: Float[np.ndarray, "r n"]
    noise: FactoredMatrix

    @property
    def structure(self) -> Float[np.ndarray, "m n"]:
        """The low-rank part, multiplied out."""
        return self.left @ self.right

    @property
    def structure_flops(self) -> int:
        """Operations of `structure`."""
        return 2 * self.left.shape[0] * self.right.size


def split(chain: Sequence[Matrix], rank: int) -> Split:
    """Take `rank` leading directions out of the product, then out of every factor.

    The directions are found by power iteration from fixed starts: how good they are decides how
    small the noise gets, and nothing else (Theorem 4.6). Beyond one pass for each iteration no
    factor is multiplied by another: linear in the vocabulary.
    """
    product = FactoredMatrix(*chain)
    left, right = _leading(product, rank)
    rows, columns = product.rmatvec(left).T, product.matvec(right)
    pairs = [(left, rows), (columns - left @ (left.T @ columns), right.T)]
    factors = list(product.factors)
    factors[-1] = factors[-1] - (factors[-1] @ right) @ right.T
    factors[0] = factors[0] - left @ (left.T @ factors[0])
    small: list[Matrix] = []
    for number, factor in enumerate(factors):
        direction = _leading(FactoredMatrix(factor), rank)[0]
        row = direction.T @ factor
        before, after = direction, row
        for peeled in reversed(small):
            before = peeled @ before
        for following in factors[number + 1 :]:
            after = after @ following
        pairs.append((before, after))
        small.append(factor - direction @ row)
    lefts, rights = zip(*pairs, strict=True)
    return Split(np.hstack(lefts), np.vstack(rights), FactoredMatrix(*small))


def split_flops(chain: Sequence[Matrix], rank: int) -> int:
    """Operations of `split`."""
    product = FactoredMatrix(*chain)
    m, once = product.shape[0], product.matvec_flops(rank)
    whole = _leading_flops(product, rank) + 2 * once + 4 * m * rank**2
    whole += 4 * rank * (chain[0].size + chain[-1].size) + chain[0].size + chain[-1].size
    peeling = sum(_leading_flops(FactoredMatrix(f), rank) + (4 * rank + 1) * f.size for f in chain)
    telescope = sum(
        2 * rank * sum(other.size for other in chain if other is not factor) for factor in chain
    )
    return whole + peeling + telescope


def _leading(matrix: FactoredMatrix, rank: int) -> tuple[Matrix, Matrix]:
    """Nearly the `rank` leading singular vectors of both sides, in orthonormal columns."""
    start = np.random.default_rng(0).standard_normal((matrix.shape[1], rank))
    right = np.linalg.qr(start)[0]
    for _ in range(STEPS):
        right = np.linalg.qr(matrix.rmatvec(matrix.matvec(right)))[0]
    return np.linalg.qr(matrix.matvec(right))[0], right


def _leading_flops(matrix: FactoredMatrix, rank: int) -> int:
    m, n = matrix.shape
    columns = min(rank, n)
    once = matrix.matvec_flops(columns)
    return (2 * STEPS + 1) * once + 4 * columns**2 * (m + (STEPS + 1) * n)
