"""Cones around one direction for each class, within which no rival can win (Theorem 8.6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from probbound.arithmetic.rounding import gamma, inflated
from probbound.tasks.pairs.screens.slack import LARGEST_NORM, UNDERFLOW, lengths

Centres = Float[np.ndarray, "n_classes rank"]
_SMALLEST_SQUARE = 2.0**-400


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
    def of(cls, centres: Centres, right: Float[np.ndarray, "rank n_classes"]) -> Cones:
        """The cones around proposed centres, against all rivals of each class."""
        rank, n = right.shape
        steps = 2 * rank + 8
        columns, own_lengths = np.ascontiguousarray(right.T), lengths(centres)
        sizes = lengths(columns)
        error = inflated(gamma(steps) * own_lengths * (2 * float(sizes.max()) + 1), 4)
        lead, over_reach = np.zeros(n), np.full(n, np.inf)
        for s in range(n):
            away = columns[s] - columns
            least = away @ centres[s] - error[s] - UNDERFLOW
            ratios = (lengths(away) + UNDERFLOW) / np.where(least > 0, least, 0.0)
            ratios[s], least[s] = 0.0, np.inf
            if (least > 0).all():
                lead[s] = least.min() * (1 - gamma(4))
                over_reach[s] = inflated(ratios.max(), 4)
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
        return np.where(bracket > 0, bracket, -np.inf) * self.lead[labels]


def cone_flops(rank: int) -> int:
    """Operations of `Cones.least` for one point."""
    return 6 * rank + 7


def cones_flops(rank: int, n_classes: int) -> int:
    """Operations of `Cones.of`."""
    pairs = n_classes * n_classes
    return pairs * (5 * rank + 11) + n_classes * (6 * rank + 20)
