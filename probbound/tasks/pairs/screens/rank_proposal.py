"""What the maker proposes for the low-rank screen: found by looking, trusted by nobody."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from probbound.machine.errors import UserError
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.screens.pairs import feature_flops, features

LOOKED_AT = 1 << 11
_LARGEST_EXPONENT = 60
LEAST_SPREAD = 2.0**-10  # of the widest feature; the others are held for at least so wide


@dataclass(frozen=True)
class RankProposal:
    """Any choice is sound (Theorems 8.2, 8.4 and 8.6).

    Features are divided by 2^`exponents`. The scaled output matrix is nearly `left` · `right` plus
    `centre` in every column; half of |x| at the gates is nearly `mean`, which is 0 elsewhere;
    `centres[s]` is about what the features of the pairs of class s make of `left`.
    """

    exponents: Int[np.ndarray, " n_features"]
    left: Float[np.ndarray, "n_features rank"]
    right: Float[np.ndarray, "rank n_classes"]
    centre: Float[np.ndarray, " n_features"]
    mean: Float[np.ndarray, " n_features"]
    centres: Float[np.ndarray, "n_classes rank"]

    @property
    def rank(self) -> int:
        """How many directions stand for the output matrix."""
        return self.right.shape[0]


def propose(folded: Folded, rank: int) -> RankProposal:
    """The singular directions of the output matrix, and features scaled so that norms say most.

    The product of two norms is least where each feature has the same share in both: its spread
    over what the directions leave of its row is what it is divided by, squared. Looks at LOOKED_AT
    pairs, evenly spread.

    Raises:
        UserError: if there are not so many directions.
    """
    most = min(folded.gated, folded.n_classes)
    if not 1 <= rank <= most:
        raise UserError(f"rank must lie between 1 and {most}, got {rank}")
    a, b = spread_pairs(folded)
    gates, found = slice(folded.gated), features(folded, a, b)
    with np.errstate(all="ignore"):
        half = np.abs(folded.first[a, gates] + folded.second[b, gates]) / 2
        spread, mean = half.std(axis=0), np.zeros(folded.n_features)
        mean[gates] = half.mean(axis=0)
        exponents = np.zeros(folded.n_features, dtype=np.int64)
        exponents[gates] = nearest_exponents(spread)
        missing = _missing(folded, exponents, rank)
        least = missing.max(initial=0.0) * LEAST_SPREAD
        exponents[gates] = nearest_exponents(np.sqrt(spread / np.maximum(missing, least)))
        centre, left, right = _directions(folded, exponents, rank)
        points = np.ldexp(found, -exponents) @ left
        return RankProposal(
            exponents=exponents,
            left=left,
            right=right,
            centre=centre,
            mean=np.nan_to_num(np.ldexp(mean, -exponents)),
            centres=_centres(folded, points, folded.labels[a, b]),
        )


def proposal_flops(folded: Folded, rank: int) -> int:
    """Operations of `propose`, nearly."""
    n, k, classes = min(LOOKED_AT, folded.size), folded.n_features, folded.n_classes
    looks = n * (feature_flops(folded) + 7 * k + 2 * k * rank + rank)
    small = min(folded.gated, classes)
    directions = 3 * k * classes + 22 * small**3 + 2 * k * classes * rank
    return looks + 2 * directions + 2 * k * classes * (rank + 3)


def _directions(
    folded: Folded, exponents: Int[np.ndarray, " k"], rank: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The centre of the scaled columns, and the leading directions of what gates add to it."""
    out = np.ldexp(folded.out, exponents[:, None])
    centre = np.nan_to_num(out.mean(axis=1), posinf=0.0, neginf=0.0)
    rest = np.nan_to_num(out - centre[:, None], posinf=0.0, neginf=0.0)
    right = np.linalg.svd(rest[: folded.gated], full_matrices=False)[2][:rank]
    return centre, rest @ right.T, right


def _missing(
    folded: Folded, exponents: Int[np.ndarray, " k"], rank: int
) -> Float[np.ndarray, " gated"]:
    """How much of the row of each gate the directions leave out."""
    centre, left, right = _directions(folded, exponents, rank)
    delta = np.ldexp(folded.out, exponents[:, None]) - centre[:, None] - left @ right
    return np.ldexp(delta[: folded.gated].std(axis=1), -exponents[: folded.gated])


def spread_pairs(folded: Folded) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Pairs at even distances: as many values of each operand, in step with no period."""
    n = min(LOOKED_AT, folded.size)
    numbers = np.arange(n) if n == folded.size else _golden(n, folded.size)
    return np.divmod(numbers, folded.n_second)


def _golden(n: int, size: int) -> Int[np.ndarray, " n"]:
    shares = np.arange(n) * ((np.sqrt(5) - 1) / 2) % 1
    return np.minimum((shares * size).astype(np.int64), size - 1)


def nearest_exponents(spread: Float[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """The nearest powers of two, small ones held for LEAST_SPREAD of the widest."""
    spread = np.nan_to_num(spread, posinf=0.0)
    widest = spread.max(initial=0.0)
    if not widest > 0:
        return np.zeros(len(spread), dtype=np.int64)
    powers = np.rint(np.log2(np.maximum(spread, widest * LEAST_SPREAD)))
    return np.clip(powers, -_LARGEST_EXPONENT, _LARGEST_EXPONENT).astype(np.int64)


def _centres(
    folded: Folded, points: Float[np.ndarray, "n rank"], labels: Int[np.ndarray, " n"]
) -> Float[np.ndarray, "n_classes rank"]:
    sums = np.zeros((folded.n_classes, points.shape[1]))
    np.add.at(sums, labels, np.nan_to_num(points, posinf=0.0, neginf=0.0))
    number = np.bincount(labels, minlength=folded.n_classes)
    return sums / np.maximum(number, 1)[:, None]
