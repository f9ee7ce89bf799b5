"""What gates lose, bounded for certain in several ways (Theorem 8.15)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.rounding import gamma, inflated
from probbound.tasks.pairs.screens.gate_sums import level_losses, losses_flops
from probbound.tasks.pairs.screens.gates import GatesScreen
from probbound.tasks.pairs.screens.slack import length, lengths
from probbound.tasks.pairs.screens.tails import Labels, Numbers


@dataclass(frozen=True)
class Losses:
    """A bound on what the gates of each pair lose, and what all pairs take."""

    of: Callable[[Labels, Labels], Numbers]
    flops: int


def residuals(screen: GatesScreen) -> tuple[Float[np.ndarray, "p gated"], ...]:
    """|row - wave| of every entry of both operands, rounded up."""
    scaled, along = screen.scaled, screen.gates.along()
    return tuple(
        inflated(np.abs(rows - along) + 2.0**-50 * (np.abs(rows) + np.abs(along)), 6)
        for rows in (scaled.first[:, : scaled.gated], scaled.second[:, : scaled.gated])
    )


def exact(screen: GatesScreen) -> Losses:
    """Each gate of each pair: the noise multiplied out."""
    scaled, gates, gated = screen.scaled, screen.gates, screen.scaled.gated
    turned = np.zeros((scaled.n_first, gated))
    for group, wave in enumerate(gates.waves):
        turned[:, gates.members(group)] = wave[gates.positions(group)]

    def of(a: Labels, b: Labels) -> Numbers:
        x = scaled.first[a, :gated] + scaled.second[b, :gated]
        lost = np.maximum(np.where(turned[a] + turned[b] > 0, -x, x), 0.0)
        return inflated(lost @ screen.sums.ranges, gated + 4)

    return Losses(of, exact_flops(scaled.size, gated))


def exact_flops(pairs: int, gated: int) -> int:
    """Operations of multiplying the noise of so many gates out for so many pairs."""
    return 6 * pairs * gated


def sums(screen: GatesScreen) -> Losses:
    """By sums over arcs, as `gates`; their rounding is in what a pair can lose (8.8)."""
    return Losses(screen.lost, losses_flops(screen.sums) + screen.scaled.size)


def row_max(screen: GatesScreen) -> Losses:
    """As `sums`, each residual taken for the largest of its neuron."""
    patterns, gates, ranges = screen.sums.patterns, screen.gates, screen.sums.ranges
    p, steps = screen.scaled.n_first, gamma(screen.sums.roundings)
    largest = [each.max(axis=0) for each in residuals(screen)]
    tables = []
    for sign, size in zip((1, -1), largest, strict=True):
        loss = np.zeros((p, p))
        for group, pattern in enumerate(patterns):
            pushes = np.broadcast_to(size[gates.members(group)], (2, p, len(gates.members(group))))
            found = pattern.levels.sums(level_losses(gates, group, ranges, pushes))
            loss += found[gates.shifts(group, sign)]
        tables.append(loss)
    most = float(ranges @ (largest[0] + largest[1]))
    error = inflated(2 * steps * (screen.sums.most_levels + 1) * most, 6)

    def of(a: Labels, b: Labels) -> Numbers:
        difference = (a - b) % p
        return inflated(tables[0][difference, a] + tables[1][difference, b] + error, 2)

    return Losses(of, 2 * losses_flops(screen.sums) + 2 * screen.scaled.size)


def absolute(screen: GatesScreen) -> Losses:
    """By the sum of each operand's absolute residuals, whatever the pattern."""
    ranges, gated = screen.sums.ranges, screen.scaled.gated
    return _joined(screen, *(inflated(each @ ranges, gated + 4) for each in residuals(screen)))


def norm(screen: GatesScreen) -> Losses:
    """By Cauchy and Schwarz, whatever the pattern."""
    size = length(screen.sums.ranges)
    return _joined(screen, *(inflated(lengths(each) * size, 1) for each in residuals(screen)))


def _joined(screen: GatesScreen, first: Numbers, second: Numbers) -> Losses:
    entries = 2 * screen.scaled.n_first * screen.scaled.gated
    return Losses(lambda a, b: inflated(first[a] + second[b], 1), 9 * entries + screen.scaled.size)


LOSSES: dict[str, Callable[[GatesScreen], Losses]] = {
    "exact": exact,
    "sums": sums,
    "row-max": row_max,
    "absolute": absolute,
    "norm": norm,
}
