"""What the maker proposes for the rotating frame: frequencies, their sizes, directions beside."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from probbound.machine.errors import UserError
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.screens.pairs import feature_flops, features
from probbound.tasks.pairs.screens.rank_proposal import LOOKED_AT, spread_pairs

_COLUMNS = 1 << 11  # of the output matrix are looked at for directions beside
_UNITS = 2.0**30  # powers of frequencies are compared in whole ones, of the largest
_LEAST_SQUARE = 2.0**-30  # of the largest: a direction with less is none


@dataclass(frozen=True)
class FrameProposal:
    """Any choice is sound (Theorem 8.10).

    The output matrix is nearly `waves` times cosine and sine of each frequency (in this order),
    plus `beside` · `others`, plus `centre` in every column. `sizes[k]` · |cos(π k (a - b) / p)| is
    nearly how far frequency k speaks for the right class; `mean` is about the mean of features.
    """

    frequencies: Int[np.ndarray, " n_waves"]
    waves: Float[np.ndarray, "n_features two_n_waves"]
    sizes: Float[np.ndarray, " n_waves"]
    beside: Float[np.ndarray, "n_features n_beside"]
    others: Float[np.ndarray, "n_beside p"]
    centre: Float[np.ndarray, " n_features"]
    mean: Float[np.ndarray, " n_features"]


def trigonometric(
    frequencies: Int[np.ndarray, " n_waves"], p: int
) -> Float[np.ndarray, "two_n_waves p"]:
    """cos(2πkc/p) and sin(2πkc/p) of every class, off by at most 2^-46 (Assumption 8.9)."""
    angles = 2 * np.pi / p * ((frequencies[:, None] * np.arange(p)) % p)
    return np.concatenate([np.cos(angles), np.sin(angles)])


def swing(frequencies: Int[np.ndarray, " n_waves"], p: int) -> Float[np.ndarray, "n_waves p"]:
    """|cos(πkt/p)| for every difference t: how far waves of two operands agree."""
    return np.abs(np.cos(np.pi / p * ((frequencies[:, None] * np.arange(p)) % p)))


def propose_frame(folded: Folded, waves: int, beside: int) -> FrameProposal:
    """The strongest frequencies of the output matrix, and directions of what they leave.

    By the law of Theorem 6.14.

    Raises:
        UserError: if the classes are no circle, or so many frequencies or directions are not there.
    """
    p, n = folded.n_classes, folded.n_features
    if not folded.n_first == folded.n_second == p or p < 3:
        raise UserError(
            f"a rotating frame needs operands and classes of one size, at least 3; got "
            f"{folded.n_first}, {folded.n_second} and {p}"
        )
    if not 1 <= waves <= (p - 1) // 2 or not 0 <= beside <= min(n, p) - 2 * waves:
        raise UserError(
            f"there can be 1 to {(p - 1) // 2} frequencies and, beside them, at most "
            f"{max(0, min(n, p) - 2 * waves)} directions; got {waves} and {beside}"
        )
    with np.errstate(all="ignore"):
        out = np.where(np.abs(folded.out) < 1e100, folded.out, 0.0)
        frequencies = _strongest(out, waves)
        basis = trigonometric(frequencies, p)
        centre, weights = out.mean(axis=1), out @ basis.T * (2 / p)
        others, left = _beside(out - centre[:, None] - weights @ basis, beside)
        a, b = spread_pairs(folded)
        found = features(folded, a, b)
        found = np.where(np.abs(found) < 1e100, found, 0.0)
        sizes = _sizes(found @ weights, frequencies, (a - b) % p, folded.labels[a, b], p)
    return FrameProposal(
        frequencies, weights, sizes, left, others, centre, np.asarray(found.mean(axis=0))
    )


def _strongest(out: Float[np.ndarray, "n p"], number: int) -> Int[np.ndarray, " number"]:
    """The frequencies of most power; of equal ones, as whole numbers are, the smaller."""
    power = (np.abs(np.fft.rfft(out, axis=1)) ** 2).sum(axis=0)[1 : (out.shape[1] + 1) // 2]
    whole = np.nan_to_num(np.rint(power / power.max() * _UNITS), posinf=0.0)
    return 1 + np.sort(np.argsort(-whole, kind="stable")[:number])


def _beside(
    rest: Float[np.ndarray, "n p"], number: int
) -> tuple[Float[np.ndarray, "n_beside p"], Float[np.ndarray, "n n_beside"]]:
    """The leading directions of the rest, found on some of its columns."""
    n, p = rest.shape
    if number == 0:
        return np.zeros((0, p)), np.zeros((n, 0))
    some = rest[:, :: max(1, p // _COLUMNS)]
    values, vectors = np.linalg.eigh(some @ some.T)
    left = vectors[:, : -number - 1 : -1]
    left = left * (values[: -number - 1 : -1] > _LEAST_SQUARE * values[-1])
    return left.T @ rest, left


def _sizes(
    points: Float[np.ndarray, "n two_n_waves"],
    frequencies: Int[np.ndarray, " n_waves"],
    differences: Int[np.ndarray, " n"],
    labels: Int[np.ndarray, " n"],
    p: int,
) -> Float[np.ndarray, " n_waves"]:
    """How far each frequency speaks for the right class, fitted to pairs that were looked at."""
    k = len(frequencies)
    turned = trigonometric(frequencies, p)[:, labels].T * points
    agreed = swing(frequencies, p)[:, differences].T
    fitted = ((turned[:, :k] + turned[:, k:]) * agreed).sum(axis=0)
    return np.maximum(fitted / np.maximum((agreed**2).sum(axis=0), 1e-300), 0.0)


def frame_proposal_flops(folded: Folded, waves: int, beside: int) -> int:
    """Operations of `propose_frame`, nearly."""
    n, p, looked = folded.n_features, folded.n_classes, min(LOOKED_AT, folded.size)
    transform = n * p * (10 + 3 * math.ceil(math.log2(p)))
    fitted = 8 * n * p * waves + 12 * waves * p
    some = min(p, 2 * _COLUMNS)
    others = (2 * n * n * some + 9 * n**3 + 2 * n * p * beside) if beside else 0
    return transform + fitted + others + looked * (feature_flops(folded) + n * (4 * waves + 4))
