"""Neurons as single waves in and out: what the maker proposes for structure in the weights."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Complex, Float, Int

from probbound.machine.errors import UserError
from probbound.tasks.pairs.folded import Folded

_ONE_TURN = 6.3
_UNITS = 2.0**30  # sizes of waves are compared in whole ones, of the largest
_FLAT = 2.0**-30  # a gate whose wave is less than this of its sizes has none


@dataclass(frozen=True)
class WaveProposal:
    """Gates are nearly waves of each operand, and their rows of the output waves of the class.

    amplitude · cos(2πka/p + phase), and out_amplitude · cos(2πkc/p + out_phase) plus `centre`; k is
    the frequency of the gate's group. Any choice is sound (Theorems 8.12 and 8.13).
    """

    frequencies: Int[np.ndarray, " groups"]
    groups: Int[np.ndarray, " gated"]
    amplitudes: Float[np.ndarray, " gated"]
    phases: Float[np.ndarray, " gated"]
    out_amplitudes: Float[np.ndarray, " gated"]
    out_phases: Float[np.ndarray, " gated"]
    centre: Float[np.ndarray, " n_features"]

    def usable(self) -> WaveProposal:
        """The same, but no negative amplitude, and phases of more than one turn put to zero."""
        turns = [np.where(np.abs(x) <= _ONE_TURN, x, 0.0) for x in (self.phases, self.out_phases)]
        return replace(
            self,
            amplitudes=np.maximum(self.amplitudes, 0.0),
            phases=turns[0],
            out_amplitudes=np.maximum(self.out_amplitudes, 0.0),
            out_phases=turns[1],
        )

    def along(self, p: int) -> Float[np.ndarray, "p gated"]:
        """The proposed operand rows."""
        return self.amplitudes * np.cos(self._angles(p) + self.phases)

    def out(self, p: int) -> Float[np.ndarray, "gated p"]:
        """The proposed output rows, without their centre."""
        return (self.out_amplitudes * np.cos(self._angles(p) + self.out_phases)).T

    def _angles(self, p: int) -> Float[np.ndarray, "p gated"]:
        turns = (np.arange(p)[:, None] * self.frequencies[self.groups]) % p
        return 2 * np.pi / p * turns


def propose_waves(folded: Folded) -> WaveProposal:
    """Of each gate its strongest frequency, in and out, by the law of Theorem 6.16.

    Raises:
        UserError: if operands and classes are not of one size, or nothing passes a gate.
    """
    p, gated = folded.n_classes, folded.gated
    if not folded.n_first == folded.n_second == p or p < 3 or not gated:
        raise UserError(
            f"waves need operands and classes of one size, at least 3, and neurons; got "
            f"{folded.n_first}, {folded.n_second} and {p}, {gated} neurons"
        )
    finite = [
        np.where(np.abs(x) < 1e100, x, 0.0)
        for x in (folded.first[:, :gated], folded.second[:, :gated], folded.out)
    ]
    mean, every = (finite[0] + finite[1]) / 2, np.arange(gated)
    waves = np.fft.rfft(mean, axis=0)[: (p + 1) // 2]
    dominant, flat = _dominant(waves, mean)
    frequencies, groups = np.unique(dominant, return_inverse=True)
    out = np.fft.rfft(finite[2][:gated], axis=1)[every, dominant] * (2 / p)
    found = np.where(flat, 0.0, waves[dominant, every]) * (2 / p)
    return WaveProposal(
        frequencies=frequencies,
        groups=groups,
        amplitudes=np.abs(found),
        phases=np.angle(found),
        out_amplitudes=np.abs(out),
        out_phases=np.angle(out),
        centre=finite[2].mean(axis=1),
    )


def _dominant(
    waves: Complex[np.ndarray, "half gated"], mean: Float[np.ndarray, "p gated"]
) -> tuple[Int[np.ndarray, " gated"], Bool[np.ndarray, " gated"]]:
    """The strongest frequency of each gate, of equal ones the first; 1 of those without a wave."""
    sizes = np.abs(waves[1:])
    largest = sizes.max(axis=0)
    flat = ~(largest > _FLAT * np.abs(mean).sum(axis=0))
    whole = np.rint(sizes / np.where(flat, 1.0, largest) * _UNITS)
    return 1 + np.where(flat, 0, whole.argmax(axis=0)), flat


def wave_proposal_flops(folded: Folded) -> int:
    """Operations of `propose_waves`, nearly: transforms of rows and output."""
    n, p = folded.n_features, folded.n_classes
    return 2 * n * p * (7 + 3 * math.ceil(math.log2(p))) + 40 * n
