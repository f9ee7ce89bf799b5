"""Few directions of the output matrix for `gates`: by the law that Theorem 6.13 states."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.linalg import eigh

from probbound.machine.errors import UserError
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.screens.rank_proposal import (
    LEAST_SPREAD,
    RankProposal,
    nearest_exponents,
)

_LEAST_SQUARE = 2.0**-30  # of the largest: a direction with less says nothing


def propose_directions(folded: Folded, rank: int) -> RankProposal:
    """Features as long in the operands as in the output, and its leading directions then.

    Nothing is looked at but weights. Norms bound what the directions leave, so no mean is
    proposed; centres are left to who has sums over pairs.

    Raises:
        UserError: if there are not so many directions.
    """
    k, classes = folded.out.shape
    if not 1 <= rank <= min(folded.gated, classes):
        raise UserError(f"rank must lie between 1 and {min(folded.gated, classes)}, got {rank}")
    with np.errstate(all="ignore"):
        centre = _numbers(folded.out.mean(axis=1))
        rest = _numbers(folded.out - centre[:, None])
        inside = np.sqrt((folded.first**2).sum(axis=0) + (folded.second**2).sum(axis=0))
        outside = np.sqrt((rest**2).sum(axis=1))
        least = LEAST_SPREAD * np.nan_to_num(outside, posinf=0.0).max(initial=0.0)
        exponents = nearest_exponents(np.sqrt(inside / np.maximum(outside, least)))
        rest = np.ldexp(rest, exponents[:, None])
        right = _leading(_numbers(rest.T @ rest), rank)
        return RankProposal(
            exponents=exponents,
            left=rest @ right.T,
            right=right,
            centre=np.ldexp(centre, exponents),
            mean=np.zeros(k),
            centres=np.zeros((classes, rank)),
        )


def directions_flops(folded: Folded, rank: int) -> int:
    """Operations of `propose_directions`; of symmetric products half is computed."""
    k, n = folded.out.shape
    rows = folded.n_first + folded.n_second
    sizes = k * (2 * rows + 5 * n + 8)
    return sizes + k * n * n + (4 * n**3) // 3 + 4 * n * n * rank + 2 * k * n * rank


def _leading(square: Float[np.ndarray, "n n"], rank: int) -> Float[np.ndarray, "rank n"]:
    """Eigenvectors of the largest eigenvalues, largest first; zero where one is next to none."""
    n = len(square)
    values, vectors = eigh(square, subset_by_index=(n - rank, n - 1))
    kept = values > _LEAST_SQUARE * values[-1]
    return np.ascontiguousarray((vectors * kept).T[::-1])


def _numbers(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(values, posinf=0.0, neginf=0.0)
