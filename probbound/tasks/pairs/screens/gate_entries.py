"""What gates lose, from sampled entries (neuron, operand) in place of sums over all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from estimators.mean import betting
from probbound.arithmetic.rounding import inflated
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.tasks.pairs.screens.gate_losses import residuals
from probbound.tasks.pairs.screens.gates import GatesScreen
from probbound.tasks.pairs.screens.tails import Labels, Numbers

_WEIGHT_BITS = 16  # of the largest whole weight: two computations of one seldom differ
_LEAST_UNIT = 2.0**-900  # of entries that can do nothing at all
_TIGHT = 1.5  # times log(1/δ)/n: what an interval of a small mean is wide, nearly
_PARTS, _OCTAVES = 8, 40  # candidates for m_0: so many in an octave, and octaves

_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Drawn:
    """What draws of entries say: how large a share of pairs is not right, and how many entries
    lost something.

    `share` is that of pairs whose gates lose what they can, `failure` with those that can lose
    nothing.
    """

    failure: float
    share: float
    lost: int


@dataclass(frozen=True)
class GateEntries:
    """A bound on the share of pairs that are not right, from draws of entries (Theorem 8.11).

    `weights` are whole numbers, [operand, value, neuron]; `unit` times one is at least what that
    entry can take from a margin. Where none can take anything, all weigh the same. `spare[a, b]` is
    what the pair can lose; `least` is m_0.
    """

    screen: GatesScreen
    weights: Int[np.ndarray, "2 p gated"]
    unit: float
    spare: Float[np.ndarray, "p p"]
    least: float

    @classmethod
    def of(cls, screen: GatesScreen, draws: int, delta: float) -> GateEntries:
        """Of the gates of a network; m_0 is chosen for so many draws and δ, before any is seen.

        Weights and m_0 are by the law of Theorem 6.15, which no last bit decides.

        Raises:
            UserError: if some number is not finite, so that nothing can be drawn.
        """
        with np.errstate(all="ignore"):
            scaled = screen.scaled
            taken = np.stack([screen.sums.ranges * each for each in residuals(screen)])
            total = float(taken.sum())
            if not total < math.inf:
                raise UserError(
                    f"entries are drawn in proportion to what they can do, which sums up to "
                    f"{total}; it must be a finite number"
                )
            unit, largest = _LEAST_UNIT, float(taken.max())
            if largest > 0:
                unit = max(unit, math.ldexp(1.0, math.frexp(largest)[1] - _WEIGHT_BITS))
            weights = np.floor(taken / unit).astype(np.int64) + 2
            spare = _spares(screen)
        scale = unit * float(weights.sum()) / scaled.n_first
        width = _TIGHT * scale * math.log(1 / delta) / draws
        return cls(screen, weights, unit, spare, _best_least(spare, width))

    @property
    def total(self) -> int:
        """The sum of all weights."""
        return int(self.weights.sum())

    @property
    def base(self) -> float:
        """The share of pairs that can lose less than m_0, or nothing."""
        return float((~(self.spare >= self.least)).mean())

    @property
    def scale(self) -> float:
        """What the mean of the values is multiplied by, rounded up."""
        p = self.screen.scaled.n_first
        return inflated(self.unit * self.total / (p * self.least), 6)

    def values(self, stream: Stream, start: int, stop: int) -> Numbers:
        """Draws number `start` to `stop` - 1: V of Theorem 8.11, rounded up, at most 1."""
        _, p, gated = self.weights.shape
        ticket = stream.fold_in("entry").integers(start, stop, self.total)
        entry = np.searchsorted(np.cumsum(self.weights.ravel()), ticket, side="right")
        side, place = np.divmod(entry, p * gated)
        value, neuron = np.divmod(place, gated)
        other = stream.fold_in("other").integers(start, stop, p)
        a, b = np.where(side == 0, value, other), np.where(side == 0, other, value)
        with np.errstate(all="ignore"):
            return self._of_entries(a, b, neuron)

    def upper(self, stream: Stream, draws: int, delta: float) -> float:
        """The bound, wrong with probability at most δ; draws were fixed before any was seen."""
        return self.drawn(stream, draws, delta).failure

    def drawn(self, stream: Stream, draws: int, delta: float) -> Drawn:
        """The bound, and what it rests on."""
        starts = range(0, draws, _AT_ONCE)
        parts = [self.values(stream, at, min(at + _AT_ONCE, draws)) for at in starts]
        values = np.concatenate(parts)
        interval = betting(values, delta=delta, side="upper")
        share = min(1.0, inflated(self.scale * float(interval.upper), 2))
        failure = min(1.0, inflated(self.base + share, 4))
        return Drawn(failure, share, int((values > 0).sum()))

    def _of_entries(self, a: Labels, b: Labels, neuron: Labels) -> Numbers:
        scaled, gates = self.screen.scaled, self.screen.gates
        p = scaled.n_first
        frequency, phase = gates.frequencies[gates.groups[neuron]], gates.phases[neuron]
        wave = gates.waves[gates.groups[neuron]]
        rows = np.arange(len(a))
        along = wave[rows, (phase + frequency * a) % p] + wave[rows, (phase + frequency * b) % p]
        x = scaled.first[a, neuron] + scaled.second[b, neuron]
        lost = np.maximum(np.where(along > 0, -x, x), 0.0) * self.screen.sums.ranges[neuron]
        most = self.unit * (self.weights[0, a, neuron] + self.weights[1, b, neuron])
        spare = self.spare[a, b]
        value = inflated(self.least / spare * (lost / most), 8)
        value = np.where(value <= 1, value, 1.0)
        return np.where(spare >= self.least, value, 0.0)


def entry_flops() -> int:
    """Operations of one draw: a wave, a sum, a product and a few quotients."""
    return 12


def table_flops(screen: GatesScreen) -> int:
    """Operations of `GateEntries.of`, spares apart: weights of entries, and spares in order."""
    entries, pairs = 2 * screen.scaled.n_first * screen.scaled.gated, screen.scaled.size
    candidates = _PARTS * _OCTAVES * (3 + math.ceil(math.log2(pairs)))
    return 13 * entries + pairs * (2 + math.ceil(math.log2(pairs))) + candidates


def _spares(screen: GatesScreen) -> Float[np.ndarray, "p p"]:
    """What each pair can lose, [a, b]."""
    p = screen.scaled.n_first
    found = np.empty((p, p))
    for a in range(p):
        found[a] = screen.spare(np.full(p, a), np.arange(p))
    return found


def _best_least(spare: Float[np.ndarray, "p p"], width: float) -> float:
    """m_0 for which the pairs below it and the width of the interval are least together.

    One of some short numbers, so that no pair's own spare is on the edge.
    """
    positive = np.sort(spare[spare > 0])
    if not len(positive) or positive[-1] == math.inf:
        return 1.0
    highest = math.frexp(float(positive[-1]))[1] - 1
    octaves = np.arange(highest - _OCTAVES + 1, highest + 1)[:, None]
    candidates = np.ldexp(1 + np.arange(_PARTS) / _PARTS, octaves).ravel()
    below = spare.size - len(positive) + np.searchsorted(positive, candidates)
    return float(candidates[(below / spare.size + width / candidates).argmin()])
