"""A network on rows of which short ones have -1 before their first token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from probbound.check.models.transformer.network import Network
from probbound.check.models.transformer.radii import Outcomes
from probbound.check.models.transformer.weights import Weights


@dataclass(frozen=True)
class OfAnyLength:
    """Runs every row as the tokens that it has, rows with equally many together."""

    network: Network

    @property
    def weights(self) -> Weights:
        """Those of the network."""
        return self.network.weights

    def logits(self, rows: np.ndarray) -> np.ndarray:
        """What comes out of the last position (n, d_out), in float64."""
        return self._each(rows, lambda tokens: (self.network.logits(tokens),))[0]

    def outcomes_with_radii(self, rows: np.ndarray) -> Outcomes:
        """The same with radii (9.2)."""
        return Outcomes(*self._each(rows, self.network.outcomes_with_radii))

    def outcomes_in_balls(self, rows: np.ndarray, bits: int) -> Outcomes:
        """The same from balls (9.14)."""
        run = self.network.outcomes_in_balls
        return Outcomes(*self._each(rows, lambda tokens: run(tokens, bits)))

    def _each(
        self, rows: np.ndarray, run: Callable[[np.ndarray], tuple[np.ndarray, ...]]
    ) -> tuple[np.ndarray, ...]:
        """Numbers (n, d_out), each row's in its place."""
        lengths = np.count_nonzero(rows >= 0, axis=1)
        different = sorted(set(lengths.tolist())) or [rows.shape[1]]
        if len(different) == 1:
            return tuple(run(rows[:, rows.shape[1] - different[0] :]))
        filled: list[np.ndarray] = []
        for length in different:
            at = np.nonzero(lengths == length)[0]
            for place, numbers in enumerate(run(rows[at][:, -length:])):
                if place == len(filled):
                    filled.append(np.empty((len(rows), numbers.shape[1])))
                filled[place][at] = numbers
        return tuple(filled)
