"""Structured gates: waves say which neurons are on, all that they may lose is summed (6.13)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from probbound.check.models.pair_mlp.network import not_ahead
from probbound.check.models.pair_mlp.rounding import LARGEST, UNDERFLOW, above, gamma, lengths
from probbound.check.tasks.pairs.folded import Folded
from probbound.check.tasks.pairs.low_rank import in_parts, margin_up
from probbound.check.tasks.pairs.prices import gates_price
from probbound.check.tasks.pairs.waves import Directions, Waves

_LARGEST_ERROR = 2.0**-10


@dataclass(frozen=True)
class Gates:
    """Which pairs are above a margin, gate by gate, and compared with every class (6.13).

    `off` are e and e', `ranges` w; `reach` are φ⁺ of both operands, `apart` what they are
    multiplied by, and `lead` their parts of λ.
    """

    scaled: Folded
    left_factor: np.ndarray
    right: np.ndarray
    waves: Waves
    off: tuple[np.ndarray, np.ndarray]
    ranges: np.ndarray
    reach: tuple[np.ndarray, np.ndarray]
    apart: np.ndarray
    lead: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, folded: Folded, rank: int, levels: int, margin: float) -> Gates:
        """Of a network, with what is proposed for it.

        Raises:
            Refused: if there are not so many directions, or there is nothing that waves can be of.
        """
        with np.errstate(all="ignore"):
            return cls._of(Directions.of(folded, rank), levels, margin)

    @classmethod
    def _of(cls, found: Directions, levels: int, margin: float) -> Gates:
        net, gates = found.scaled, found.scaled.gates
        ranges = ranges_of(found.left[:gates], found.right)
        waves = Waves.of(net, np.nan_to_num(ranges, posinf=0.0), levels)
        tails, size = _tails(found)
        first, second = (lengths(rows) for rows in (net.first, net.second))
        error = gamma(len(net.out) + len(found.right) + 16)
        if not (error <= _LARGEST_ERROR and abs(margin) <= LARGEST):
            error = np.inf
        heard = error * (12 * size + abs(margin))
        lost = gamma(len(net.out) + 32) * float(lengths(ranges[None])[0])
        loudest = 4 * float(lengths(waves.highest[None])[0])
        once = margin_up(margin) + net.off_first + heard + lost * loudest
        lead = (
            above(once + (heard + lost) * first) + UNDERFLOW,
            above(net.off_second + (heard + lost) * second) + UNDERFLOW,
        )
        size_of = waves.amplitudes * waves.along
        return cls(
            scaled=net,
            left_factor=found.left,
            right=found.right,
            waves=waves,
            off=(net.first[:, :gates] - size_of, net.second[:, :gates] - size_of),
            ranges=ranges,
            reach=(_reach(net.first, gates), _reach(net.second, gates)),
            apart=_apart(tails),
            lead=lead,
        )

    @property
    def price(self) -> int:
        """The operations of one pair at most, once sums over arcs are there."""
        return gates_price(self.right.shape[1], len(self.right))

    def left(self, pairs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Which pairs (n, 2) it cannot certify."""
        return in_parts(self._left, pairs, labels, 2 * sum(self.scaled.out.shape))

    def _left(self, pairs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        net, gates, (a, b) = self.scaled, self.scaled.gates, pairs.T
        sums = self.waves.along[a] + self.waves.along[b]
        on = sums > 0
        features = net.first[a] + net.second[b]
        features[:, :gates] = np.where(on, features[:, :gates], 0.0)
        sign, held = np.where(on, 1.0, -1.0), self.waves.held(np.abs(sums))
        lost = np.maximum(-sign * self.off[0][a] - held, 0.0)
        lost += np.maximum(-sign * self.off[1][b] - held, 0.0)
        loss = lost @ self.ranges
        found = (features @ self.left_factor) @ self.right
        found += (self.reach[0][a] + self.reach[1][b])[:, None] * self.apart[labels]
        return not_ahead(found, labels, self.lead[0][a] + self.lead[1][b] + loss)


def ranges_of(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """w of 8.7: what a unit of each gate can do to a margin, from its rows of Y, and Q."""
    rows, longest = left @ right, float(lengths(right.T).max())
    error = 2 * gamma(len(right) + 2) * lengths(left) * longest
    return above(rows.max(axis=1) - rows.min(axis=1) + error)


def _tails(found: Directions) -> tuple[np.ndarray, float]:
    """At least ‖Δ_c‖ of each class, and ω' of 8.5."""
    delta = found.scaled.out - found.centre[:, None] - found.left @ found.right
    factor = float(lengths(found.left.reshape(1, -1))[0])
    whole = above(
        lengths(found.scaled.out.T)
        + factor * lengths(found.right.T)
        + float(lengths(found.centre[None])[0])
    )
    tails = above(lengths(delta.T) + gamma(len(found.right) + 3) * whole)
    return tails, float(above((tails + whole).max()))


def _apart(tails: np.ndarray) -> np.ndarray:
    """‖Δ_s‖ + ‖Δ_c‖ of every two classes, 0 between a class and itself."""
    found = above(tails[:, None] + tails)
    np.fill_diagonal(found, 0.0)
    return found


def _reach(rows: np.ndarray, gates: int) -> np.ndarray:
    """φ⁺ of 8.7: norms of rows whose negative numbers at gates are put to 0."""
    found = rows.copy()
    np.maximum(found[:, :gates], 0.0, out=found[:, :gates])
    return lengths(found)
