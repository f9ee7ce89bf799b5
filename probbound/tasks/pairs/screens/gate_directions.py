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
        exponents, centre, rest = _scaled_rest(folded)
        right = _leading(_numbers(rest.T @ rest), rank)
        return RankProposal(
            exponents=exponents,
            left=rest @ right.T,
            right=right,
            centre=np.ldexp(centre, exponents),
            mean=np.zeros(k),
            centres=np.zeros((classes, rank)),
        )


def left_beyond(folded: Folded) -> Float[np.ndarray, " ranks"]:
    """What the leading r = 0, 1, … directions leave of the scaled output matrix, by its power.

    As a share of all its power; 1 everywhere where it has none. No table of classes by classes is
    made where features are fewer.
    """
    with np.errstate(all="ignore"):
        rest = _scaled_rest(folded)[2]
        square = rest.T @ rest if rest.shape[0] > rest.shape[1] else rest @ rest.T
        powers = np.maximum(eigh(_numbers(square), eigvals_only=True), 0.0)
        left = np.append(np.cumsum(powers)[::-1], 0.0)
        return left / left[0] if left[0] > 0 else np.ones(len(left))


def directions_flops(folded: Folded, rank: int) -> int:
    """Operations of `propose_directions`; of symmetric products half is computed."""
    k, n = folded.out.shape
    return _scaling_flops(folded) + k * n * n + (4 * n**3) // 3 + 2 * n * (2 * n + k) * rank


def left_beyond_flops(folded: Folded) -> int:
    """Operations of `left_beyond`."""
    few, many = sorted(folded.out.shape)
    return _scaling_flops(folded) + many * few * few + (4 * few**3) // 3 + 2 * few


def _scaled_rest(folded: Folded) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exponents of features, the mean column of the output, and what is beside it, scaled."""
    centre = _numbers(folded.out.mean(axis=1))
    rest = _numbers(folded.out - centre[:, None])
    inside = np.sqrt((folded.first**2).sum(axis=0) + (folded.second**2).sum(axis=0))
    outside = np.sqrt((rest**2).sum(axis=1))
    least = LEAST_SPREAD * np.nan_to_num(outside, posinf=0.0).max(initial=0.0)
    exponents = nearest_exponents(np.sqrt(inside / np.maximum(outside, least)))
    return exponents, centre, np.ldexp(rest, exponents[:, None])


def _scaling_flops(folded: Folded) -> int:
    k, n = folded.out.shape
    return k * (2 * (folded.n_first + folded.n_second) + 5 * n + 8)


def _leading(square: Float[np.ndarray, "n n"], rank: int) -> Float[np.ndarray, "rank n"]:
    """Eigenvectors of the largest eigenvalues, largest first; zero where one is next to none."""
    n = len(square)
    values, vectors = eigh(square, subset_by_index=(n - rank, n - 1))
    kept = values > _LEAST_SQUARE * values[-1]
    return np.ascontiguousarray((vectors * kept).T[::-1])


def _numbers(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(values, posinf=0.0, neginf=0.0)
