"""`low-rank`: gates exact, output matrix of few directions, the rest by Cauchy–Schwarz."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from probbound.contract.cost import CostMeter
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.screens.join import (
    Join,
    hold_flops,
    join_flops,
    most_flops,
)
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
from probbound.tasks.pairs.screens.slack import Sizes, sizes_flops
from probbound.tasks.pairs.screens.tails import (
    LENGTH_FLOPS,
    Labels,
    Lengths,
    Numbers,
    Remainder,
    remainder_flops,
)


@dataclass(frozen=True)
class LowRankScreen:
    """Certifies pairs by few directions of the output matrix (Theorems 8.4 to 8.6).

    The cone of a pair's class is tried first; what it leaves is compared with every class.
    """

    scaled: Folded
    weights: Float[np.ndarray, "n_features rank_1"]
    lengths: Lengths
    join: Join
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
            scaled = folded.scaled(proposal.exponents)
            sizes = Sizes.of(scaled)
            return cls(
                scaled=scaled,
                weights=np.column_stack([proposal.left, proposal.mean]),
                lengths=Lengths.of(scaled, sizes, proposal.mean),
                join=Join.of(
                    folded, scaled, proposal, Remainder.of(scaled, sizes, proposal), margin
                ),
            )

    @property
    def rank(self) -> int:
        """How many directions stand for the output matrix."""
        return self.join.rank

    @property
    def flops(self) -> int:
        """Operations for one pair that its cone does not hold; the most there can be."""
        return each_flops(self.scaled, self.rank) + most_flops(self.rank, self.scaled.n_classes)

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
                some, spent = self._left(points, gram[rows].ravel(), *numbered(scaled, rows))
                phase.flops += spent
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
        """Which pairs are left, and the operations on those that their first cone left."""
        away = self.lengths.of_pairs(a, b, gram, points[:, -1])
        return self.join.left(points[:, :-1], away, a, b)


def each_flops(scaled: Folded, rank: int) -> int:
    """Operations of one pair that its cone holds."""
    own = feature_flops(scaled) + 2 * scaled.n_features * (rank + 1) + 2 * scaled.gated
    return own + hold_flops(rank) + LENGTH_FLOPS


def enumerate_flops(scaled: Folded, rank: int) -> int:
    """Operations on all pairs, apart from what is spent on those that their first cone leaves."""
    return scaled.size * each_flops(scaled, rank)


def table_flops(scaled: Folded, rank: int) -> int:
    """Operations of `LowRankScreen.of`, what is proposed apart."""
    return join_flops(scaled, rank) + remainder_flops(scaled, rank) + sizes_flops(scaled)
