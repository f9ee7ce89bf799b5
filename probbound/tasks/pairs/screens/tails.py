"""What few directions leave of the output matrix, and what it can do to a pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from probbound.arithmetic.rounding import gamma, inflated
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.screens.rank_proposal import RankProposal
from probbound.tasks.pairs.screens.slack import Sizes, length, lengths

Labels = Int[np.ndarray, " n"]
Numbers = Float[np.ndarray, " n"]
LENGTH_FLOPS = 7  # of `Lengths.of_pairs` for one pair


@dataclass(frozen=True)
class Remainder:
    """What the few directions leave of the scaled output matrix (Theorems 8.4 and 8.5).

    `tails[s, c]` bounds ‖Δ_s - Δ_c‖ over the gates; `first`, `second` are what the half that is
    linear, and the mean of the other half, make of Δ for each class: exact, but for their rounding.
    """

    tails: Float[np.ndarray, "n_classes n_classes"]
    first: Float[np.ndarray, "n_first n_classes"]
    second: Float[np.ndarray, "n_second n_classes"]
    weight: float
    worst_tail: Numbers
    worst_first: Numbers
    worst_second: Numbers

    @classmethod
    def of(cls, scaled: Folded, sizes: Sizes, proposal: RankProposal) -> Remainder:
        """Of a scaled network and any proposal."""
        delta, whole, error = _delta(scaled, sizes, proposal)
        tails = _distances(delta[: scaled.gated], error)
        weight = inflated(float((lengths(delta.T) + whole).max()), 8)
        first = _linear_half(scaled.first, scaled.gated) @ delta
        second = first if scaled.tied else _linear_half(scaled.second, scaled.gated) @ delta
        first = first + (proposal.mean @ delta)[None]
        worst = (table.max(axis=1) for table in (tails, first, second))
        return cls(tails, first, second, weight, *worst)

    @classmethod
    def by_norms(cls, scaled: Folded, sizes: Sizes, proposal: RankProposal) -> Remainder:
        """The same where nothing but norms is made of it: ‖Δ_s‖ + ‖Δ_c‖ over all features."""
        delta, whole, error = _delta(scaled, sizes, proposal)
        norms = inflated(lengths(delta.T) + error, 6)
        weight = inflated(float((norms + whole).max()), 8)
        tails = inflated(norms[:, None] + norms, 1)
        tails[np.arange(len(tails)), np.arange(len(tails))] = 0.0
        first = np.zeros((scaled.n_first, scaled.n_classes))
        second = np.zeros((scaled.n_second, scaled.n_classes))
        none = np.zeros(scaled.n_first), np.zeros(scaled.n_second)
        return cls(tails, first, second, weight, tails.max(axis=1), *none)


def _delta(
    scaled: Folded, sizes: Sizes, proposal: RankProposal
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Δ as computed, the length of all that went into each column, and what that can round."""
    left, right, centre = proposal.left, proposal.right, proposal.centre
    delta = (scaled.out - centre[:, None]) - left @ right
    whole = sizes.out + length(centre) + length(left) * lengths(right.T)
    return delta, whole, gamma(proposal.rank + 3) * whole


def _distances(
    delta: Float[np.ndarray, "gated n_classes"], error: Float[np.ndarray, " n_classes"]
) -> Float[np.ndarray, "n_classes n_classes"]:
    """How far columns are from each other, rounded up; each column is off by at most `error`.

    A column is not away from itself: what would stand there is no tail of the own class.
    """
    sizes, products = lengths(delta.T), delta.T @ delta
    squares = np.diagonal(products)[:, None] + np.diagonal(products) - 2 * products
    squares = np.maximum(squares, 0.0)
    squares += 2 * gamma(len(delta) + 8) * (sizes[:, None] + sizes) ** 2
    found = inflated(np.sqrt(squares) + (error[:, None] + error), 8)
    found[np.arange(len(found)), np.arange(len(found))] = 0.0
    return found


@dataclass(frozen=True)
class Lengths:
    """How far half of |x| is from its proposed mean, for each pair: its square in three parts."""

    first: Numbers
    second: Numbers

    @classmethod
    def of(cls, scaled: Folded, sizes: Sizes, mean: Float[np.ndarray, " k"]) -> Lengths:
        """The parts of one operand alone, raised by what rounding can take from the whole."""
        error, size = 4 * gamma(2 * scaled.n_features + 16), length(mean)
        gates, middle = slice(scaled.gated), mean[: scaled.gated]
        parts = []
        for rows, long in ((scaled.first, sizes.first), (scaled.second, sizes.second)):
            half = rows[:, gates] / 2
            square = np.einsum("nm,nm->n", half, half) + 2 * (half @ middle) + middle @ middle / 2
            parts.append(square + inflated(error * (long + size) ** 2, 8))
        return cls(*parts)

    def of_pairs(
        self, a: Labels, b: Labels, gram: Numbers, at_mean: Numbers
    ) -> Float[np.ndarray, " n"]:
        """Of pairs, with their products of rows at the gates, and of features with the mean."""
        square = self.first[a] + self.second[b] + gram / 2 - 2 * at_mean
        return inflated(np.sqrt(np.maximum(square, 0.0)), 6)


def _linear_half(rows: Float[np.ndarray, "n k"], gated: int) -> Float[np.ndarray, "n k"]:
    """Half of each number that goes to a gate, and all of every other."""
    found = rows.copy()
    found[:, :gated] /= 2
    return found


def remainder_flops(scaled: Folded, rank: int) -> int:
    """Operations of `Remainder.of` and `Lengths.of`."""
    k, gated, n = scaled.n_features, scaled.gated, scaled.n_classes
    rows = scaled.n_first + scaled.n_second
    tables = (scaled.n_first if scaled.tied else rows) * (gated + 2 * k * n)
    columns = n * (2 * k * rank + 8 * k + 2 * gated + 2 * rank + 30)
    distances = n * n * (2 * gated + 14) + rows * n + scaled.n_first * n
    squares = rows * (5 * gated + 12)
    return scaled.n_first * k + tables + columns + distances + squares


def norm_flops(scaled: Folded, rank: int) -> int:
    """Operations of `Remainder.by_norms`."""
    k, n = scaled.n_features, scaled.n_classes
    return n * (2 * k * rank + 4 * k + 2 * rank + 30) + 3 * n * n
