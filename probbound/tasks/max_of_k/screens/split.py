"""A chain of matrices as a low-rank structure and a chain of small factors (Theorem 4.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.factored import FactoredMatrix
from probbound.tasks.max_of_k.screens.split_error import (
    Peeled,
    structure_error,
    structure_error_flops,
)

Matrix = Float[np.ndarray, "_ _"]
STEPS = 2


@dataclass(frozen=True)
class Split:
    """left @ right + noise is the product of the chain that was split, up to rounding.

    An entry of the computed `structure` is off by at most `error` (Theorem 5.8).
    """

    left: Float[np.ndarray, "m r"]
    right: Float[np.ndarray, "r n"]
    noise: FactoredMatrix
    error: float

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
    left, right = _leading(chain, rank)
    rows = _through([factor.T for factor in chain], left).T
    columns = _through(chain[::-1], right)
    pairs = [(left, rows), (columns - left @ (left.T @ columns), right.T)]
    factors = list(chain)
    factors[-1] = factors[-1] - (factors[-1] @ right) @ right.T
    factors[0] = factors[0] - left @ (left.T @ factors[0])
    small: list[Matrix] = []
    peeled: list[Peeled] = []
    for number, factor in enumerate(factors):
        direction = _leading([factor], rank)[0]
        row = direction.T @ factor
        after = _through([following.T for following in factors[number + 1 :]], row.T).T
        pairs.append((_through(small[::-1], direction), after))
        rest = factor - direction @ row
        small.append(_without_residue(rest, chain[number]))
        peeled.append(Peeled(chain[number], factor, direction, small[-1], rest - small[-1]))
    lefts, rights = zip(*pairs, strict=True)
    error = structure_error(peeled, left, right)
    return Split(np.hstack(lefts), np.vstack(rights), FactoredMatrix(*small), error)


def _without_residue(left: Matrix, factor: Matrix) -> Matrix:
    """`left`, or zeros where it is but the rounding of taking directions out of `factor`."""
    rounding = 16 * max(factor.shape) * 2.0**-53 * np.abs(factor).max()
    return left if np.abs(left).max() > rounding else np.zeros_like(left)


def split_flops(chain: Sequence[Matrix], rank: int) -> int:
    """Operations of `split`."""
    sizes = [factor.size for factor in chain]
    ends = chain[0].size + chain[-1].size
    rows = chain[0].shape[0]
    whole = _leading_flops(chain, rank) + 4 * rank * sum(sizes) + rows * rank * (4 * rank + 1)
    peeling = sum(_leading_flops([f], rank) + (4 * rank + 6) * f.size for f in chain)
    telescope = 2 * rank * (len(chain) - 1) * sum(sizes)
    norms = structure_error_flops([factor.shape for factor in chain], rank)
    return whole + (4 * rank + 1) * ends + peeling + telescope + norms


def _leading(chain: Sequence[Matrix], rank: int) -> tuple[Matrix, Matrix]:
    """Nearly the `rank` leading singular vectors of both sides, in orthonormal columns."""
    forwards, backwards = chain[::-1], [factor.T for factor in chain]
    start = np.random.default_rng(0).standard_normal((chain[-1].shape[1], rank))
    right = np.linalg.qr(start)[0]
    for _ in range(STEPS):
        right = np.linalg.qr(_through(backwards, _through(forwards, right)))[0]
    return np.linalg.qr(_through(forwards, right))[0], right


def _through(factors: Sequence[Matrix], columns: Matrix) -> Matrix:
    for factor in factors:
        columns = factor @ columns
    return columns


def _leading_flops(chain: Sequence[Matrix], rank: int) -> int:
    """One pass costs two operations for each stored number and column."""
    m, n = chain[0].shape[0], chain[-1].shape[1]
    once = 2 * rank * sum(factor.size for factor in chain)
    return (2 * STEPS + 1) * once + 4 * rank**2 * (m + (STEPS + 1) * n)
