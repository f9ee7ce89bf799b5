"""What gates lose from sampled entries (neuron, operand), drawn again (Theorems 8.11, 6.15)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from probbound.check.betting import upper_mean
from probbound.check.bounds import up
from probbound.check.models.pair_mlp.rounding import above
from probbound.check.report import Refused
from probbound.check.stream import Stream
from probbound.check.tasks.pairs.inputs import Inputs
from probbound.check.tasks.pairs.low_rank import in_parts
from probbound.check.tasks.pairs.pattern import Pattern

MOST_ENTRIES = 1 << 26
_BITS = 16  # of the largest weight of an entry
_LEAST_UNIT = 2.0**-900
_WIDE, _PARTS, _OCTAVES = 1.5, 8, 40
_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class Found:
    """The share of pairs that can lose next to nothing, and the bound on that of the others.

    `lost` of the entries drawn lose something.
    """

    base: float
    share: float
    lost: int

    @property
    def failure(self) -> float:
        """The bound on the share of pairs that are not above the margin."""
        return min(1.0, up(Fraction(self.base) + Fraction(self.share)))


@dataclass(frozen=True)
class Entries:
    """The entries of a pattern of gates: `weights` are k and k', (2, values, gates).

    `unit` is υ, `spare` what each pair can lose, by its number, and `least` m_0.
    """

    pattern: Pattern
    weights: np.ndarray
    unit: float
    spare: np.ndarray
    least: float

    @classmethod
    def of(cls, pattern: Pattern, inputs: Inputs, draws: int, delta: float) -> Entries:
        """By the law, for so many draws at δ.

        Raises:
            Refused: if what entries can do is no number, or nothing.
        """
        taken = np.stack(pattern.off) * pattern.ranges
        largest = float(taken.max(initial=0.0))
        if not (largest < math.inf and np.isfinite(taken).all()):
            raise Refused("what its entries can do is no number")
        unit = _LEAST_UNIT
        if largest > 0:
            unit = max(unit, math.ldexp(1.0, math.frexp(largest)[1] - _BITS))
        weights = np.floor(taken / unit).astype(np.int64) + 2
        spare = _spares(pattern, inputs)
        width = _WIDE * unit * float(weights.sum()) / inputs.values * -math.log(delta) / draws
        return cls(pattern, weights, unit, spare, _least(spare, width))

    def found(self, stream: Stream, draws: int, delta: float) -> Found:
        """What so many draws say, their number having been fixed beforehand."""
        values = np.concatenate(
            [
                self._values(stream, at, min(at + _AT_ONCE, draws))
                for at in range(0, draws, _AT_ONCE)
            ]
        )
        size, total = self.pattern.waves.along.shape[0], int(self.weights.sum())
        scale = above(self.unit * total / (size * self.least))
        share = min(1.0, above(scale * upper_mean(values, 1.0, math.log(delta))))
        base = up(Fraction(int((~(self.spare >= self.least)).sum()), len(self.spare)))
        return Found(base, share, int((values > 0).sum()))

    def _values(self, stream: Stream, start: int, stop: int) -> np.ndarray:
        """V of draws number start … stop - 1, rounded up."""
        _, size, gates = self.weights.shape
        tickets = stream.named("entry").below(int(self.weights.sum()), start, stop)
        numbers = np.searchsorted(self.weights.cumsum(), tickets, side="right")
        sides, places = np.divmod(numbers, size * gates)
        own, neurons = np.divmod(places, gates)
        other = stream.named("other").below(size, start, stop)
        a, b = np.where(sides == 0, own, other), np.where(sides == 0, other, own)
        net, along = self.pattern.net, self.pattern.waves.along
        on = along[a, neurons] + along[b, neurons] > 0
        x = net.first[a, neurons] + net.second[b, neurons]
        lost = np.maximum(np.where(on, -x, x), 0.0) * self.pattern.ranges[neurons]
        most = self.unit * (self.weights[0, a, neurons] + self.weights[1, b, neurons])
        spare = self.spare[a * size + b]
        can = spare >= self.least
        value = above(lost / most * (self.least / np.where(can, spare, np.inf)))
        return np.where(can, np.where(value <= 1, value, 1.0), 0.0)


def _spares(pattern: Pattern, inputs: Inputs) -> np.ndarray:
    """What every pair can lose, in the order of their numbers."""

    def of(numbers: np.ndarray) -> np.ndarray:
        pairs = inputs.pairs(numbers)
        labels = inputs.labels(pairs)
        return in_parts(pattern.spare, pairs, labels, 2 * sum(pattern.net.out.shape))

    return np.concatenate([of(numbers) for numbers in inputs.listed()])


def _least(spare: np.ndarray, width: float) -> float:
    """m_0: the candidate at which pairs below it, and the width of an interval, are least."""
    largest = float(np.max(spare, where=spare > 0, initial=0.0))
    if not 0 < largest < math.inf:
        return 1.0
    top = math.frexp(largest)[1]
    steps = np.arange(_PARTS * _OCTAVES)
    candidates = np.ldexp(1 + steps % _PARTS / _PARTS, top - 1 - steps // _PARTS)
    candidates = np.sort(candidates)
    below = len(spare) - np.searchsorted(np.sort(-spare[spare > 0]), -candidates, side="right")
    return float(candidates[(below / len(spare) + width / candidates).argmin()])
