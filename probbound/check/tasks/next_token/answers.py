"""Which rows a claim counts as answered: certain in real numbers, or in float64 with a lead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from probbound.check.models.transformer.answers import leads, leads_in_float64
from probbound.check.models.transformer.network import Network
from probbound.check.report import Refused
from probbound.check.tasks.next_token.populations import Population
from probbound.check.tasks.next_token.rows import Numbers

_AT_ONCE = 256


@dataclass(frozen=True)
class Answered:
    """Networks that answer rows: one that has to give the last token, or two the same one.

    `margin` is what the first has to lead by. `real` says in which arithmetic.
    """

    networks: tuple[Network, ...]
    rows: Population
    real: bool
    margin: float

    def wrong(self, numbers: Numbers) -> int:
        """How many of the rows with such numbers do not count as answered."""
        return sum(int((~self._holds(part)).sum()) for part in _parts(numbers))

    def require_known(self, read: int, last: int) -> None:
        """That the networks know tokens up to such ones, and can answer with the last.

        Raises:
            Refused: if they do not.
        """
        for network in self.networks:
            _, known, out = network.weights.reads
            if read >= known:
                raise Refused("the rows are none that the networks read")
            if len(self.networks) == 1 and last >= out:
                raise Refused("the rows end in a token that the network cannot answer")

    def _holds(self, numbers: Numbers) -> np.ndarray:
        tokens, first = self.rows.at(numbers), self.networks[0]
        read = tokens[:, :-1]
        self.require_known(int(read.max()), int(tokens[:, -1].max()))
        if len(self.networks) == 1:
            return self._ahead(first, read, tokens[:, -1], self.margin)
        right = first.logits(read).argmax(axis=1)
        return np.logical_and.reduce(
            [self._ahead(network, read, right, 0.0) for network in self.networks]
        )

    def _ahead(
        self, network: Network, read: np.ndarray, right: np.ndarray, margin: float
    ) -> np.ndarray:
        """Whether the right outcome is above every other by more than the margin (9.3, 9.4)."""
        if self.real:
            return leads(network.outcomes_with_radii(read), right, margin)
        return leads_in_float64(network.logits(read), right, margin)


def answered(claim: Mapping[str, Any], networks: tuple[Network, ...], rows: Population) -> Answered:
    """What a claim counts."""
    real = claim["population"]["arithmetic"] == "real"
    return Answered(networks, rows, real, float(claim["at"] or 0.0))


def _parts(numbers: Numbers) -> Iterator[Numbers]:
    for at in range(0, len(numbers), _AT_ONCE):
        yield numbers[at : at + _AT_ONCE]
