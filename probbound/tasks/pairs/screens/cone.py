"""Cones around one direction for each class, within which no rival can win (Theorem 8.6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from probbound.arithmetic.rounding import gamma, inflated
from probbound.tasks.pairs.screens.slack import LARGEST_NORM, UNDERFLOW, lengths

Centres = Float[np.ndarray, "n_classes rank"]
_SMALLEST_SQUARE = 2.0**-400
_BLOCK = 64  # classes looked at together


@dataclass(frozen=True)
class Cones:
    """For each class a centre, its least lead over a rival, and how far from it that survives.

    ⟨H, Q_s - Q_c⟩ >= (l - ‖H - l·centre_s‖ / reach_s) · lead_s for every rival c of s and every l
    that leaves the bracket non-negative; leads and reaches are rounded down, and 0 where some
    rival is not below. `over_square` is any number; one over the centre's square is a good one.
    """

    centres: Centres
    lead: Float[np.ndarray, " n_classes"]
    over_reach: Float[np.ndarray, " n_classes"]
    over_square: Float[np.ndarray, " n_classes"]

    @classmethod
    def of(
        cls,
        centres: Centres,
        right: Float[np.ndarray, "rank n_classes"],
        near: Int[np.ndarray, "n_classes n_near"] | None = None,
    ) -> Cones:
        """The cones around proposed centres, against all rivals of each class but its `near`."""
        rank, n = right.shape
        steps = 2 * rank + 8
        columns, own_lengths = np.ascontiguousarray(right.T), lengths(centres)
        sizes = lengths(columns)
        error = inflated(gamma(steps) * own_lengths * (2 * float(sizes.max()) + 1), 4)
        lead, over_reach = np.zeros(n), np.full(n, np.inf)
        for start in range(0, n, _BLOCK):
            block = np.arange(start, min(start + _BLOCK, n))
            away = columns[block, None] - columns
            least = np.einsum("snr,sr->sn", away, centres[block])
            least -= error[block, None] + UNDERFLOW
            long = lengths(away.reshape(-1, rank)).reshape(least.shape) + UNDERFLOW
            ratios = long / np.where(least > 0, least, 0.0)
            apart = block[:, None]
            if near is not None:
                apart = np.concatenate([apart, near[block]], axis=1)
            ratios[np.arange(len(block))[:, None], apart] = 0.0
            least[np.arange(len(block))[:, None], apart] = np.inf
            ahead = (least > 0).all(axis=1)
            lead[block] = np.where(ahead, least.min(axis=1) * (1 - gamma(4)), 0.0)
            over_reach[block] = np.where(ahead, inflated(ratios.max(axis=1), 4), np.inf)
        squares = np.einsum("nr,nr->n", centres, centres)
        over = 1 / np.maximum(squares, _SMALLEST_SQUARE)
        return cls(centres, np.where(lead <= LARGEST_NORM, lead, 0.0), over_reach, over)

    def least(
        self,
        points: Float[np.ndarray, "n rank"],
        labels: Int[np.ndarray, " n"],
        error: Float[np.ndarray, " n"],
    ) -> Float[np.ndarray, " n"]:
        """What every rival is below the class at each point, each off by at most `error`."""
        centres = self.centres[labels]
        share = np.einsum("nr,nr->n", points, centres) * self.over_square[labels]
        centres *= share[:, None]
        np.subtract(points, centres, out=centres)
        away = np.sqrt(np.einsum("nr,nr->n", centres, centres)) + error
        bracket = share - away * self.over_reach[labels]
        return np.where(bracket > 0, bracket * self.lead[labels], -np.inf)


def cone_flops(rank: int) -> int:
    """Operations of `Cones.least` for one point."""
    return 6 * rank + 7


def cones_flops(rank: int, n_classes: int) -> int:
    """Operations of `Cones.of`."""
    pairs = n_classes * n_classes
    return pairs * (5 * rank + 11) + n_classes * (6 * rank + 20)


def nearest(
    centres: Centres, right: Float[np.ndarray, "rank n_classes"], number: int
) -> Int[np.ndarray, "n_classes n_near"]:
    """The rivals of each class that its centre leads by least: proposed, any others would do."""
    lead = centres @ right
    lead = np.diagonal(lead)[:, None] - lead
    lead[np.arange(len(lead)), np.arange(len(lead))] = np.inf
    return np.argsort(lead, axis=1)[:, :number]
