"""What the maker proposes for the gates: waves that neurons follow, and levels of their size."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Complex, Float, Int

from probbound.machine.errors import UserError
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.screens.gate_levels import chosen_levels, levels_flops
from probbound.tasks.pairs.screens.slack import length

HARMONICS = 4
_LARGEST = 1e100
_LEAST_POWER = 2.0**-10  # of all neurons: a frequency with less has no group of its own
_UNITS = 2.0**30  # waves are whole numbers up to it
_TIE = 2.0**-20  # of a step: as near the middle between two a phase is the lower
_FLAT = 2.0**-30  # a neuron whose wave is less than this of its sizes has none


@dataclass(frozen=True)
class GateProposal:
    """Neuron i is nearly amplitudes[i] · (wave(ν_i(a)) + wave(ν_i(b))), ν_i(a) = phases[i] + q a.

    q and the wave are those of its group, all modulo p; any choice is sound, amplitudes being
    non-negative (Theorem 8.7). `levels[k]` are ascending, the first of them 0.
    """

    frequencies: Int[np.ndarray, " groups"]
    waves: Float[np.ndarray, "groups p"]
    levels: Float[np.ndarray, "groups n_levels"]
    groups: Int[np.ndarray, " gated"]
    phases: Int[np.ndarray, " gated"]
    amplitudes: Float[np.ndarray, " gated"]

    @property
    def size(self) -> float:
        """‖·‖₂ of the largest that the wave of each neuron gets, rounded up."""
        highest = np.abs(self.waves).max(axis=1)[self.groups]
        return length(self.amplitudes * highest) * (1 + 2.0**-50)

    def usable(self) -> GateProposal:
        """The same, with amplitudes that are not negative, and levels that ascend from 0."""
        levels = np.maximum(np.sort(self.levels, axis=1), 0.0)
        levels[:, 0] = 0.0
        p = self.waves.shape[1]
        return replace(
            self,
            frequencies=self.frequencies % p,
            phases=self.phases % p,
            levels=levels,
            amplitudes=np.maximum(self.amplitudes, 0.0),
        )

    def along(self) -> Float[np.ndarray, "p gated"]:
        """The row that each neuron would have if it followed its wave."""
        found = np.zeros((self.waves.shape[1], len(self.groups)))
        for group, wave in enumerate(self.waves):
            members = self.members(group)
            found[:, members] = self.amplitudes[members] * wave[self.positions(group)]
        return found

    def positions(self, group: int) -> Int[np.ndarray, "p members"]:
        """ν_i(a) for every operand and every neuron of a group."""
        p = self.waves.shape[1]
        operands = np.arange(p)[:, None] * int(self.frequencies[group])
        return (operands + self.phases[self.members(group)]) % p

    def shifts(self, group: int, sign: int) -> Int[np.ndarray, " p"]:
        """How far the positions of the other operand are away, for each difference."""
        p = self.waves.shape[1]
        return sign * int(self.frequencies[group]) * np.arange(p) % p

    def members(self, group: int) -> Int[np.ndarray, " members"]:
        """The neurons of a group."""
        return np.flatnonzero(self.groups == group)


def propose_gates(
    scaled: Folded, weights: Float[np.ndarray, " gated"], levels: int
) -> GateProposal:
    """Dominant frequencies, a wave of few harmonics for each, and the levels that lose least.

    `weights` says what a unit of each neuron can do to a margin. By the law of Theorem 6.13.

    Raises:
        UserError: if operands are not of one size, nothing passes a gate, or there is no level.
    """
    if scaled.n_first != scaled.n_second or scaled.n_first < 3 or not scaled.gated:
        raise UserError(
            f"gates need two operands of one size, at least 3, and neurons; got "
            f"{scaled.n_first} and {scaled.n_second} values, {scaled.gated} neurons"
        )
    if levels < 1:
        raise UserError(f"gates need at least one level, got {levels}")
    sides = [_sized(scaled.first, scaled.gated)]
    if not scaled.tied:
        sides.append(_sized(scaled.second, scaled.gated))
    found = _waves_of((sides[0] + sides[-1]) / 2)
    along = found.along()
    mass = np.concatenate([np.abs(rows - along) * weights for rows in sides])
    slopes = weights * found.amplitudes / 2
    chosen = [
        chosen_levels(wave, mass[:, members], slopes[members], levels)
        for wave, members in zip(
            found.waves, map(found.members, range(len(found.waves))), strict=True
        )
    ]
    return replace(found, levels=np.stack(chosen))


def gates_flops(scaled: Folded, gates: GateProposal) -> int:
    """Operations of `propose_gates`."""
    p, gated, (groups, levels) = scaled.n_first, scaled.gated, gates.levels.shape
    rows = p if scaled.tied else 2 * p
    waves = gated * (_spectrum_flops(p) + 2 * p + 2 * groups + 30 * (HARMONICS + 1))
    waves += groups * p * (7 * HARMONICS + 3)
    residuals = rows * gated * 4 + p * gated * 3 + 2 * gated
    return waves + residuals + levels_flops(p, rows, gated, groups, levels)


def _spectrum_flops(p: int) -> int:
    """Of a real column: p products with p waves, or by three transforms of powers of two."""
    size = 1 << (2 * p - 1).bit_length()
    return min(2 * p * p, 3 * 5 * size * (size.bit_length() - 1) + 12 * size)


def _sized(rows: Float[np.ndarray, "p n_features"], gated: int) -> Float[np.ndarray, "p gated"]:
    """The rows at the gates, 0 where they are no numbers of usual size."""
    part = rows[:, :gated]
    return np.where(np.abs(part) < _LARGEST, part, 0.0)


def _waves_of(mean: Float[np.ndarray, "p gated"]) -> GateProposal:
    """Each neuron's group, phase and amplitude, and what the neurons of a group share."""
    p, gated = mean.shape
    spectrum = np.fft.rfft(mean, axis=0)
    sizes = np.abs(spectrum[1:])
    power = np.bincount(sizes.argmax(axis=0), sizes.max(axis=0) ** 2, len(sizes))
    kept = np.flatnonzero(power > _LEAST_POWER * power.sum())
    kept = (kept if len(kept) else np.array([0])) + 1
    groups = sizes[kept - 1].argmax(axis=0)
    own = spectrum[kept[groups], np.arange(gated)]
    flat = ~(np.abs(own) > _FLAT * np.abs(mean).sum(axis=0))
    groups[flat], own[flat] = 0, 0.0
    phases = np.floor(np.angle(own) * p / (2 * np.pi) + 0.5 - _TIE).astype(np.int64) % p
    amplitudes, waves = np.abs(own) * 2 / p, np.zeros((len(kept), p))
    for group, frequency in enumerate(kept):
        members = np.flatnonzero(groups == group)
        wave = _shared(
            spectrum[:, members], int(frequency), phases[members], amplitudes[members], p
        )
        highest = np.abs(wave).max()
        if 0 < highest < np.inf:
            waves[group] = np.rint(wave / highest * _UNITS)
            amplitudes[members] *= highest / _UNITS
    return GateProposal(kept, waves, np.zeros((len(kept), 1)), groups, phases, amplitudes)


def _shared(
    spectrum: Complex[np.ndarray, "half members"],
    frequency: int,
    phases: Int[np.ndarray, " members"],
    amplitudes: Float[np.ndarray, " members"],
    p: int,
) -> Float[np.ndarray, " p"]:
    """The wave of few harmonics that neurons follow best, each at its phase and amplitude."""
    square = p * (amplitudes**2).sum()
    wave = np.zeros(p)
    for harmonic in range(min(HARMONICS, (p - 1) // 2) + 1):
        place = harmonic * frequency % p
        column = spectrum[place] if 2 * place <= p else np.conj(spectrum[p - place])
        turned = column * np.exp(-2j * np.pi / p * (harmonic * phases % p))
        share = (amplitudes * turned).sum() / square
        turns = np.exp(2j * np.pi / p * (harmonic * np.arange(p) % p))
        wave += (share * turns).real * (2 if harmonic else 1)
    return wave
