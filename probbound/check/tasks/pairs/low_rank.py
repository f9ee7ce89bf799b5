"""The low-rank screen: gates exact, few directions of the output, the rest by norms (8.4, 8.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from probbound.check.models.pair_mlp.network import not_ahead
from probbound.check.models.pair_mlp.rounding import LARGEST, UNDERFLOW, above, gamma, lengths
from probbound.check.tasks.pairs.folded import Folded
from probbound.check.tasks.pairs.prices import low_rank_price
from probbound.check.tasks.pairs.proposal import Proposal

_LARGEST_ERROR = 2.0**-10
_NUMBERS_AT_ONCE = 1 << 21


@dataclass(frozen=True)
class LowRank:
    """Which pairs are above a margin, compared with every class by the lower bound of 8.4.

    `firsts` and `seconds` are T and T', `apart` is D̂, `squares` the two operands' parts of ‖y‖²,
    raised, and `lead` those of λ.
    """

    scaled: Folded
    weights: np.ndarray
    right: np.ndarray
    firsts: np.ndarray
    seconds: np.ndarray
    apart: np.ndarray
    squares: tuple[np.ndarray, np.ndarray]
    lead: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, folded: Folded, rank: int, margin: float) -> LowRank:
        """Of a network, with what is proposed for it.

        Raises:
            Refused: if there are not so many directions.
        """
        with np.errstate(all="ignore"):
            return cls.proposed(Proposal.of(folded, rank), margin)

    @classmethod
    def proposed(cls, proposal: Proposal, margin: float) -> LowRank:
        """Of any proposal."""
        net, mean, rank = proposal.scaled, proposal.mean, len(proposal.right)
        features, gates = net.out.shape[0], net.gates
        delta = net.out - proposal.centre[:, None] - proposal.left @ proposal.right
        tail, whole = lengths(delta.T), _whole(proposal)
        size = float((tail + whole).max())
        middle = float(lengths(mean[None])[0])
        sizes = [lengths(rows) + middle for rows in (net.first, net.second)]
        error = gamma(features + rank + 16)
        if not (error <= _LARGEST_ERROR and abs(margin) <= LARGEST):
            error = np.inf
        weight = error * (12 * size + abs(margin))
        lead = (
            above(margin_up(margin) + net.off_first + weight * (sizes[0] + 1)) + UNDERFLOW,
            above(net.off_second + weight * sizes[1]) + UNDERFLOW,
        )
        raised = 4 * gamma(2 * features + 16)
        squares = [
            _square(rows[:, :gates], mean[:gates]) + above(raised * size**2)
            for rows, size in zip((net.first, net.second), sizes, strict=True)
        ]
        return cls(
            scaled=net,
            weights=np.column_stack([proposal.left, mean]),
            right=proposal.right,
            firsts=(_halved(net.first, gates) + mean) @ delta,
            seconds=_halved(net.second, gates) @ delta,
            apart=_distances(delta[:gates], gamma(rank + 3) * whole),
            squares=(squares[0], squares[1]),
            lead=lead,
        )

    @property
    def price(self) -> int:
        """The operations of one pair at most."""
        net = self.scaled
        return low_rank_price(len(net.out), net.gates, net.out.shape[1], len(self.right))

    def left(self, pairs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Which pairs (n, 2) it cannot certify."""
        return in_parts(self._left, pairs, labels, sum(self.scaled.out.shape))

    def _left(self, pairs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        a, b = pairs.T
        points = self.scaled.features(a, b) @ self.weights
        found = self.reached(points, pairs, labels)
        return not_ahead(found, labels, self.lead[0][a] + self.lead[1][b])

    def reached(self, points: np.ndarray, pairs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """What the right class has at least, and every other at most: z of 8.5, (n, classes).

        `points` are H, and beside it what the features make of the mean, at most.
        """
        net, gates, (a, b) = self.scaled, slice(self.scaled.gates), pairs.T
        both = np.einsum("ni,ni->n", net.first[a, gates], net.second[b, gates])
        square = self.squares[0][a] + self.squares[1][b] + both / 2 - 2 * points[:, -1]
        away = np.sqrt(np.maximum(square, 0.0))
        found = points[:, :-1] @ self.right + self.firsts[a] + self.seconds[b]
        found += away[:, None] * self.apart[labels]
        return found


def in_parts(
    found: Callable[[np.ndarray, np.ndarray], np.ndarray],
    pairs: np.ndarray,
    labels: np.ndarray,
    width: int,
) -> np.ndarray:
    """What is found of pairs, so many at once that a pair of `width` numbers fits into memory."""
    step = max(1, _NUMBERS_AT_ONCE // width)
    with np.errstate(all="ignore"):
        parts = [
            found(pairs[at : at + step], labels[at : at + step])
            for at in range(0, len(pairs), step)
        ]
    return np.concatenate(parts or [np.zeros(0, dtype=bool)])


def margin_up(margin: float) -> float:
    """A margin that `above` does not make smaller."""
    return margin if margin >= 0 else margin * (1 - 2.0**-40)


def _halved(rows: np.ndarray, gates: int) -> np.ndarray:
    return np.concatenate([rows[:, :gates] / 2, rows[:, gates:]], axis=1)


def _whole(proposal: Proposal) -> np.ndarray:
    """whole_c of 8.5."""
    left = float(lengths(proposal.left.reshape(1, -1))[0])
    found = lengths(proposal.scaled.out.T) + left * lengths(proposal.right.T)
    return above(found + float(lengths(proposal.centre[None])[0]))


def _square(rows: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """‖A_a‖²/4 + m̄·A_a + ‖m̄‖²/2, gates alone."""
    return np.einsum("ij,ij->i", rows, rows) / 4 + rows @ mean + mean @ mean / 2


def _distances(delta: np.ndarray, error: np.ndarray) -> np.ndarray:
    """D̂ of 8.5, zero between a class and itself."""
    product, long = delta.T @ delta, lengths(delta.T)
    squares = np.diagonal(product)
    found = np.maximum(squares[:, None] + squares - 2 * product, 0.0)
    found += 2 * gamma(len(delta) + 8) * (long[:, None] + long) ** 2
    found = above(np.sqrt(above(found)) + error[:, None] + error)
    np.fill_diagonal(found, 0.0)
    return found
