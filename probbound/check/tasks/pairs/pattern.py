"""A pattern of gates, and what its pairs can still lose (Theorems 8.7, 8.11, 8.15 and 6.15)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from probbound.check.models.pair_mlp.rounding import above, gamma, lengths
from probbound.check.tasks.pairs.folded import Folded
from probbound.check.tasks.pairs.gates import ranges_of
from probbound.check.tasks.pairs.low_rank import LowRank, in_parts
from probbound.check.tasks.pairs.proposal import Proposal
from probbound.check.tasks.pairs.waves import Waves

_FEW = 2.0**-50  # more than a few roundings


@dataclass(frozen=True)
class Pattern:
    """Gates that are on or off as waves say, the rest of a pair as in the low-rank screen.

    `ranges` are w, and `off` at least |e| and |e'|, each (values, gates).
    """

    exact: LowRank
    waves: Waves
    ranges: np.ndarray
    off: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, folded: Folded, rank: int, levels: int, margin: float) -> Pattern:
        """Of a network, with what is proposed for it.

        Raises:
            Refused: if there are not so many directions, or there is nothing that waves can be of.
        """
        with np.errstate(all="ignore"):
            proposal = Proposal.of(folded, rank)
            net, gates = proposal.scaled, proposal.scaled.gates
            ranges = ranges_of(proposal.left[:gates], proposal.right)
            waves = Waves.of(net, np.nan_to_num(ranges, posinf=0.0), levels)
            along = waves.amplitudes * waves.along
            off = [
                above(np.abs(rows - along) + _FEW * (np.abs(rows) + np.abs(along)))
                for rows in (net.first[:, :gates], net.second[:, :gates])
            ]
            exact = LowRank.proposed(proposal, margin)
        return cls(exact, waves, ranges, (off[0], off[1]))

    @property
    def net(self) -> Folded:
        """The scaled network."""
        return self.exact.scaled

    def on(self, pairs: np.ndarray) -> np.ndarray:
        """Which gates are on, (n, gates)."""
        a, b = pairs.T
        return self.waves.along[a] + self.waves.along[b] > 0

    def spare(self, pairs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """What gates may take from each pair before it is lost, rounded down; NaN as it comes."""
        net, gates, (a, b) = self.net, self.net.gates, pairs.T
        features = net.first[a] + net.second[b]
        features[:, :gates] = np.where(self.on(pairs), features[:, :gates], 0.0)
        found = self.exact.reached(features @ self.exact.weights, pairs, labels)
        rows = np.arange(len(pairs))
        own = found[rows, labels] - (self.exact.lead[0][a] + self.exact.lead[1][b])
        found[rows, labels] = -np.inf
        spare = own - found.max(axis=1)
        return spare - np.abs(spare) * _FEW


Loss = Callable[[Pattern, np.ndarray], np.ndarray]  # at least what gates of pairs (n, 2) lose


@dataclass(frozen=True)
class Bounded:
    """Which pairs are above a margin, what gates lose being bounded for certain (8.15)."""

    pattern: Pattern
    loss: Loss

    @property
    def price(self) -> int:
        """The operations of one pair at most, by the gates themselves."""
        return self.pattern.exact.price + 6 * self.pattern.net.gates

    def left(self, pairs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Which pairs (n, 2) it cannot certify."""
        return in_parts(self._left, pairs, labels, 2 * sum(self.pattern.net.out.shape))

    def _left(self, pairs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return ~(self.loss(self.pattern, pairs) < self.pattern.spare(pairs, labels))


def _exact(pattern: Pattern, pairs: np.ndarray) -> np.ndarray:
    net, gates, (a, b) = pattern.net, pattern.net.gates, pairs.T
    x = net.first[a, :gates] + net.second[b, :gates]
    return _summed(np.maximum(np.where(pattern.on(pairs), -x, x), 0.0), pattern.ranges)


def _sums(pattern: Pattern, pairs: np.ndarray) -> np.ndarray:
    net, gates, (a, b) = pattern.net, pattern.net.gates, pairs.T
    along, sign = pattern.waves.amplitudes * pattern.waves.along, 1 - 2.0 * pattern.on(pairs)
    pushed = []
    for rows, at in ((net.first, a), (net.second, b)):
        part = rows[at, :gates]
        pushed.append(sign * (part - along[at]) + _FEW * (np.abs(part) + np.abs(along[at])))
    return _beyond_levels(pattern, pairs, pushed[0], pushed[1])


def _row_max(pattern: Pattern, pairs: np.ndarray) -> np.ndarray:
    first, second = (off.max(axis=0) for off in pattern.off)
    return _beyond_levels(pattern, pairs, first, second)


def _absolute(pattern: Pattern, pairs: np.ndarray) -> np.ndarray:
    first, second = (_summed(off, pattern.ranges) for off in pattern.off)
    return above(first[pairs[:, 0]] + second[pairs[:, 1]])


def _norm(pattern: Pattern, pairs: np.ndarray) -> np.ndarray:
    whole = float(lengths(pattern.ranges[None])[0])
    first, second = (above(lengths(off) * whole) for off in pattern.off)
    return above(first[pairs[:, 0]] + second[pairs[:, 1]])


LOSSES: dict[str, Loss] = {
    "exact": _exact,
    "sums": _sums,
    "row-max": _row_max,
    "absolute": _absolute,
    "norm": _norm,
}


def _beyond_levels(
    pattern: Pattern, pairs: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Σ w of how far either operand pushes a gate beyond half the level that its wave reaches."""
    a, b = pairs.T
    sizes = np.abs(pattern.waves.along[a] + pattern.waves.along[b])
    held = pattern.waves.held(sizes) * (1 - _FEW)
    lost = np.maximum(first - held, 0.0) + np.maximum(second - held, 0.0)
    return _summed(lost, pattern.ranges)


def _summed(lost: np.ndarray, ranges: np.ndarray) -> np.ndarray:
    """Σ w · lost over the gates, rounded up."""
    return above((lost @ ranges) * (1 + gamma(len(ranges) + 8)))
