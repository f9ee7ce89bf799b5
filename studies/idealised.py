"""The idealised logit of a network of waves, and how far sums and the network are from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from probbound.models.pair_mlp.network import PairMLP
from probbound.tasks.pairs.folded import Labelling
from probbound.tasks.pairs.folding import folded
from probbound.tasks.pairs.screens.frame_proposal import swing, trigonometric
from probbound.tasks.pairs.screens.wave_proposal import WaveProposal, propose_waves
from probbound.tasks.pairs.screens.weight_space import Terms, integral_screen

UNIT = 2 / 3
"""The amplitude of one frequency's idealised logit where its weights sum up to a whole circle: the
integral of relu(cos u) cos(2u) over it. Errors are given where the amplitudes sum up to this."""
NAIVE = 4 / 3
"""The most that |relu(cos u) cos(2u + γ)| integrates to over the circle."""


@dataclass(frozen=True)
class Idealised:
    """Errors of logits of modular addition, in units of UNIT over the sum of all amplitudes.

    `terms` are the bounds of Theorem 8.12, in logits.
    """

    model: PairMLP
    proposal: WaveProposal
    terms: Terms

    @classmethod
    def of(cls, model: PairMLP, labels: Labelling) -> Idealised:
        """Of a network and its right answers, a + b mod p.

        Raises:
            UserError: if nothing passes a gate.
        """
        net = folded(model, labels)
        proposal = propose_waves(net).usable()
        return cls(model, proposal, integral_screen(net, proposal=proposal).terms)

    @property
    def scale(self) -> float:
        """One logit in units."""
        return UNIT / self.terms.ideal

    @property
    def agreed(self) -> float:
        """|cos(πk(a - b)/p)| averaged over pairs, the frequencies weighted by their amplitudes."""
        proposal, p = self.proposal, self.model.d_vocab
        weights = proposal.amplitudes * proposal.out_amplitudes
        totals = np.bincount(proposal.groups, weights, len(proposal.frequencies))
        return float(np.average(swing(proposal.frequencies, p).mean(axis=1), weights=totals))

    def of_integral(self, pairs: Int[np.ndarray, "n 2"]) -> Float[np.ndarray, " n"]:
        """How far the sum over neurons, taken for even waves, is from the integral: its largest
        error over all classes, for each pair."""
        proposal, p = self.proposal, self.model.d_vocab
        along, k = proposal.along(p), proposal.frequencies[proposal.groups]
        angles = 2 * np.pi / p * (k[:, None] * np.arange(p) % p)
        out = proposal.out_amplitudes[:, None] * np.cos(angles + 2 * proposal.phases[:, None])
        found = np.maximum(along[pairs[:, 0]] + along[pairs[:, 1]], 0.0) @ out
        return np.abs(found - self._ideal(pairs)).max(axis=1) * self.scale

    def of_network(self, pairs: Int[np.ndarray, "n 2"]) -> Float[np.ndarray, " n"]:
        """How far the network's logits are, what all classes have in common apart: half the
        largest error of a lead of the right class, for each pair."""
        found = self.model.plain(pairs) - self._ideal(pairs)
        own = np.take_along_axis(found, pairs.sum(axis=1)[:, None] % self.model.d_vocab, axis=1)
        return np.abs(found - own).max(axis=1) / 2 * self.scale

    def _ideal(self, pairs: Int[np.ndarray, "n 2"]) -> Float[np.ndarray, "n p"]:
        proposal, p = self.proposal, self.model.d_vocab
        weights = proposal.amplitudes * proposal.out_amplitudes
        totals = np.bincount(proposal.groups, weights, len(proposal.frequencies))
        k, sums = proposal.frequencies, pairs.sum(axis=1) % p
        size = 2 * totals / (3 * np.pi) * swing(k, p)[:, (pairs[:, 0] - pairs[:, 1]) % p].T
        waves = trigonometric(k, p)
        return (waves[:, sums].T * np.concatenate([size, size], axis=1)) @ waves
