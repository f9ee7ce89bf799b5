"""What the maker proposes for the gates: waves that neurons follow, and levels of their size."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from probbound.machine.errors import UserError
from probbound.tasks.pairs.folded import Folded
from probbound.tasks.pairs.screens.slack import length

HARMONICS = 4
ROUNDS = 2
_LARGEST = 1e100
_LEAST_POWER = 2e-3  # of all neurons: a frequency with less has no group of its own
_CANDIDATES = 81  # levels are chosen among so many
_TOP = 0.999  # of what neurons may lose lies below the highest candidate


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

    `weights` says what a unit of each neuron can do to a margin.

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
    part = slice(scaled.gated)
    both = [
        np.where(np.abs(rows[:, part]) < _LARGEST, rows[:, part], 0.0)
        for rows in (scaled.first, scaled.second)
    ]
    mean = (both[0] + both[1]) / 2
    found = _waves_of(mean, *_spectrum(mean))
    largest = [np.abs(rows - found.along()) * weights for rows in both]
    chosen = [
        _levels(found, group, np.concatenate(largest), weights, levels)
        for group in range(len(found.frequencies))
    ]
    return GateProposal(
        found.frequencies,
        found.waves,
        np.stack(chosen),
        found.groups,
        found.phases,
        found.amplitudes,
    )


def _spectrum(
    mean: Float[np.ndarray, "p gated"],
) -> tuple[Int[np.ndarray, " groups"], Int[np.ndarray, " gated"], Int[np.ndarray, " gated"]]:
    """The frequencies with power, each neuron's group among them, and its phase."""
    p, gated = mean.shape
    waves = np.fft.rfft(mean, axis=0)
    sizes = np.abs(waves)
    sizes[0] = 0
    dominant = sizes.argmax(axis=0)
    power = np.bincount(dominant, sizes.max(axis=0) ** 2, len(sizes))
    kept = np.flatnonzero((power > _LEAST_POWER * power.sum()) & (np.arange(len(power)) > 0))
    kept = kept if len(kept) else np.array([1])
    groups = sizes[kept].argmax(axis=0)
    angles = np.angle(waves[kept[groups], np.arange(gated)])
    return kept, groups, np.rint(angles * p / (2 * np.pi)).astype(np.int64) % p


def _waves_of(
    mean: Float[np.ndarray, "p gated"],
    kept: Int[np.ndarray, " groups"],
    groups: Int[np.ndarray, " gated"],
    phases: Int[np.ndarray, " gated"],
) -> GateProposal:
    """Waves fitted to what each group shares, and phases and amplitudes fitted to the waves."""
    p = len(mean)
    amplitudes, waves = np.abs(mean).max(axis=0), np.zeros((len(kept), p))
    phases, operands = phases.copy(), np.arange(p)
    basis = _harmonics(p)
    for group, frequency in enumerate(kept):
        members = np.flatnonzero(groups == group)
        rows, wave = mean[:, members], waves[group]
        for _ in range(ROUNDS):
            places = ((operands[:, None] * frequency + phases[members]) % p).ravel()
            sizes = np.broadcast_to(amplitudes[members], rows.shape)
            total = np.bincount(places, (rows * sizes).ravel(), p)
            square = np.bincount(places, (sizes**2).ravel(), p)
            normal = (basis * square) @ basis.T + 1e-9 * square.sum() * np.eye(len(basis))
            wave = np.linalg.lstsq(normal, basis @ total, rcond=None)[0] @ basis
            shifted = wave[(operands[:, None] + operands * frequency) % p]
            likeness = shifted @ rows
            phases[members] = likeness.argmax(axis=0)
            norm = (shifted[0] ** 2).sum()
            amplitudes[members] = np.maximum(likeness.max(axis=0), 0) / (norm if norm > 0 else 1)
        waves[group] = wave
    return GateProposal(kept, waves, np.zeros((len(kept), 1)), groups, phases, amplitudes)


def _harmonics(p: int) -> Float[np.ndarray, "n p"]:
    angles = 2 * np.pi * np.arange(p) / p
    highest = min(HARMONICS, (p - 1) // 2)
    waves = [f(j * angles) for j in range(1, highest + 1) for f in (np.cos, np.sin)]
    return np.stack([np.ones(p), *waves])


def _levels(
    found: GateProposal,
    group: int,
    losses: Float[np.ndarray, "two_p gated"],
    weights: Float[np.ndarray, " gated"],
    number: int,
) -> Float[np.ndarray, " n_levels"]:
    """The levels of |wave + wave'| below which a loss is taken for its largest, best chosen.

    By dynamic programming over evenly spaced candidates.
    """
    members, wave = found.members(group), found.waves[group]
    p, operands = len(wave), np.arange(len(wave))
    sums = np.abs(wave + wave[(operands - operands[:, None]) % p]).ravel()
    mass = losses[:, members]
    slopes = weights[members] * found.amplitudes[members] / 2
    needed = mass / np.maximum(slopes, 1e-300)
    order = np.argsort(needed, axis=None)
    share = np.cumsum(mass.ravel()[order])
    at = np.searchsorted(share, _TOP * share[-1]) if share[-1] > 0 else 0
    highest = min(float(needed.ravel()[order[at]]), float(sums.max()))
    candidates = np.linspace(0, highest, _CANDIDATES)
    loss = np.array([np.maximum(mass - slopes * c, 0).sum() for c in candidates])
    below = np.searchsorted(np.sort(sums), candidates).astype(float)
    return candidates[_best_steps(loss, below, float(len(sums)), number)]


def _best_steps(
    loss: Float[np.ndarray, " n"], below: Float[np.ndarray, " n"], total: float, number: int
) -> Int[np.ndarray, " number"]:
    """The candidates, the first among them, whose steps lose least in sum; some may repeat."""
    n = len(loss)
    best = np.full(n, np.inf)
    best[0], before = 0.0, []
    for _ in range(number - 1):
        steps = best[:, None] + loss[:, None] * (below[None] - below[:, None])
        steps = np.where(np.arange(n)[:, None] <= np.arange(n), steps, np.inf)
        before.append(steps.argmin(axis=0))
        best = steps.min(axis=0)
    at = int((best + loss * (total - below)).argmin())
    chosen = [at]
    for step in before[::-1]:
        at = int(step[at])
        chosen.append(at)
    return np.array(chosen[::-1])
