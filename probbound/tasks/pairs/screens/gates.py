"""`gates`: the pattern of gates is the structure, and only gates that may flip are bounded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float

from probbound.arithmetic.rounding import gamma, inflated
from probbound.contract.cost import CostMeter
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.screens.gate_directions import propose_directions
from probbound.tasks.pairs.screens.gate_proposal import GateProposal, propose_gates
from probbound.tasks.pairs.screens.gate_sums import (
    BothSides,
    Pattern,
    Sides,
    losses_flops,
    pattern_flops,
    points_flops,
)
from probbound.tasks.pairs.screens.join import (
    Join,
    compare_flops,
    hold_flops,
    join_flops,
    most_flops,
)
from probbound.tasks.pairs.screens.pairs import PairResidue, Pairs, positive_parts
from probbound.tasks.pairs.screens.rank_proposal import RankProposal, propose
from probbound.tasks.pairs.screens.slack import (
    PairSlack,
    Sizes,
    length,
    lengths,
    rounding_slack,
    sizes_flops,
)
from probbound.tasks.pairs.screens.tails import (
    LENGTH_FLOPS,
    Labels,
    Lengths,
    Numbers,
    Remainder,
    norm_flops,
    remainder_flops,
)


@runtime_checkable
class Tail(Protocol):
    """What bounds the length that the remainder of the output matrix is multiplied by."""

    @property
    def flops(self) -> int:
        """Operations for each pair."""
        ...

    def away(self, a: Labels, b: Labels, at_mean: Numbers) -> Numbers:
        """Of pairs; `at_mean` is at most what their features make of the proposed mean."""
        ...


@dataclass(frozen=True)
class ExactTail:
    """‖|x|/2 - mean‖, from products of rows and what gates make of the mean (Theorem 8.4)."""

    lengths: Lengths
    gram: Float[np.ndarray, "n_first n_second"]
    flops: int = LENGTH_FLOPS

    def away(self, a: Labels, b: Labels, at_mean: Numbers) -> Numbers:
        """Of pairs."""
        return self.lengths.of_pairs(a, b, self.gram[a, b], at_mean)


@dataclass(frozen=True)
class NormTail:
    """‖f(a, b)‖ by the positive parts of the two rows (Theorem 8.7)."""

    first: Numbers
    second: Numbers
    flops: int = 1

    @classmethod
    def of(cls, scaled: Folded) -> NormTail:
        """Two operations for each stored number."""
        first, second = (positive_parts(scaled, rows) for rows in (scaled.first, scaled.second))
        return cls(lengths(first), lengths(second))

    def away(self, a: Labels, b: Labels, at_mean: Numbers) -> Numbers:
        """Of pairs, whatever the mean."""
        del at_mean
        return self.first[a] + self.second[b]


@dataclass(frozen=True)
class GatesScreen:
    """Certifies pairs by the pattern of gates that waves make (Theorems 8.7 and 8.8).

    Every gate is on or off as the waves say; what a gate that may flip can do is bounded by its
    residual, neuron by neuron, in sums over arcs. `points` is what either operand adds to
    points, for every difference a - b.
    """

    scaled: Folded
    gates: GateProposal
    sums: Sides
    points: BothSides
    tail: Tail
    join: Join
    mean_error: PairSlack
    prepared: int
    name: str = "gates"

    @classmethod
    def of(
        cls,
        folded: Folded,
        rank: int,
        levels: int,
        *,
        exact_tail: bool = True,
        margin: float = 0.0,
        proposal: RankProposal | None = None,
        gates: GateProposal | None = None,
    ) -> GatesScreen:
        """Of a network, with what is proposed for it by default.

        `exact_tail`: whether what the rank leaves out is multiplied by a length that is nearly
        exact, or by norms, which cost less and say less.

        Raises:
            UserError: if there are not so many directions, or no waves to follow.
        """
        if proposal is None:
            proposal = (propose if exact_tail else propose_directions)(folded, rank)
        proposal = replace(proposal, mean=np.maximum(proposal.mean, 0.0))
        with np.errstate(all="ignore"):
            scaled = folded.scaled(proposal.exponents)
            ranges = _ranges(scaled, proposal)
            if gates is None:
                gates = propose_gates(scaled, np.nan_to_num(ranges, posinf=0.0), levels)
            return cls._of(folded, scaled, proposal, gates.usable(), ranges, margin, exact_tail)

    @classmethod
    def _of(
        cls,
        folded: Folded,
        scaled: Folded,
        proposal: RankProposal,
        gates: GateProposal,
        ranges: Numbers,
        margin: float,
        exact_tail: bool,
    ) -> GatesScreen:
        sizes, patterns = Sizes.of(scaled), Pattern.all_of(gates)
        weights = np.column_stack([proposal.left, proposal.mean])
        sums = Sides(scaled, weights, gates, ranges, patterns)
        points = sums.points()
        proposal = replace(proposal, centres=_centres(scaled, points))
        steps, width = sums.roundings, length(weights)
        point_error = rounding_slack(sizes, steps, (sums.most_on + 1) * width)
        loss_error = rounding_slack(
            sizes, steps, (sums.most_levels + 1) * length(ranges), 2 * gates.size
        )
        if exact_tail:
            remainder = Remainder.of(scaled, sizes, proposal)
            part = slice(scaled.gated)
            gram = scaled.first[:, part] @ scaled.second[:, part].T
            tail: Tail = ExactTail(Lengths.of(scaled, sizes, proposal.mean), gram)
            prepared = remainder_flops(scaled, proposal.rank) + 2 * scaled.gated * scaled.size
        else:
            remainder = Remainder.by_norms(scaled, sizes, proposal)
            tail = NormTail.of(scaled)
            prepared = norm_flops(scaled, proposal.rank) + sizes_flops(scaled)
        join = Join.of(folded, scaled, proposal, remainder, margin, point_error, loss_error)
        prepared += join_flops(scaled, proposal.rank) + pattern_flops(gates)
        prepared += ranges_flops(scaled, proposal.rank) + sizes_flops(scaled)
        prepared += proposal.rank * (2 * scaled.size + scaled.n_classes)
        return cls(scaled, gates, sums, points, tail, join, point_error, prepared)

    @property
    def rank(self) -> int:
        """How many directions stand for the output matrix."""
        return self.join.rank

    @property
    def flops(self) -> int:
        """Operations for one pair that its cone does not hold, once the sums are there."""
        return self.each_flops + most_flops(self.rank, self.scaled.n_classes)

    @property
    def each_flops(self) -> int:
        """Operations for one pair that its cone holds, once the sums are there."""
        return self.rank + 6 + self.tail.flops + hold_flops(self.rank)

    @property
    def pattern_flops(self) -> int:
        """Operations of what is made once for `spare`: sums of gates that are on, and tables."""
        return self.prepared + points_flops(self.sums)

    @property
    def table_flops(self) -> int:
        """Operations of everything that is made once: the sums over arcs and the tables."""
        return self.pattern_flops + losses_flops(self.sums)

    @property
    def spare_flops(self) -> int:
        """Operations of `spare` for one pair, once the sums are there."""
        return self.rank + 4 + self.tail.flops + compare_flops(self.rank, self.scaled.n_classes)

    @cached_property
    def losses(self) -> BothSides:
        """What either operand adds to what may be lost, for every difference a - b."""
        with np.errstate(all="ignore"):
            return self.sums.losses()

    def uncertified(self, pairs: Pairs) -> Bool[np.ndarray, " n"]:
        """Which pairs it leaves."""
        with np.errstate(all="ignore"):
            return self._left(pairs[:, 0], pairs[:, 1])[0]

    def enumerate(self, meter: CostMeter) -> PairResidue:
        """All pairs that it leaves."""
        p = self.scaled.n_first
        proof = self.table_flops + self.scaled.size * self.each_flops
        with np.errstate(all="ignore"), meter.phase("gates screen", "proof", proof) as phase:
            left = np.empty((p, p), dtype=bool)
            for difference in range(p):
                a = np.arange(p)
                b = (a - difference) % p
                left[a, b], spent = self._left(a, b)
                phase.flops += spent
            return PairResidue.of(left)

    def spare(self, a: Labels, b: Labels) -> Numbers:
        """What gates that flip may take from the margin of each pair before it is lost."""
        points, away = self._points(a, b)
        return self.join.spare(points, away, a, b)

    def lost(self, a: Labels, b: Labels) -> Numbers:
        """What they can take at most, by sums over arcs."""
        first, second = self.losses
        difference = (a - b) % self.scaled.n_first
        return first[difference, a] + second[difference, b]

    def _points(self, a: Labels, b: Labels) -> tuple[Float[np.ndarray, "n rank"], Numbers]:
        """Points of pairs by the pattern, and what tails are multiplied by."""
        first, second = self.points
        difference = (a - b) % self.scaled.n_first
        points = first[difference, a] + second[difference, b]
        return points[:, :-1], self.tail.away(a, b, points[:, -1] - self.mean_error.of(a, b))

    def _left(self, a: Labels, b: Labels) -> tuple[Bool[np.ndarray, " n"], int]:
        points, away = self._points(a, b)
        return self.join.left(points, away, a, b, self.lost(a, b))


def _centres(scaled: Folded, points: BothSides) -> Float[np.ndarray, "n_classes rank"]:
    """The mean point of the pairs of each class: proposed, any others would do."""
    p, (first, second) = scaled.n_first, points
    sums = np.zeros((scaled.n_classes, first.shape[2] - 1))
    number = np.zeros(scaled.n_classes)
    for difference in range(p):
        a = np.arange(p)
        b = (a - difference) % p
        labels = scaled.labels[a, b]
        met = first[difference, a, :-1] + second[difference, b, :-1]
        np.add.at(sums, labels, met)
        number += np.bincount(labels, minlength=scaled.n_classes)
    return sums / np.maximum(number, 1)[:, None]


def _ranges(scaled: Folded, proposal: RankProposal) -> Numbers:
    """What a unit of each gate can do to a margin: the range of its row of Y Q, rounded up."""
    left = proposal.left[: scaled.gated]
    row = left @ proposal.right
    longest = float(lengths(proposal.right.T).max())
    error = 2 * gamma(proposal.rank + 2) * lengths(left) * longest
    return inflated(row.max(axis=1) - row.min(axis=1) + error, 4)


def ranges_flops(scaled: Folded, rank: int) -> int:
    """Operations of finding the ranges of all gates."""
    n, gated = scaled.n_classes, scaled.gated
    return gated * (2 * rank * n + 2 * n + 2 * rank + 8) + 2 * rank * n
