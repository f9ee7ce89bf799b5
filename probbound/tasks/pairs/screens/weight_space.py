"""`norms` and `integral`: structure in the weights, and the rest by norms.

Both certify next to nothing on networks that were trained: the rows that show what the other
screens are for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from probbound.arithmetic.rounding import gamma, inflated
from probbound.contract.cost import CostMeter
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.screens.frame_proposal import swing
from probbound.tasks.pairs.screens.pairs import PairResidue, Pairs, positive_parts
from probbound.tasks.pairs.screens.slack import (
    PairSlack,
    Sizes,
    folding_slack,
    length,
    lengths,
    rounding_slack,
)
from probbound.tasks.pairs.screens.tails import Numbers
from probbound.tasks.pairs.screens.wave_proposal import WaveProposal, propose_waves

VARIATION = 4.0  # of relu(cos u) cos(2u + γ) around the circle, at most
RELATIVE = 2.0**-36  # what sines, cosines and sums of amplitudes may round, many times over

MANY_GATES = 1 << 12  # sums over more round by more than RELATIVE, in proportion

_DIFFERENCES = 1 << 9  # looked at together


@dataclass(frozen=True)
class Terms:
    """Error terms in logits: the largest of each over pairs and classes.

    `ideal` is the sum of the amplitudes of the idealised logit, the scale of the published table.
    """

    ideal: float
    integration: float
    phase_defect: float
    input_noise: float
    output_noise: float

    @property
    def share(self) -> float:
        """All error terms over the ideal amplitude: below about a tenth, a bound says something."""
        errors = self.integration + self.phase_defect + self.input_noise + self.output_noise
        return errors / self.ideal if self.ideal > 0 else float("inf")


@dataclass(frozen=True)
class WeightSpaceScreen:
    """A pair passes if what the waves lead by at its a - b is above all that norms leave.

    And if its label is a + b: the waves are about that class. `least[t]`: of the structure alone,
    for the difference t (Theorems 8.12 and 8.13).
    """

    folded: Folded
    least: Numbers
    noise: PairSlack
    own_tail: Numbers
    slack: PairSlack
    terms: Terms
    table_flops: int
    name: str

    @property
    def flops(self) -> int:
        """Operations for one pair."""
        return 7

    def uncertified(self, pairs: Pairs) -> Bool[np.ndarray, " n"]:
        """Which pairs it leaves."""
        a, b, p = pairs[:, 0], pairs[:, 1], self.folded.n_classes
        labels = self.folded.labels[a, b]
        with np.errstate(all="ignore"):
            size = self.noise.first[a] + self.noise.second[b]
            lost = self.slack.of(a, b) + size * self.own_tail[labels]
            return (labels != (a + b) % p) | ~(self.least[(a - b) % p] > lost)

    def enumerate(self, meter: CostMeter) -> PairResidue:
        """All pairs that it leaves."""
        p = self.folded.n_classes
        proof = self.table_flops + self.folded.size * self.flops
        with meter.phase(f"{self.name} screen", "proof", proof):
            left = [
                self.uncertified(np.stack([np.full(p, a), np.arange(p)], axis=1)) for a in range(p)
            ]
            return PairResidue.of(np.stack(left))


def norms_screen(
    folded: Folded, margin: float = 0.0, proposal: WaveProposal | None = None
) -> WeightSpaceScreen:
    """The waves of neurons added up exactly, the rest by norms (Theorem 8.13).

    Raises:
        UserError: if operands and classes are not of one size, or nothing passes a gate.
    """
    proposal = (proposal or propose_waves(folded)).usable()
    p, groups = folded.n_classes, len(proposal.frequencies)
    leads = np.stack([_least_lead(proposal, group, p) for group in range(groups)])
    flops = 8 * p * folded.gated + 14 * groups * p * p
    return _screen("norms", folded, proposal, leads, (0.0, 0.0), margin, flops)


def integral_screen(
    folded: Folded, margin: float = 0.0, proposal: WaveProposal | None = None
) -> WeightSpaceScreen:
    """The sum over neurons taken for an integral over phases (Theorem 8.12).

    Raises:
        UserError: if operands and classes are not of one size, or nothing passes a gate.
    """
    proposal = (proposal or propose_waves(folded)).usable()
    p, groups = folded.n_classes, len(proposal.frequencies)
    weights = proposal.amplitudes * proposal.out_amplitudes
    totals = np.bincount(proposal.groups, weights, groups)
    spread = np.array([_discrepancy(proposal, group) for group in range(groups)])
    integration = 2 * VARIATION * float((totals * spread).sum())
    defect = np.remainder(proposal.out_phases - 2 * proposal.phases + np.pi, 2 * np.pi) - np.pi
    defects = 2 * float((weights * np.abs(defect)).sum())
    apart = np.arange(1, p) * proposal.frequencies[:, None] % p
    leads = 2 * totals[:, None] / (3 * np.pi) * (1 - np.cos(2 * np.pi / p * apart))
    flops = folded.gated * 30 + 4 * groups * p
    return _screen("integral", folded, proposal, leads, (integration, defects), margin, flops)


def _screen(
    name: str,
    folded: Folded,
    proposal: WaveProposal,
    leads: Float[np.ndarray, "groups p_1"],
    errors: tuple[float, float],
    margin: float,
    flops: int,
) -> WeightSpaceScreen:
    """Joins what waves lead by, for every other class, with norms of what they leave."""
    with np.errstate(all="ignore"):
        p, sizes = folded.n_classes, Sizes.of(folded)
        agreed = swing(proposal.frequencies, p)
        whole = float((proposal.amplitudes * proposal.out_amplitudes).sum())
        least = np.concatenate(
            [
                (agreed[:, start : start + _DIFFERENCES].T @ leads).min(axis=1)
                for start in range(0, p, _DIFFERENCES)
            ]
        )
        least -= 2 * sum(errors) + _rounding(folded.gated) * whole
        input_noise = [
            _input_noise(rows, folded.gated, proposal) for rows in (folded.first, folded.second)
        ]
        tails = _output_tails(folded, sizes, proposal)
        slack = folding_slack(folded, sizes) + PairSlack(input_noise[0], input_noise[1])
        weight = 4 * sizes.largest_out + 16 * length(proposal.out_amplitudes) + abs(margin)
        slack = slack + rounding_slack(sizes, folded.n_features + 600, weight, whole + 1)
        first, second = (lengths(positive_parts(folded, x)) for x in (folded.first, folded.second))
        own_tail = inflated(tails + tails.max(), 6)
        terms = Terms(
            ideal=2 * whole / (3 * np.pi),
            integration=errors[0],
            phase_defect=errors[1],
            input_noise=float(input_noise[0].max() + input_noise[1].max()) / 2,
            output_noise=float((first.max() + second.max()) * tails.max()),
        )
        flops += p * p * (2 * len(leads) + 1) + 6 * folded.n_features * 3 * p
        return WeightSpaceScreen(
            folded=folded,
            least=least,
            noise=PairSlack(first, second),
            own_tail=own_tail,
            slack=PairSlack(slack.first + margin, slack.second),
            terms=terms,
            table_flops=flops,
            name=name,
        )


def _rounding(gates: int) -> float:
    """How far a sum over so many may be off, relative to that of their sizes."""
    return RELATIVE * max(1.0, gates / MANY_GATES)


def _least_lead(proposal: WaveProposal, group: int, p: int) -> Float[np.ndarray, " p_1"]:
    """The least that a group's structure leads another class by, over classes and both signs."""
    members, k = np.flatnonzero(proposal.groups == group), int(proposal.frequencies[group])
    weights = 2 * proposal.amplitudes[members] * proposal.out_amplitudes[members]
    classes = np.arange(p)[:, None]
    half = np.pi / p * ((classes * k) % (2 * p)) + proposal.phases[members]
    turned = 2 * np.pi / p * ((classes * k) % p) + proposal.out_phases[members]
    apart = 2 * np.pi / p * ((np.arange(1, p) * k) % p)
    least = np.full(p - 1, np.inf)
    for sign in (1, -1):
        on = weights * np.maximum(sign * np.cos(half), 0.0)
        along, across = (on * np.cos(turned)).sum(axis=1), (on * np.sin(turned)).sum(axis=1)
        lead = along[:, None] * (1 - np.cos(apart)) + across[:, None] * np.sin(apart)
        least = np.minimum(least, lead.min(axis=0))
    return least


def _discrepancy(proposal: WaveProposal, group: int) -> float:
    """Half the range, around the circle, of the share of weight up to a phase less phase/2π."""
    members = np.flatnonzero(proposal.groups == group)
    phases = np.remainder(proposal.phases[members], 2 * np.pi) / (2 * np.pi)
    order = np.argsort(phases)
    weights = (proposal.amplitudes * proposal.out_amplitudes)[members][order]
    total = weights.sum()
    if not total > 0:
        return 0.5
    after = np.cumsum(weights) / total
    before = np.concatenate([[0.0], after[:-1]])
    phases = phases[order]
    return float((after - phases).max() - (before - phases).min()) / 2 + _rounding(len(phases))


def _input_noise(
    rows: Float[np.ndarray, "p n_features"], gated: int, proposal: WaveProposal
) -> Numbers:
    """2 Σ out_amplitude · |row - wave| for each operand, rounded up."""
    residual = np.abs(rows[:, :gated] - proposal.along(len(rows)))
    residual += RELATIVE * (np.abs(rows[:, :gated]) + proposal.amplitudes)
    return inflated(2 * (residual @ proposal.out_amplitudes), gated + 6)


def _output_tails(folded: Folded, sizes: Sizes, proposal: WaveProposal) -> Numbers:
    """‖column - waves - centre‖ of each class, rounded up."""
    rest = folded.out - proposal.centre[:, None]
    rest[: folded.gated] -= proposal.out(folded.n_classes)
    whole = sizes.out + length(proposal.centre) + length(proposal.out_amplitudes)
    return inflated(lengths(rest.T) + (gamma(8) + RELATIVE) * whole, 6)
