"""`rotating-frame`: one pair of large p in few operations, turned to where its class is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from probbound.arithmetic.rounding import gamma, inflated
from probbound.contract.cost import CostMeter
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.screens.forward import not_above
from probbound.tasks.pairs.screens.frame_proposal import (
    FrameProposal,
    propose_frame,
    swing,
    trigonometric,
)
from probbound.tasks.pairs.screens.pairs import (
    PairResidue,
    Pairs,
    feature_flops,
    features,
    in_chunks,
    numbered,
    rows_at_once,
)
from probbound.tasks.pairs.screens.slack import (
    PairSlack,
    Sizes,
    folding_slack,
    length,
    lengths,
    rounding_slack,
)
from probbound.tasks.pairs.screens.tails import Labels, Numbers

SHARES = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5)  # of the proposed sizes that a pair may fall short by
_DIFFERENCES = 1 << 9  # looked at together
_TRIGONOMETRY = 640  # roundings that stand for the errors of sines and cosines as well


@dataclass(frozen=True)
class Frame:
    """Waves of every class, and how far the proposed sizes lead over all other classes.

    `sizes[t]` are those for the difference t = a - b, `least[t]` the least over classes e apart of
    Σ sizes (1 - cos(2πke/p)), rounded down (Theorem 8.10).
    """

    waves: Float[np.ndarray, "p two_n_waves"]
    sizes: Float[np.ndarray, "p n_waves"]
    least: Numbers

    @classmethod
    def of(cls, proposal: FrameProposal, p: int) -> Frame:
        """Of proposed frequencies and sizes: p² operations for each frequency, over 2."""
        number = len(proposal.frequencies)
        waves = np.ascontiguousarray(trigonometric(proposal.frequencies, p).T)
        proposed = np.maximum(proposal.sizes, 0.0)[:, None] * swing(proposal.frequencies, p)
        sizes = np.ascontiguousarray(proposed.T)
        apart = 1 - waves[1 : p // 2 + 1, :number].T
        parts = [
            (sizes[start : start + _DIFFERENCES] @ apart).min(axis=1)
            for start in range(0, p, _DIFFERENCES)
        ]
        error = (gamma(number + 8) + 2.0**-45) * sizes.sum(axis=1)
        return cls(waves, sizes, np.concatenate(parts) - inflated(4 * error, number + 4))

    def lead(
        self, points: Float[np.ndarray, "n two_n_waves"], labels: Labels, differences: Labels
    ) -> Numbers:
        """At least what every class is below the labels' by, as the waves alone say."""
        number = self.sizes.shape[1]
        turn, sizes = self.waves[labels], self.sizes[differences]
        cosines, sines = turn[:, :number], turn[:, number:]
        forward = points[:, :number] * cosines + points[:, number:] * sines
        across = points[:, number:] * cosines - points[:, :number] * sines
        across *= across
        best = np.full(len(points), -np.inf)
        for share in SHARES:
            over = forward - (1 - share) * sizes
            lost = (over - np.sqrt(over * over + across)).sum(axis=1)
            np.fmax(best, (1 - share) * self.least[differences] + lost, out=best)
        return best


@dataclass(frozen=True)
class RotatingFrame:
    """A check of single pairs whose cost does not grow with p (Theorem 8.10).

    Waves are turned to the class of the pair; directions beside them, and the rest, are bounded by
    norms: those of rows, and where these do not suffice that of the features. What that leaves is
    compared with every class.
    """

    folded: Folded
    frame: Frame
    weights: Float[np.ndarray, "n_features n_weights"]
    others: Float[np.ndarray, "n_beside p"]
    mean_beside: Float[np.ndarray, " n_beside"]
    mean_square: float
    offsets: Numbers
    other_lengths: Numbers
    tails: Numbers
    sizes: PairSlack
    square_error: PairSlack
    slack: PairSlack
    name: str = "rotating-frame"

    @classmethod
    def of(
        cls,
        folded: Folded,
        waves: int,
        beside: int = 0,
        margin: float = 0.0,
        proposal: FrameProposal | None = None,
    ) -> RotatingFrame:
        """Of a network that adds modulo p, with what is proposed for it by default.

        Raises:
            UserError: if the classes are no circle, or so many waves or directions are not there.
        """
        proposal = propose_frame(folded, waves, beside) if proposal is None else proposal
        with np.errstate(all="ignore"):
            return cls._of(folded, proposal, margin)

    @classmethod
    def _of(cls, folded: Folded, proposal: FrameProposal, margin: float) -> RotatingFrame:
        p, sizes = folded.n_classes, Sizes.of(folded)
        frame = Frame.of(proposal, p)
        rest = folded.out - proposal.centre[:, None]
        rest -= proposal.waves @ frame.waves.T
        offsets = proposal.mean @ rest
        rest -= proposal.beside @ proposal.others
        width, others = length(proposal.waves), lengths(proposal.others.T)
        count = proposal.waves.shape[1]
        whole = sizes.out + length(proposal.centre) + width * lengths(frame.waves)
        whole += length(proposal.beside) * others
        error = gamma(count + proposal.beside.shape[1] + 4) * whole
        tails = inflated(lengths(rest.T) + error, 8)
        weight = float((whole + tails).max())
        steps = folded.n_features + count + proposal.beside.shape[1] + _TRIGONOMETRY
        middle, speaks = length(proposal.mean), float(np.maximum(proposal.sizes, 0.0).sum())
        slack = folding_slack(folded, sizes) + rounding_slack(
            sizes,
            steps,
            inflated(8 * math.sqrt(count) * width + 16 * weight + abs(margin) + 4, 16),
            inflated(middle + speaks + 1, len(proposal.sizes) + 2),
        )
        squared = 4 * gamma(2 * folded.n_features + 16)
        return cls(
            folded=folded,
            frame=frame,
            weights=np.column_stack([proposal.waves, proposal.beside, proposal.mean]),
            others=proposal.others,
            mean_beside=proposal.mean @ proposal.beside,
            mean_square=float(proposal.mean @ proposal.mean),
            offsets=offsets,
            other_lengths=others,
            tails=tails,
            sizes=PairSlack(inflated(sizes.first + middle, 1), sizes.second),
            square_error=PairSlack(
                inflated(squared * (sizes.first + middle) ** 2, 8),
                inflated(squared * sizes.second**2, 8),
            ),
            slack=PairSlack(slack.first + margin, slack.second),
        )

    @property
    def each_flops(self) -> int:
        """Operations for one pair that norms of its rows suffice for beside waves."""
        return frame_flops(self.folded, self.frame.sizes.shape[1], len(self.others))

    @property
    def flops(self) -> int:
        """Operations for one pair that is compared with every class; the most there can be."""
        return frame_most_flops(self.folded, self.frame.sizes.shape[1], len(self.others))

    @property
    def table_flops(self) -> int:
        """Operations of `RotatingFrame.of`, what is proposed apart."""
        return frame_table_flops(self.folded, self.frame.sizes.shape[1], len(self.others))

    def uncertified(self, pairs: Pairs) -> Bool[np.ndarray, " n"]:
        """Which pairs it leaves."""
        return in_chunks(lambda a, b: self._left(a, b)[0], pairs, self.folded.n_features)

    def enumerate(self, meter: CostMeter) -> PairResidue:
        """All pairs that it leaves."""
        folded = self.folded
        proof = self.table_flops + folded.size * self.each_flops
        with meter.phase("rotating-frame screen", "proof", proof) as phase:
            left = np.empty((folded.n_first, folded.n_second), dtype=bool)
            step = rows_at_once(folded)
            for start in range(0, folded.n_first, step):
                rows = slice(start, min(start + step, folded.n_first))
                some, spent = self._left(*numbered(folded, rows))
                phase.flops += spent
                left[rows] = some.reshape(-1, folded.n_second)
            return PairResidue.of(left)

    def _left(self, a: Labels, b: Labels) -> tuple[Bool[np.ndarray, " n"], int]:
        """Which pairs are left, and the operations on those that norms of rows did not hold."""
        with np.errstate(all="ignore"):
            found, labels = features(self.folded, a, b), self.folded.labels[a, b]
            points, lead = found @ self.weights, self.slack.of(a, b)
            waves = self.frame.waves.shape[1]
            extra = points[:, waves:-1] - self.mean_beside
            ahead = self.frame.lead(points[:, :waves], labels, (a - b) % self.folded.n_classes)
            ahead += self.offsets[labels] - self.offsets.max()
            beside = np.sqrt(np.einsum("nr,nr->n", extra, extra))
            ahead -= beside * _both(self.other_lengths, labels)
            tails = _both(self.tails, labels)
            left = ~(ahead - self.sizes.of(a, b) * tails > lead)
            some = np.flatnonzero(left)
            spent = len(some) * away_flops(self.folded)
            if len(some):
                away = self._away(found[some], points[some, -1], a[some], b[some])
                left[some] = ~(ahead[some] - away * tails[some] > lead[some])
                some, away = some[left[some]], away[left[some]]
                known = points[some, :waves], extra[some], away, labels[some], lead[some]
                left[some] = self._compared(*known)
                spent += len(some) * compared_flops(self.folded, waves // 2, len(self.others))
        return left, spent

    def _away(
        self, found: Float[np.ndarray, "n n_features"], at_mean: Numbers, a: Labels, b: Labels
    ) -> Numbers:
        """How far features are from their proposed mean."""
        square = np.einsum("nm,nm->n", found, found) - 2 * at_mean
        square += self.mean_square + self.square_error.of(a, b)
        return inflated(np.sqrt(np.maximum(square, 0.0)), 6)

    def _compared(
        self,
        points: Float[np.ndarray, "n two_n_waves"],
        extra: Float[np.ndarray, "n n_beside"],
        away: Numbers,
        labels: Labels,
        lead: Numbers,
    ) -> Bool[np.ndarray, " n"]:
        """Which pairs some class may win."""
        values = points @ self.frame.waves.T
        values += extra @ self.others
        values += self.offsets
        values += away[:, None] * self.tails
        return not_above(values, labels, lead + 2 * away * self.tails[labels])


def _both(values: Float[np.ndarray, " p"], labels: Labels) -> Numbers:
    """What is of the own class and the most there is of any."""
    return values[labels] + values.max()


def frame_flops(folded: Folded, waves: int, beside: int) -> int:
    """Operations for one pair: features, points, lengths, and the shares."""
    points = 2 * folded.n_features * (2 * waves + beside + 1)
    lengths_of = feature_flops(folded) + 3 * beside + 14
    return points + lengths_of + 7 * waves + len(SHARES) * (7 * waves + 3)


def away_flops(folded: Folded) -> int:
    """Operations of the length of the features of one pair, less their proposed mean."""
    return 2 * folded.n_features + 10


def compared_flops(folded: Folded, waves: int, beside: int) -> int:
    """Operations of comparing one pair with every class."""
    return (2 * (2 * waves + beside) + 4) * folded.n_classes + 2


def frame_most_flops(folded: Folded, waves: int, beside: int) -> int:
    """Operations for one pair that is compared with every class in the end."""
    own = frame_flops(folded, waves, beside) + away_flops(folded)
    return own + compared_flops(folded, waves, beside)


def frame_table_flops(folded: Folded, waves: int, beside: int) -> int:
    """Operations of `RotatingFrame.of`, what is proposed apart, nearly."""
    p, n = folded.n_classes, folded.n_features
    rows = folded.n_first + folded.n_second
    matrices = n * p * (4 * waves + 2 * beside + 12) + 2 * n * (rows + p)
    return p * p * waves + matrices + p * (12 * waves + 20)
