"""Structure in the weights, the rest by norms: of waves added up, or integrated (8.12, 8.13)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from probbound.check.models.pair_mlp.rounding import UNDERFLOW, above, gamma, lengths
from probbound.check.tasks.pairs.folded import Folded
from probbound.check.tasks.pairs.low_rank import margin_up
from probbound.check.tasks.pairs.prices import NORMS_PRICE
from probbound.check.tasks.pairs.single_waves import SingleWaves

_ERROR, _MANY_GATES = 2.0**-36, 1 << 12
_VARIATION = 4.0  # of relu(cos u) cos(2u + γ) around the circle
_AT_ONCE = 1 << 18

# What the waves of each group, (groups, p - 1), make a class lead the one that is j further by,
# times |cos(πkt/p)|; and what is taken off of it all.
Leads = Callable[[SingleWaves], tuple[np.ndarray, float]]


@dataclass(frozen=True)
class ByNorms:
    """Which pairs are above a margin, by the waves of their weights, if a + b is their class.

    `least` is what the structure leads by at each difference a - b, rounded down; `reach` are φ⁺
    of both operands, `tails` at least ‖Δ_s‖ + max ‖Δ_c‖, `lead` what has to be exceeded beside.
    """

    least: np.ndarray
    reach: tuple[np.ndarray, np.ndarray]
    tails: np.ndarray
    lead: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, net: Folded, leads: Leads, margin: float) -> ByNorms:
        """Of a network, with what is proposed for it.

        Raises:
            Refused: as `SingleWaves.of`.
        """
        with np.errstate(all="ignore"):
            return cls._of(net, SingleWaves.of(net), leads, margin)

    @classmethod
    def _of(cls, net: Folded, found: SingleWaves, leads: Leads, margin: float) -> ByNorms:
        gates, waves = net.gates, found.along(found.into, found.phases)
        noise = []
        for rows in (net.first[:, :gates], net.second[:, :gates]):
            off = np.abs(rows - waves) + _ERROR * (np.abs(rows) + found.into)
            noise.append(above(2 * (off @ found.out) * (1 + gamma(gates + 8))))
        rest = net.out - found.centre[:, None]
        rest[:gates] -= found.along(found.out, found.out_phases).T
        whole = lengths(net.out.T) + lengths(found.centre[None]) + lengths(found.out[None])
        tails = above(lengths(rest.T) + (_ERROR + gamma(8)) * whole)
        parts = []
        for rows in (net.first, net.second):
            positive = rows.copy()
            np.maximum(positive[:, :gates], 0.0, out=positive[:, :gates])
            parts.append(lengths(positive))
        return cls(
            least=_least(found, *leads(found)),
            reach=(parts[0], parts[1]),
            tails=above(tails + tails.max()),
            lead=(
                above(margin_up(margin) + net.off_first + noise[0]) + UNDERFLOW,
                above(net.off_second + noise[1]) + UNDERFLOW,
            ),
        )

    @property
    def price(self) -> int:
        """The operations of one pair."""
        return NORMS_PRICE

    def left(self, pairs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Which pairs (n, 2) it cannot certify."""
        (a, b), values = pairs.T, len(self.least)
        with np.errstate(all="ignore"):
            apart = above((self.reach[0][a] + self.reach[1][b]) * self.tails[labels])
            wanted = self.lead[0][a] + self.lead[1][b] + apart
            return (labels != (a + b) % values) | ~(self.least[(a - b) % values] > wanted)


def _least(found: SingleWaves, leads: np.ndarray, off: float) -> np.ndarray:
    """The least over all other classes, for each difference, less `off` and what is rounded."""
    step, values = max(1, _AT_ONCE // found.values), found.values
    halves = np.pi / values * (np.arange(values)[:, None] * found.frequencies % values)
    agreed = np.abs(np.cos(halves))
    least = [(agreed[at : at + step] @ leads).min(axis=1) for at in range(0, values, step)]
    taken = above(off + _error(found) * float(found.weights.sum()))
    return np.concatenate(least) - taken


def norms_leads(found: SingleWaves) -> tuple[np.ndarray, float]:
    """Of waves added up: the least over classes and both signs (8.13)."""
    values, leads = found.values, []
    for group, frequency in enumerate(found.frequencies):
        some = found.groups == group
        turns = np.arange(values)[:, None] * frequency
        half = np.pi / values * (turns % (2 * values)) + found.phases[some]
        full = 2 * np.pi / values * (turns % values) + found.out_phases[some]
        apart = 2 * np.pi / values * (np.arange(1, values) * frequency % values)
        least = np.full(values - 1, np.inf)
        for sign in (1, -1):
            on = 2 * found.weights[some] * np.maximum(sign * np.cos(half), 0.0)
            along, across = (on * np.cos(full)).sum(axis=1), (on * np.sin(full)).sum(axis=1)
            for at in range(0, values, max(1, _AT_ONCE // values)):
                part = slice(at, at + max(1, _AT_ONCE // values))
                lead = along[part, None] * (1 - np.cos(apart)) + across[part, None] * np.sin(apart)
                least = np.minimum(least, lead.min(axis=0))
        leads.append(least)
    return np.stack(leads), 0.0


def integral_leads(found: SingleWaves) -> tuple[np.ndarray, float]:
    """Of integrals over phases, with what they are off by (8.12)."""
    groups, weights = len(found.frequencies), found.weights
    totals = np.bincount(found.groups, weights, groups)
    apart = found.frequencies[:, None] * np.arange(1, found.values) % found.values
    shares = 1 - np.cos(2 * np.pi / found.values * apart)
    spread = np.array([_discrepancy(found, group) for group in range(groups)])
    missed = np.remainder(found.out_phases - 2 * found.phases + np.pi, 2 * np.pi) - np.pi
    phases = 2 * float((weights * np.abs(missed)).sum())
    integration = 2 * _VARIATION * float((totals * spread).sum())
    return 2 * totals[:, None] / (3 * np.pi) * shares, 2 * (integration + phases)


def _discrepancy(found: SingleWaves, group: int) -> float:
    """D of 8.12: half the range of the share of weight up to a phase, less the phase."""
    some = found.groups == group
    phases, weights = found.phases[some] / (2 * np.pi) % 1, found.weights[some]
    total = float(weights.sum())
    if not total > 0:
        return 0.5
    order = np.argsort(phases)
    phases, sums = phases[order], np.concatenate([[0.0], weights[order].cumsum() / total])
    return float((sums[1:] - phases).max() - (sums[:-1] - phases).min()) / 2 + _error(found)


def _error(found: SingleWaves) -> float:
    """What sums of waves of the gates are off by, relative to the sum of their sizes."""
    return _ERROR * max(1.0, len(found.groups) / _MANY_GATES)
