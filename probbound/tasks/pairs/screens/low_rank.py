"""`low-rank`: gates exact, output matrix of few directions, the rest by Cauchy–Schwarz."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from probbound.arithmetic.rounding import gamma, inflated
from probbound.contract.cost import CostMeter
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.screens.cone import Cones, cone_flops, cones_flops
from probbound.tasks.pairs.screens.forward import not_above
from probbound.tasks.pairs.screens.pairs import (
    PairResidue,
    Pairs,
    all_features,
    feature_flops,
    features,
    in_chunks,
    numbered,
)
from probbound.tasks.pairs.screens.rank_proposal import RankProposal, propose
from probbound.tasks.pairs.screens.slack import (
    PairSlack,
    Sizes,
    folding_slack,
    length,
    lengths,
    rounding_slack,
    sizes_flops,
    slack_flops,
)

Labels = Int[np.ndarray, " n"]
Numbers = Float[np.ndarray, " n"]


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
        left, right, centre = proposal.left, proposal.right, proposal.centre
        delta = (scaled.out - centre[:, None]) - left @ right
        whole = sizes.out + length(centre) + length(left) * lengths(right.T)
        error = gamma(proposal.rank + 3) * whole
        tails = _distances(delta[: scaled.gated], error)
        weight = inflated(float((lengths(delta.T) + whole).max()), 8)
        first = _linear_half(scaled.first, scaled.gated) @ delta
        second = first if scaled.tied else _linear_half(scaled.second, scaled.gated) @ delta
        first = first + (proposal.mean @ delta)[None]
        worst = (table.max(axis=1) for table in (tails, first, second))
        return cls(tails, first, second, weight, *worst)


def _distances(
    delta: Float[np.ndarray, "gated n_classes"], error: Float[np.ndarray, " n_classes"]
) -> Float[np.ndarray, "n_classes n_classes"]:
    """How far columns are from each other, rounded up; each column is off by at most `error`."""
    sizes, products = lengths(delta.T), delta.T @ delta
    squares = np.diagonal(products)[:, None] + np.diagonal(products) - 2 * products
    squares = np.maximum(squares, 0.0)
    squares += 2 * gamma(len(delta) + 8) * (sizes[:, None] + sizes) ** 2
    return inflated(np.sqrt(squares) + (error[:, None] + error), 8)


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


@dataclass(frozen=True)
class LowRankScreen:
    """Certifies pairs by few directions of the output matrix (Theorems 8.4 to 8.6).

    The cone of a pair's class is tried first; what it leaves is compared with every class.
    """

    scaled: Folded
    weights: Float[np.ndarray, "n_features rank_1"]
    right: Float[np.ndarray, "rank n_classes"]
    remainder: Remainder
    lengths: Lengths
    cones: Cones
    point_error: PairSlack
    slack: PairSlack
    name: str = "low-rank"

    @classmethod
    def of(
        cls, folded: Folded, rank: int, margin: float = 0.0, proposal: RankProposal | None = None
    ) -> LowRankScreen:
        """Of a network, with what is proposed for it by default.

        Raises:
            UserError: if there are not so many directions.
        """
        proposal = propose(folded, rank) if proposal is None else proposal
        with np.errstate(all="ignore"):
            return cls._of(folded, proposal, margin)

    @classmethod
    def _of(cls, folded: Folded, proposal: RankProposal, margin: float) -> LowRankScreen:
        scaled = folded.scaled(proposal.exponents)
        sizes = Sizes.of(scaled)
        remainder = Remainder.of(scaled, sizes, proposal)
        steps, width = scaled.n_features + proposal.rank + 16, length(proposal.left)
        rounding = rounding_slack(
            sizes, steps, 12 * remainder.weight + abs(margin), length(proposal.mean) + 1
        )
        slack = folding_slack(folded, Sizes.of(folded)) + rounding
        return cls(
            scaled=scaled,
            weights=np.column_stack([proposal.left, proposal.mean]),
            right=proposal.right,
            remainder=remainder,
            lengths=Lengths.of(scaled, sizes, proposal.mean),
            cones=Cones.of(proposal.centres, proposal.right),
            point_error=rounding_slack(sizes, steps, 4 * width),
            slack=PairSlack(slack.first + margin, slack.second),
        )

    @property
    def rank(self) -> int:
        """How many directions stand for the output matrix."""
        return self.right.shape[0]

    @property
    def flops(self) -> int:
        """Operations for one pair that its cone does not hold; the most there can be."""
        n, rank = self.scaled.n_features, self.rank
        own = feature_flops(self.scaled) + 2 * n * (rank + 1) + 2 * self.scaled.gated
        return own + _join_flops(rank) + compare_flops(rank, self.scaled.n_classes)

    def uncertified(self, pairs: Pairs) -> Bool[np.ndarray, " n"]:
        """Which pairs it leaves."""
        return in_chunks(self._of_some, pairs, 3 * self.scaled.n_features)

    def enumerate(self, meter: CostMeter) -> PairResidue:
        """All pairs that it leaves."""
        scaled, gates = self.scaled, slice(self.scaled.gated)
        proof = table_flops(scaled, self.rank) + enumerate_flops(scaled, self.rank)
        with (
            np.errstate(all="ignore"),
            meter.phase("low-rank screen", "proof", proof) as phase,
        ):
            left = np.empty((scaled.n_first, scaled.n_second), dtype=bool)
            gram = scaled.first[:, gates] @ scaled.second[:, gates].T
            for rows, found in all_features(scaled):
                points = found @ self.weights
                some, compared = self._left(points, gram[rows].ravel(), *numbered(scaled, rows))
                phase.flops += compared * compare_flops(self.rank, scaled.n_classes)
                left[rows] = some.reshape(-1, scaled.n_second)
            return PairResidue.of(left)

    def _of_some(self, a: Labels, b: Labels) -> Bool[np.ndarray, " n"]:
        gates, scaled = slice(self.scaled.gated), self.scaled
        with np.errstate(all="ignore"):
            gram = np.einsum("nm,nm->n", scaled.first[a, gates], scaled.second[b, gates])
            return self._left(features(scaled, a, b) @ self.weights, gram, a, b)[0]

    def _left(
        self, points: Float[np.ndarray, "n rank_1"], gram: Numbers, a: Labels, b: Labels
    ) -> tuple[Bool[np.ndarray, " n"], int]:
        """Which pairs are left, and how many were compared with every class."""
        away = self.lengths.of_pairs(a, b, gram, points[:, -1])
        points, labels, lead = points[:, :-1], self.scaled.labels[a, b], self.slack.of(a, b)
        left = ~self._held(points, away, labels, lead, a, b)
        some = np.flatnonzero(left)
        picked = (x[some] for x in (points, away, labels, lead, a, b))
        left[some] = self._compared(*picked)
        return left, len(some)

    def _held(
        self,
        points: Float[np.ndarray, "n rank"],
        away: Numbers,
        labels: Labels,
        lead: Numbers,
        a: Labels,
        b: Labels,
    ) -> Bool[np.ndarray, " n"]:
        """Which pairs lie in the cone of their class."""
        rest = self.remainder
        least = self.cones.least(points, labels, self.point_error.of(a, b))
        least += rest.first[a, labels] - rest.worst_first[a]
        least += rest.second[b, labels] - rest.worst_second[b]
        return least - away * rest.worst_tail[labels] > lead

    def _compared(
        self,
        points: Float[np.ndarray, "n rank"],
        away: Numbers,
        labels: Labels,
        lead: Numbers,
        a: Labels,
        b: Labels,
    ) -> Bool[np.ndarray, " n"]:
        """Which pairs some class may win."""
        values = points @ self.right
        values += self.remainder.first[a]
        values += self.remainder.second[b]
        values += away[:, None] * self.remainder.tails[labels]
        return not_above(values, labels, lead)


def compare_flops(rank: int, n_classes: int) -> int:
    """Operations of comparing one pair with every class."""
    return (2 * rank + 5) * n_classes + 2


def _join_flops(rank: int) -> int:
    return cone_flops(rank) + 24


def enumerate_flops(scaled: Folded, rank: int) -> int:
    """Operations on all pairs, apart from the comparisons of what the cones leave."""
    n = scaled.n_features
    each = feature_flops(scaled) + 2 * n * (rank + 1) + 2 * scaled.gated + _join_flops(rank)
    return scaled.size * each


def table_flops(scaled: Folded, rank: int) -> int:
    """Operations of `LowRankScreen.of`, what is proposed apart."""
    k, gated, n = scaled.n_features, scaled.gated, scaled.n_classes
    rows = scaled.n_first + scaled.n_second
    tables = (scaled.n_first if scaled.tied else rows) * (gated + 2 * k * n)
    columns = n * (2 * k * rank + 8 * k + 2 * gated + 2 * rank + 30)
    distances = n * n * (2 * gated + 14) + rows * n + scaled.n_first * n
    squares = rows * (5 * gated + 12)
    return (
        2 * sizes_flops(scaled)
        + 2 * slack_flops(scaled)
        + k * (rows + n + 2 * rank + 5)
        + scaled.n_first * k
        + tables
        + columns
        + distances
        + squares
        + cones_flops(rank, n)
    )
