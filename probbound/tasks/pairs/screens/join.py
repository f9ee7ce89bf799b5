"""Directions, tails and cones joined: which pairs are right for all that is known of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from probbound.tasks.pairs.folded import Folded, Labelling
from probbound.tasks.pairs.screens.cone import Cones, cone_flops, cones_flops, nearest
from probbound.tasks.pairs.screens.forward import not_above
from probbound.tasks.pairs.screens.rank_proposal import RankProposal
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
from probbound.tasks.pairs.screens.tails import Labels, Numbers, Remainder

_SPARE = 2.0**-50  # of a difference of two floats, more than it rounds


@dataclass(frozen=True)
class Join:
    """Points H = f · Y of pairs, and how far they are from the truth, against every rival.

    The cone of a pair's class is tried first; then the nearest rivals are compared, and a wider
    cone is tried against the others; what that leaves is compared with every class (Theorems 8.5
    and 8.6).
    """

    labels: Labelling
    right: Float[np.ndarray, "rank n_classes"]
    remainder: Remainder
    cones: Cones
    near: Int[np.ndarray, "n_classes n_near"]
    far: Cones
    point_error: PairSlack
    slack: PairSlack

    @classmethod
    def of(
        cls,
        folded: Folded,
        scaled: Folded,
        proposal: RankProposal,
        remainder: Remainder,
        margin: float,
        point_error: PairSlack | None = None,
        loss_error: PairSlack | None = None,
    ) -> Join:
        """Of a network and its scaled form.

        `point_error`: how far points are off beside what their sums over features round;
        `loss_error`: likewise what else the margin may lose.
        """
        sizes = Sizes.of(scaled)
        steps, width = scaled.n_features + proposal.rank + 16, length(proposal.left)
        slack = folding_slack(folded, Sizes.of(folded)) + rounding_slack(
            sizes, steps, 12 * remainder.weight + abs(margin), length(proposal.mean) + 1
        )
        own_error = rounding_slack(sizes, steps, 4 * width)
        if point_error is not None:
            own_error = own_error + point_error
            slack = slack + point_error.times(2 * float(lengths(proposal.right.T).max()))
        if loss_error is not None:
            slack = slack + loss_error
        near = nearest(proposal.centres, proposal.right, near_rivals(folded.n_classes))
        return cls(
            labels=folded.labels,
            right=proposal.right,
            remainder=remainder,
            cones=Cones.of(proposal.centres, proposal.right),
            near=near,
            far=Cones.of(proposal.centres, proposal.right, near),
            point_error=own_error,
            slack=PairSlack(slack.first + margin, slack.second),
        )

    @property
    def rank(self) -> int:
        """How many directions stand for the output matrix."""
        return self.right.shape[0]

    def left(
        self,
        points: Float[np.ndarray, "n rank"],
        away: Numbers,
        a: Labels,
        b: Labels,
        loss: Numbers | float = 0.0,
    ) -> tuple[Bool[np.ndarray, " n"], int]:
        """Which pairs are left, and the operations on those that their first cone left.

        `away` bounds what the tails are multiplied by, `loss` what else the margin may lose.
        """
        known = _Known(points, away, self.labels[a, b], self.slack.of(a, b) + loss, a, b)
        left, spent = ~self._held(known, self.cones), 0
        for check, flops in (
            (self._above_near, near_flops(self.rank, len(self.near))),
            (self._above_all, compare_flops(self.rank, len(self.near))),
        ):
            some = np.flatnonzero(left)
            left[some] = ~check(known.of(some))
            spent += len(some) * flops
        return left, spent

    def spare(
        self,
        points: Float[np.ndarray, "n rank"],
        away: Numbers,
        a: Labels,
        b: Labels,
    ) -> Numbers:
        """What the margin of each pair may still lose, rounded down; below 0 for one that is left.

        Every pair is compared with every class.
        """
        labels = self.labels[a, b]
        known = _Known(points, away, labels, self.slack.of(a, b), a, b)
        values, rows = self._values(known), np.arange(len(labels))
        own = values[rows, labels] - known.lead
        values[rows, labels] = -np.inf
        found = own - values.max(axis=1)
        return found - np.abs(found) * _SPARE

    def _held(self, known: _Known, cones: Cones) -> Bool[np.ndarray, " n"]:
        """Which pairs lie in a cone of their class."""
        rest, a, b, labels = self.remainder, known.a, known.b, known.labels
        least = cones.least(known.points, labels, self.point_error.of(a, b))
        least += rest.first[a, labels] - rest.worst_first[a]
        least += rest.second[b, labels] - rest.worst_second[b]
        return least - known.away * rest.worst_tail[labels] > known.lead

    def _above_near(self, known: _Known) -> Bool[np.ndarray, " n"]:
        """Which pairs are above the nearest rivals, and in the cone of their class for others."""
        rest, a, b, labels = self.remainder, known.a, known.b, known.labels
        rivals, columns = self.near[labels], np.ascontiguousarray(self.right.T)
        values = np.einsum("nr,nqr->nq", known.points, columns[rivals])
        values += rest.first[a[:, None], rivals]
        values += rest.second[b[:, None], rivals]
        values += known.away[:, None] * rest.tails[labels[:, None], rivals]
        own = np.einsum("nr,nr->n", known.points, columns[labels])
        own += rest.first[a, labels]
        own += rest.second[b, labels]
        above = values.max(axis=1, initial=-np.inf) < own - known.lead
        return above & self._held(known, self.far)

    def _above_all(self, known: _Known) -> Bool[np.ndarray, " n"]:
        """Which pairs no class may win but their own."""
        return ~not_above(self._values(known), known.labels, known.lead)

    def _values(self, known: _Known) -> Float[np.ndarray, "n n_classes"]:
        """What each class may reach at most, and the own one has at least."""
        values = known.points @ self.right
        values += self.remainder.first[known.a]
        values += self.remainder.second[known.b]
        values += known.away[:, None] * self.remainder.tails[known.labels]
        return values


@dataclass(frozen=True)
class _Known:
    """What is known of pairs: points, lengths, classes, what they have to be above by."""

    points: Float[np.ndarray, "n rank"]
    away: Numbers
    labels: Labels
    lead: Numbers
    a: Labels
    b: Labels

    def of(self, some: Labels) -> _Known:
        """Of some of them."""
        return _Known(*(getattr(self, name)[some] for name in self.__dataclass_fields__))


def near_rivals(n_classes: int) -> int:
    """How many rivals are near: an eighth of the classes."""
    return n_classes // 8


def near_flops(rank: int, n_classes: int) -> int:
    """Operations of comparing one pair with its nearest rivals, and trying the wider cone."""
    return (2 * rank + 5) * (near_rivals(n_classes) + 1) + hold_flops(rank)


def compare_flops(rank: int, n_classes: int) -> int:
    """Operations of comparing one pair with every class."""
    return (2 * rank + 5) * n_classes + 2


def most_flops(rank: int, n_classes: int) -> int:
    """Operations on one pair that is compared with every class in the end, its first cone apart."""
    return near_flops(rank, n_classes) + compare_flops(rank, n_classes)


def hold_flops(rank: int) -> int:
    """Operations of trying the cone of one pair, its slack and its tail beside."""
    return cone_flops(rank) + 16


def join_flops(scaled: Folded, rank: int) -> int:
    """Operations of `Join.of`, and of scaling the network."""
    rows, k, n = scaled.n_first + scaled.n_second, scaled.n_features, scaled.n_classes
    sizes = 2 * sizes_flops(scaled) + 2 * slack_flops(scaled)
    return sizes + k * (rows + n + 2 * rank + 5) + 2 * cones_flops(rank, n) + (2 * rank + 1) * n * n
