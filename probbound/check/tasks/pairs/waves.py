"""What is proposed for structured gates, by the law that Theorem 6.13 states."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from probbound.check.models.pair_mlp.rounding import above
from probbound.check.report import Refused
from probbound.check.tasks.pairs.folded import Folded
from probbound.check.tasks.pairs.proposal import LEAST, nearest_powers

_HARMONICS, _UNITS, _TOO_LARGE = 4, 2.0**30, 1e100
_LEAST_POWER, _LEAST_WAVE, _TIE, _LEAST_SQUARE = 2.0**-10, 2.0**-30, 2.0**-20, 2.0**-30
_STEPS, _NEVER = 80, 1 << 61


@dataclass(frozen=True)
class Directions:
    """The scaled network, and W = Y Q + v 1ᵀ + Δ in it."""

    scaled: Folded
    left: np.ndarray
    right: np.ndarray
    centre: np.ndarray

    @classmethod
    def of(cls, folded: Folded, rank: int) -> Directions:
        """By the law.

        Raises:
            Refused: if there are not so many directions.
        """
        most = min(folded.gates, folded.out.shape[1])
        if rank > most:
            raise Refused(f"there are {most} directions, fewer than {rank}")
        scaled = _balanced(folded)
        centre = _number(scaled.out.mean(axis=1))
        rest = _number(scaled.out - centre[:, None])
        values, vectors = np.linalg.eigh(_number(rest.T @ rest))
        leading = np.arange(len(values) - 1, len(values) - 1 - rank, -1)
        weighty = values[leading] > _LEAST_SQUARE * values[-1]
        right = vectors[:, leading].T * weighty[:, None]
        return cls(scaled, rest @ right.T, right, centre)


def powers_left(folded: Folded) -> np.ndarray:
    """What the leading 0, 1, … directions leave of all power of W - v 1ᵀ, scaled; 1 if none."""
    with np.errstate(all="ignore"):
        out = _balanced(folded).out
        rest = _number(out - _number(out.mean(axis=1))[:, None])
        squares = np.square(np.linalg.svd(rest, compute_uv=False))
        left = np.append(np.cumsum(squares[::-1])[::-1], 0.0)
        return left / left[0] if left[0] > 0 else np.ones(len(left))


def _balanced(folded: Folded) -> Folded:
    """Features divided by powers of two, so that they are as long in the operands as in W."""
    centre = _number(folded.out.mean(axis=1))
    rest = _number(folded.out - centre[:, None])
    put = np.sqrt(np.square(folded.first).sum(axis=0) + np.square(folded.second).sum(axis=0))
    taken = np.sqrt(np.square(rest).sum(axis=1))
    least = LEAST * np.nan_to_num(taken, posinf=0.0).max(initial=0.0)
    return folded.scaled(nearest_powers(np.sqrt(put / np.maximum(taken, least))))


@dataclass(frozen=True)
class Group:
    """Gates `members` of one wave z(phase + frequency · a), whole numbers, and its levels."""

    members: np.ndarray
    wave: np.ndarray
    levels: np.ndarray


@dataclass(frozen=True)
class Waves:
    """Gate i is nearly amplitudes[i] · (along[a, i] + along[b, i]), along the z of its group."""

    groups: tuple[Group, ...]
    along: np.ndarray
    amplitudes: np.ndarray

    @property
    def highest(self) -> np.ndarray:
        """At least α max |z| of every gate."""
        found = np.zeros(len(self.amplitudes))
        for group in self.groups:
            found[group.members] = self.amplitudes[group.members] * np.abs(group.wave).max()
        return above(found)

    def held(self, sizes: np.ndarray) -> np.ndarray:
        """α L/2 of gates (n, gates) whose |z + z'| are so large; the levels add up exactly."""
        found = np.zeros(sizes.shape)
        for floor, step in zip(*self._steps, strict=True):
            found += np.where(sizes >= floor, step, 0.0)
        return found * (self.amplitudes / 2)

    @cached_property
    def _steps(self) -> tuple[np.ndarray, np.ndarray]:
        """The levels of every gate above 0, each once, and how far each is above the one before."""
        different = [np.unique(group.levels)[1:] for group in self.groups]
        most = max(map(len, different))
        floors = np.full((most, len(self.amplitudes)), np.inf)
        steps = np.zeros(floors.shape)
        for group, levels in zip(self.groups, different, strict=True):
            floors[: len(levels), group.members] = levels[:, None]
            steps[: len(levels), group.members] = np.diff(levels, prepend=0.0)[:, None]
        return floors, steps

    @classmethod
    def of(cls, net: Folded, weights: np.ndarray, levels: int) -> Waves:
        """By the law, of a scaled network; `weights` are what a unit of each gate can do.

        Raises:
            Refused: if there are fewer than three values of an operand, or no gates.
        """
        values = len(net.first)
        if values != len(net.second) or values < 3 or not net.gates:
            raise Refused("gates need two operands of one size, at least 3, and neurons")
        rows = [_usual(side[:, : net.gates]) for side in (net.first, net.second)]
        mean = (rows[0] + rows[1]) / 2
        spectrum = np.fft.fft(mean, axis=0)
        frequencies, place = _frequencies(np.abs(spectrum[1 : values // 2 + 1]))
        own = spectrum[frequencies[place], np.arange(net.gates)]
        still = ~(np.abs(own) > _LEAST_WAVE * np.abs(mean).sum(axis=0))
        place, own = np.where(still, 0, place), np.where(still, 0.0, own)
        turns = np.angle(own) * values / (2 * np.pi)
        phases = np.floor(turns + 0.5 - _TIE).astype(np.int64) % values
        amplitudes, along = np.abs(own) * 2 / values, np.zeros((values, net.gates))
        groups = []
        for number, frequency in enumerate(frequencies):
            members = np.flatnonzero(place == number)
            orders = np.arange(min(_HARMONICS, (values - 1) // 2) + 1)
            harmonics = spectrum[frequency * orders % values][:, members]
            wave, unit = _wave(harmonics, phases[members], amplitudes[members], values)
            amplitudes[members] *= unit
            at = phases[members] + frequency * np.arange(values)[:, None]
            along[:, members] = wave[at % values]
            off = [
                np.abs(side[:, members] - amplitudes[members] * along[:, members]) for side in rows
            ]
            lost = np.concatenate(off) * weights[members]
            slopes = weights[members] * amplitudes[members] / 2
            groups.append(Group(members, wave, _levels(wave, lost, slopes, levels)))
        return cls(tuple(groups), along, amplitudes)


def _frequencies(sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Those with power, from the sizes at 1, 2, …, and which of them is each gate's largest."""
    largest = sizes.argmax(axis=0)
    power = np.zeros(len(sizes))
    np.add.at(power, largest, np.square(sizes.max(axis=0)))
    found = np.flatnonzero(power > _LEAST_POWER * power.sum())
    found = found if len(found) else np.zeros(1, dtype=np.int64)
    return found + 1, sizes[found].argmax(axis=0)


def _wave(
    harmonics: np.ndarray, phases: np.ndarray, amplitudes: np.ndarray, values: int
) -> tuple[np.ndarray, float]:
    """The wave of a group in whole units, and the unit; from the spectrum at 0, q, 2q, …"""
    orders = np.arange(len(harmonics))[:, None]
    back = np.exp(-2j * np.pi / values * (orders * phases % values))
    shares = (harmonics * back) @ amplitudes / (values * (amplitudes @ amplitudes))
    shares[1:] *= 2
    wave = (shares @ np.exp(2j * np.pi / values * (orders * np.arange(values) % values))).real
    highest = float(np.abs(wave).max())
    if not 0 < highest < np.inf:
        return np.zeros(values), 1.0
    return np.rint(wave / highest * _UNITS), highest / _UNITS


def _levels(wave: np.ndarray, lost: np.ndarray, slopes: np.ndarray, number: int) -> np.ndarray:
    """The levels by the law, ascending from 0: by the least sums of whole numbers."""
    sums = np.abs(wave[:, None] + wave).ravel()
    steps = np.arange(_STEPS + 1)
    floors = np.floor(sums.max() * steps**2 / _STEPS**2)
    below = np.searchsorted(np.sort(sums), floors)
    whole = np.array([np.maximum(lost - slopes * floor, 0.0).sum() for floor in floors])
    unit = _UNITS / whole[0] if 0 < whole[0] < np.inf else 0.0
    costs = np.rint(np.nan_to_num(whole * unit, posinf=0.0)).astype(np.int64)
    return floors[_least_steps(costs, np.append(below, sums.size), number)]


def _least_steps(costs: np.ndarray, below: np.ndarray, number: int) -> np.ndarray:
    """Places 0 = j_1 <= … <= j_n with the least Σ cost(j_t) (below(j_t+1) - below(j_t)).

    Of several last places, and of several before a place, the first.
    """
    end = len(costs)
    first = np.arange(end) == 0
    least, ways = np.where(first, 0, _NEVER), []
    between = costs[:, None] * (below - below[:end, None])
    allowed = np.arange(end)[:, None] <= np.arange(end + 1)
    for last in [False] * (number - 1) + [True]:
        found = np.where(allowed, least[:, None] + between, _NEVER)
        found = found[:, end:] if last else found[:, :end]
        ways.append(found.argmin(axis=0))
        least = found.min(axis=0)
    places = [int(ways[-1][0])]
    for way in ways[-2::-1]:
        places.append(int(way[places[-1]]))
    return np.array(places[::-1])


def _usual(rows: np.ndarray) -> np.ndarray:
    return np.where(np.abs(rows) < _TOO_LARGE, rows, 0.0)


def _number(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(values, posinf=0.0, neginf=0.0)
