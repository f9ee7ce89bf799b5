"""What is proposed for the low-rank screen, by the law that Theorem 6.12 states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from probbound.check.report import Refused
from probbound.check.tasks.pairs.folded import Folded

_LOOKED_AT = 1 << 11
LEAST = 2.0**-10
_MOST = 60


@dataclass(frozen=True)
class Proposal:
    """The scaled network, and W = Y Q + v 1ᵀ + Δ, |x| / 2 = m̄ + y in it (Theorem 8.4)."""

    scaled: Folded
    left: np.ndarray
    right: np.ndarray
    centre: np.ndarray
    mean: np.ndarray

    @classmethod
    def of(cls, folded: Folded, rank: int) -> Proposal:
        """By the law.

        Raises:
            Refused: if there are not so many directions.
        """
        gates, classes = folded.gates, folded.out.shape[1]
        if rank > min(gates, classes):
            raise Refused(f"there are {min(gates, classes)} directions, fewer than {rank}")
        a, b = np.divmod(looked_at(len(folded.first) * len(folded.second)), len(folded.second))
        half = np.abs(folded.first[a, :gates] + folded.second[b, :gates]) / 2
        spread, mean = half.std(axis=0), half.mean(axis=0)
        first = _exponents(folded, spread)
        out, (left, right, centre) = _scaled_out(folded, first), _directions(folded, first, rank)
        remains = (out - centre[:, None] - left @ right)[:gates].std(axis=1)
        missing = np.ldexp(remains, -first[:gates])
        least = LEAST * missing.max(initial=0.0)
        exponents = _exponents(folded, np.sqrt(spread / np.maximum(missing, least)))
        left, right, centre = _directions(folded, exponents, rank)
        means = np.zeros(len(folded.out))
        means[:gates] = np.ldexp(mean, -exponents[:gates])
        scaled = folded.scaled(exponents)
        return cls(scaled, left, right, centre, np.nan_to_num(means))


def looked_at(pairs: int) -> np.ndarray:
    """Numbers of the pairs that are looked at."""
    if pairs <= _LOOKED_AT:
        return np.arange(pairs)
    shares = np.arange(_LOOKED_AT) * ((np.sqrt(5) - 1) / 2) % 1
    return np.minimum((shares * pairs).astype(np.int64), pairs - 1)


def _exponents(folded: Folded, sizes: np.ndarray) -> np.ndarray:
    """The nearest power of two of each size at a gate, 0 elsewhere."""
    found = np.zeros(len(folded.out), dtype=np.int64)
    found[: folded.gates] = nearest_powers(sizes)
    return found


def nearest_powers(sizes: np.ndarray) -> np.ndarray:
    """e(x) of Theorem 6.12: the exponent of the nearest power of two of each size."""
    sizes = np.nan_to_num(sizes, posinf=0.0)
    largest = sizes.max(initial=0.0)
    if not largest > 0:
        return np.zeros(len(sizes), dtype=np.int64)
    powers = np.rint(np.log2(np.maximum(sizes, LEAST * largest)))
    return np.clip(powers, -_MOST, _MOST).astype(np.int64)


def _scaled_out(folded: Folded, exponents: np.ndarray) -> np.ndarray:
    return np.ldexp(folded.out, exponents[:, None])


def _directions(
    folded: Folded, exponents: np.ndarray, rank: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Y, Q and v: the leading singular directions of what gates add to the mean column."""
    out = _scaled_out(folded, exponents)
    centre = np.nan_to_num(out.mean(axis=1), posinf=0.0, neginf=0.0)
    rest = np.nan_to_num(out - centre[:, None], posinf=0.0, neginf=0.0)
    _, _, found = np.linalg.svd(rest[: folded.gates], full_matrices=False)
    return rest @ found[:rank].T, found[:rank], centre
