"""What gates that follow waves add up to, and may lose, for every pair: sums over arcs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.screens.arcs import Arcs
from probbound.tasks.pairs.screens.gate_proposal import GateProposal

# A level times this is for certain at most a number whose computed value reaches the level.
BELOW = 1 - 2.0**-50


@dataclass(frozen=True)
class Pattern:
    """The gates of one group for every shift d: on where wave(ν) + wave(ν - d) is positive.

    `levels` has a state for each level of the size of that sum and each sign (Theorem 8.7).
    """

    on: Arcs
    levels: Arcs

    @classmethod
    def of(cls, wave: Float[np.ndarray, " p"], floors: Float[np.ndarray, " n"]) -> Pattern:
        """Of the sums as computed; `floors` ascend from 0."""
        p = len(wave)
        sums = wave + wave[(np.arange(p) - np.arange(p)[:, None]) % p]
        on = (sums > 0).astype(np.int64)
        level = np.searchsorted(floors, np.abs(sums), side="right") - 1
        chosen = np.arange(2 * len(floors))
        return cls(Arcs.of(on, np.array([1])), Arcs.of(2 * level + on, chosen))

    @classmethod
    def all_of(cls, gates: GateProposal) -> tuple[Pattern, ...]:
        """Of every group."""
        return tuple(map(cls.of, gates.waves, gates.levels))


@dataclass(frozen=True)
class Side:
    """What one operand adds to points, and to what they may lose, for each difference a - b."""

    points: Float[np.ndarray, "p p rank_1"]
    loss: Float[np.ndarray, "p p"]


@dataclass(frozen=True)
class Sides:
    """All that the sums over arcs are made of.

    `weights` are the rows of Y and of the mean, `ranges` what a unit of each gate can do.
    """

    scaled: Folded
    weights: Float[np.ndarray, "n_features rank_1"]
    gates: GateProposal
    ranges: Float[np.ndarray, " gated"]
    patterns: tuple[Pattern, ...]

    @property
    def most_on(self) -> int:
        """The most ends of arcs that gates are on in, for one shift of a group."""
        return max(pattern.on.most for pattern in self.patterns)

    @property
    def most_levels(self) -> int:
        """The most ends of arcs of all levels, for one shift of a group."""
        return max(pattern.levels.most for pattern in self.patterns)

    @property
    def roundings(self) -> int:
        """The most roundings that a summand goes through."""
        ends = sum(pattern.on.most + pattern.levels.most for pattern in self.patterns)
        return self.scaled.n_features + self.scaled.n_first + ends + 24

    def both(self) -> tuple[Side, Side]:
        """The sides of a and of b; where they are tied, b's is a's of the opposite difference."""
        first = self._side(self.scaled.first, 1)
        if not self.scaled.tied:
            return first, self._side(self.scaled.second, -1)
        opposite = -np.arange(self.scaled.n_first) % self.scaled.n_first
        return first, Side(first.points[opposite], first.loss[opposite])

    def _side(self, rows: Float[np.ndarray, "p n_features"], sign: int) -> Side:
        p, gated = len(rows), self.scaled.gated
        beside = rows[:, gated:] @ self.weights[gated:]
        points = np.zeros((p, *beside.shape)) + beside
        loss = np.zeros((p, p))
        for group, pattern in enumerate(self.patterns):
            shift = sign * int(self.gates.frequencies[group]) * np.arange(p) % p
            points += pattern.on.sums(self._products(rows, group))[shift]
            loss += pattern.levels.sums(self._losses(rows, group))[shift]
        return Side(points, loss)

    def _products(
        self, rows: Float[np.ndarray, "p n_features"], group: int
    ) -> Float[np.ndarray, "1 p p rank_1"]:
        """Σ of row times weight over the neurons at each position, for each operand."""
        positions, operands = self.gates.positions(group), np.arange(len(rows))
        found = np.zeros((1, len(rows), len(rows), self.weights.shape[1]))
        for at, neuron in zip(positions.T, self.gates.members(group), strict=True):
            found[0, at, operands] += rows[:, neuron, None] * self.weights[neuron]
        return found

    def _losses(
        self, rows: Float[np.ndarray, "p n_features"], group: int
    ) -> Float[np.ndarray, "states p p"]:
        """Σ of what neurons at each position may lose, in each state, for each operand."""
        positions, operands = self.gates.positions(group), np.arange(len(rows))
        floors, wave = self.gates.levels[group] * BELOW / 2, self.gates.waves[group]
        found = np.zeros((2 * len(floors), len(rows), len(rows)))
        for at, neuron in zip(positions.T, self.gates.members(group), strict=True):
            size = self.gates.amplitudes[neuron]
            residual = rows[:, neuron] - size * wave[at]
            spared = (size * floors)[:, None]
            states = np.stack([residual - spared, -residual - spared], axis=1)
            lost = self.ranges[neuron] * np.maximum(states, 0.0)
            found[:, at, operands] += lost.reshape(len(found), -1)
        return found


def pattern_flops(gates: GateProposal) -> int:
    """Operations of `Pattern.all_of`: sums, signs, and finding levels."""
    groups, p = gates.waves.shape
    return groups * p * p * (3 + gates.levels.shape[1].bit_length())


def side_flops(sums: Sides) -> int:
    """Operations of `Sides.both`: once where both operands have the same rows."""
    p, gated, width = sums.scaled.n_first, sums.scaled.gated, sums.weights.shape[1]
    groups, levels = sums.gates.levels.shape
    ends = sum(x.on.stored * width + x.levels.stored for x in sums.patterns)
    beside = 2 * (sums.scaled.n_features - gated) * p * width
    neurons = p * gated * (2 * width + 8 * levels + 3) + gated * levels
    prefixes = groups * p * p * (width + 2 * levels)
    return (beside + neurons + prefixes + ends * p) * (1 if sums.scaled.tied else 2)
