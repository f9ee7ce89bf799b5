"""Which rows a claim counts as answered: certain in real numbers, or in float64 with a lead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from probbound.check.claims import margin_of
from probbound.check.models.transformer.answers import leads, leads_in_float64, undecided
from probbound.check.models.transformer.network import Network
from probbound.check.tasks.next_token.asked import Counted, parts
from probbound.check.tasks.next_token.lengths import OfAnyLength
from probbound.check.tasks.next_token.populations import Population
from probbound.check.tasks.next_token.rows import Numbers


@dataclass(frozen=True)
class Answered(Counted):
    """Networks that answer rows: one that has to give the last token, or two the same one.

    `margin` is what the first has to lead by. `real` says in which arithmetic, and `balls` of how
    many bits balls are that decide what radii leave open.
    """

    real: bool
    margin: float
    balls: int | None = None

    def wrong(self, numbers: Numbers) -> int:
        """How many of the rows with such numbers do not count as answered."""
        return sum(int((~self._holds(part)).sum()) for part in parts(numbers))

    def _holds(self, numbers: Numbers) -> np.ndarray:
        tokens, first = self.tokens(numbers), self.readers[0]
        read = tokens[:, :-1]
        if len(self.readers) == 1:
            return self._ahead(first, read, tokens[:, -1], self.margin)
        right = first.logits(read).argmax(axis=1)
        return np.logical_and.reduce(
            [self._ahead(network, read, right, 0.0) for network in self.readers]
        )

    def _ahead(
        self, network: OfAnyLength, read: np.ndarray, right: np.ndarray, margin: float
    ) -> np.ndarray:
        """Whether the right outcome is above every other by more than the margin (9.3, 9.4)."""
        if self.real:
            return self._certainly_ahead(network, read, right, margin)
        return leads_in_float64(network.logits(read), right, margin)

    def _certainly_ahead(
        self, network: OfAnyLength, read: np.ndarray, right: np.ndarray, margin: float
    ) -> np.ndarray:
        """By radii (9.2), and by balls where these decide nothing (9.14)."""
        found = network.outcomes_with_radii(read)
        ahead = leads(found, right, margin)
        if self.balls is not None:
            open_ = np.flatnonzero(undecided(found, right, margin))
            again = network.outcomes_in_balls(read[open_], self.balls)
            ahead[open_] = leads(again, right[open_], margin)
        return ahead


def answered(
    claim: Mapping[str, Any],
    networks: tuple[Network, ...],
    rows: Population,
    balls: int | None = None,
) -> Answered:
    """What a claim counts."""
    real = claim["population"]["arithmetic"] == "real"
    return Answered(networks, rows, real, margin_of(claim), balls)
