"""What rounding, of the folding and of a check, takes from the margin of each pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from probbound.arithmetic.rounding import gamma, inflated
from probbound.noise.norms import lengths_upper
from probbound.tasks.pairs.folded import Folded

UNDERFLOW = 2.0**-500  # t of Theorem 8.1
LARGEST_NORM = 2.0**64


@dataclass(frozen=True)
class PairSlack:
    """A number for each pair, first[a] + second[b]: what a computed margin has to exceed."""

    first: Float[np.ndarray, " n_first"]
    second: Float[np.ndarray, " n_second"]

    def __add__(self, other: PairSlack) -> PairSlack:
        """Both together, each sum rounded up."""
        return PairSlack(
            inflated(self.first + other.first, 1), inflated(self.second + other.second, 1)
        )

    def times(self, factor: float) -> PairSlack:
        """So many times the slack, rounded up."""
        return PairSlack(inflated(self.first * factor, 1), inflated(self.second * factor, 1))

    def of(self, a: Int[np.ndarray, " n"], b: Int[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The slack of pairs; what is lost in this one sum is counted in the parts."""
        return self.first[a] + self.second[b]


@dataclass(frozen=True)
class Sizes:
    """2-norms, rounded up, of the rows of both operands and of the columns of the output.

    Infinite where they are above 2^64 or no numbers: nothing is certified then (Theorem 8.1).
    """

    first: Float[np.ndarray, " n_first"]
    second: Float[np.ndarray, " n_second"]
    out: Float[np.ndarray, " n_classes"]

    @classmethod
    def of(cls, folded: Folded) -> Sizes:
        """The sizes of a network: two operations for each stored number, few for each row."""
        return cls(*map(lengths, (folded.first, folded.second, folded.out.T)))

    @property
    def largest_out(self) -> float:
        """The longest column of the output."""
        return float(self.out.max())


def lengths(rows: Float[np.ndarray, "m n"]) -> Float[np.ndarray, " m"]:
    """‖·‖₂ of every row, rounded up; infinite where there is no bound to rely on."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = lengths_upper(rows) + UNDERFLOW
    return np.where(found <= LARGEST_NORM, found, np.inf)


def length(values: Float[np.ndarray, "..."]) -> float:
    """‖·‖₂ of a vector, ‖·‖_F of a matrix, as `lengths`."""
    return float(lengths(values.reshape(1, -1))[0])


def folding_slack(folded: Folded, sizes: Sizes) -> PairSlack:
    """κ of Theorem 8.1: how far the margin that is meant may be below that of what is stored."""
    out, off = sizes.largest_out, float(folded.out_error.max())
    rows = (
        2 * (error * (out + off) + size * off) + UNDERFLOW
        for error, size in (
            (folded.first_error, sizes.first),
            (folded.second_error, sizes.second),
        )
    )
    return PairSlack(*(inflated(row, 5) for row in rows))


def rounding_slack(sizes: Sizes, steps: int, weight: float, offset: float = 0.0) -> PairSlack:
    """γ_steps · weight · (size of the pair + offset), for what a check rounds (8.3, 8.5)."""
    error = gamma(steps) * weight
    first, second = error * (sizes.first + offset), error * sizes.second
    return PairSlack(inflated(first + UNDERFLOW, 5), inflated(second + UNDERFLOW, 5))


def sizes_flops(folded: Folded) -> int:
    """Operations of `Sizes.of`."""
    rows = folded.n_first + folded.n_second + folded.n_classes
    return (2 * folded.n_features + 4) * rows


def slack_flops(folded: Folded) -> int:
    """Operations of both slacks and of their sum."""
    return 14 * (folded.n_first + folded.n_second) + folded.n_classes
