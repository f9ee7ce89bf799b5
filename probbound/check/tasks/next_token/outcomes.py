"""What networks make of rows, with radii: how far each is from another, and what each loses."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from probbound.check.models.transformer.answers import agreed_outcomes
from probbound.check.models.transformer.divergences import divergences
from probbound.check.models.transformer.largest_loss import largest_loss
from probbound.check.models.transformer.losses import cross_entropies
from probbound.check.models.transformer.network import Network
from probbound.check.models.transformer.radii import Outcomes
from probbound.check.report import Refused
from probbound.check.tasks.next_token.asked import Asked, Counted, parts
from probbound.check.tasks.next_token.lengths import OfAnyLength
from probbound.check.tasks.next_token.populations import Population
from probbound.check.tasks.next_token.rows import Numbers

Run = Callable[[OfAnyLength, np.ndarray], Outcomes]


def _agreed(network: OfAnyLength, tokens: np.ndarray) -> Outcomes:
    return agreed_outcomes(network.logits(tokens))


_RUNS: dict[str, Run] = {"real": OfAnyLength.outcomes_with_radii, "float64": _agreed}
_WIDE = 2.0**-46  # radii above it are looked at again where there are balls


def _run(claim: Mapping[str, Any], balls: int | None) -> Run:
    """Outcomes with radii in the arithmetic of a claim, nearer ones by balls (9.14)."""
    run = _RUNS[claim["population"]["arithmetic"]]
    return run if balls is None else lambda *given: _nearer(run, balls, *given)


def _nearer(run: Run, balls: int, network: OfAnyLength, tokens: np.ndarray) -> Outcomes:
    values, radii = (np.array(each) for each in run(network, tokens))
    again = np.flatnonzero(~(radii.max(axis=1) <= _WIDE))
    values[again], radii[again] = network.outcomes_in_balls(tokens[again], balls)
    return Outcomes(values, radii)


@dataclass(frozen=True)
class Near(Counted):
    """A network and the reference from which it is to be at most so far, in nats (9.11)."""

    run: Run
    most: float

    def wrong(self, numbers: Numbers) -> int:
        """How many of the rows with such numbers do not count as within it."""
        return sum(int((~(self._apart(part) <= self.most)).sum()) for part in parts(numbers))

    def _apart(self, numbers: Numbers) -> np.ndarray:
        read = self.tokens(numbers)[:, :-1]
        network, reference = (self.run(each, read) for each in self.readers)
        return divergences(reference, network)


@dataclass(frozen=True)
class Lost(Asked):
    """A network that loses at most `largest` nats at a row, or is said to (9.9, 9.10)."""

    run: Run
    largest: float

    def losses(self, numbers: Numbers) -> np.ndarray:
        """What the losses of the rows with such numbers do not exceed (n,), cut to `largest`."""
        found = np.concatenate([np.zeros(0), *map(self._losses, parts(numbers))])
        return np.where(found <= self.largest, found, self.largest)

    def _losses(self, numbers: Numbers) -> np.ndarray:
        tokens = self.tokens(numbers)
        return cross_entropies(self.run(self.readers[0], tokens[:, :-1]), tokens[:, -1])


def near(
    claim: Mapping[str, Any],
    networks: tuple[Network, ...],
    rows: Population,
    balls: int | None = None,
) -> Near:
    """What a claim of divergences counts."""
    return Near(networks, rows, _run(claim, balls), float(claim["at"]))


def lost(
    claim: Mapping[str, Any],
    networks: tuple[Network, ...],
    rows: Population,
    balls: int | None = None,
) -> Lost:
    """What a claim of a loss is the mean of.

    Raises:
        Refused: if no number bounds the losses.
    """
    at = claim["at"]
    largest = largest_loss(networks[0].weights) if at is None else float(at)
    if not math.isfinite(largest):
        raise Refused("no number bounds the losses of such a network, and the claim names none")
    return Lost(networks, rows, _run(claim, balls), largest)
