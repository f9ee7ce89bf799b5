"""What gates that follow waves add up to, and may lose, for every pair: sums over arcs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.screens.arcs import Arcs
from probbound.tasks.pairs.screens.gate_proposal import GateProposal

Rows = Float[np.ndarray, "p n_features"]
BothSides = tuple[Float[np.ndarray, "p p *rest"], Float[np.ndarray, "p p *rest"]]

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

    def points(self) -> BothSides:
        """What each operand adds to the points of pairs, for each difference a - b."""
        return self._both(self._points)

    def losses(self) -> BothSides:
        """What each operand adds to what they may lose, for each difference a - b."""
        return self._both(self._loss)

    def _both(self, side: Callable[[Rows, int], Float[np.ndarray, "..."]]) -> BothSides:
        """The sides of a and of b; where they are tied, b's is a's of the opposite difference."""
        first = side(self.scaled.first, 1)
        if not self.scaled.tied:
            return first, side(self.scaled.second, -1)
        return first, first[-np.arange(self.scaled.n_first) % self.scaled.n_first]

    def _points(self, rows: Rows, sign: int) -> Float[np.ndarray, "p p rank_1"]:
        gated = self.scaled.gated
        beside = rows[:, gated:] @ self.weights[gated:]
        points = np.zeros((len(rows), *beside.shape)) + beside
        for group, pattern in enumerate(self.patterns):
            shift = self.gates.shifts(group, sign)
            points += pattern.on.sums(self._products(rows, group))[shift]
        return points

    def _loss(self, rows: Rows, sign: int) -> Float[np.ndarray, "p p"]:
        loss = np.zeros((len(rows), len(rows)))
        for group, pattern in enumerate(self.patterns):
            shift = self.gates.shifts(group, sign)
            loss += pattern.levels.sums(self._losses(rows, group))[shift]
        return loss

    def _products(self, rows: Rows, group: int) -> Float[np.ndarray, "1 p p rank_1"]:
        """Σ of row times weight over the neurons at each position, for each operand."""
        positions, operands = self.gates.positions(group), np.arange(len(rows))
        found = np.zeros((1, len(rows), len(rows), self.weights.shape[1]))
        for at, neuron in zip(positions.T, self.gates.members(group), strict=True):
            found[0, at, operands] += rows[:, neuron, None] * self.weights[neuron]
        return found

    def _losses(self, rows: Rows, group: int) -> Float[np.ndarray, "states p p"]:
        positions, members = self.gates.positions(group), self.gates.members(group)
        sizes, wave = self.gates.amplitudes[members], self.gates.waves[group]
        residual = rows[:, members] - sizes * wave[positions]
        return level_losses(self.gates, group, self.ranges, np.stack([residual, -residual]))


def level_losses(
    gates: GateProposal,
    group: int,
    ranges: Float[np.ndarray, " gated"],
    pushes: Float[np.ndarray, "2 p members"],
) -> Float[np.ndarray, "states p p"]:
    """Σ of what neurons at each position may lose, in each state, for each operand.

    `pushes` is how far each operand pushes a neuron up that is off, and down that is on.
    """
    positions, operands = gates.positions(group), np.arange(pushes.shape[1])
    floors = gates.levels[group] * BELOW / 2
    found = np.zeros((2 * len(floors), len(operands), len(operands)))
    for place, neuron in enumerate(gates.members(group)):
        spared = (gates.amplitudes[neuron] * floors)[:, None]
        states = np.stack([push - spared for push in pushes[:, :, place]], axis=1)
        lost = ranges[neuron] * np.maximum(states, 0.0)
        found[:, positions[:, place], operands] += lost.reshape(len(found), -1)
    return found


def pattern_flops(gates: GateProposal) -> int:
    """Operations of `Pattern.all_of`: sums, signs, and finding levels."""
    groups, p = gates.waves.shape
    return groups * p * p * (3 + gates.levels.shape[1].bit_length())


def points_flops(sums: Sides) -> int:
    """Operations of `Sides.points`: once where both operands have the same rows."""
    p, gated, width = sums.scaled.n_first, sums.scaled.gated, sums.weights.shape[1]
    ends = sum(pattern.on.stored for pattern in sums.patterns) * width
    beside = 2 * (sums.scaled.n_features - gated) * p * width
    neurons = p * gated * 2 * width
    prefixes = len(sums.patterns) * p * p * width
    return (beside + neurons + prefixes + ends * p) * _times(sums)


def losses_flops(sums: Sides) -> int:
    """Operations of `Sides.losses`: once where both operands have the same rows."""
    p, gated = sums.scaled.n_first, sums.scaled.gated
    groups, levels = sums.gates.levels.shape
    ends = sum(pattern.levels.stored for pattern in sums.patterns)
    neurons = p * gated * (8 * levels + 3) + gated * levels
    return (neurons + groups * p * p * 2 * levels + ends * p) * _times(sums)


def _times(sums: Sides) -> int:
    return 1 if sums.scaled.tied else 2
