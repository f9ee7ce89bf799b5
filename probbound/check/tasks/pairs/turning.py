"""What is proposed for the rotating frame, by the law that Theorem 6.14 states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from probbound.check.report import Refused
from probbound.check.tasks.pairs.folded import Folded
from probbound.check.tasks.pairs.proposal import looked_at

_TOO_LARGE, _UNITS, _LEAST_SQUARE, _COLUMNS = 1e100, 2.0**30, 2.0**-30, 1 << 11


@dataclass(frozen=True)
class Turning:
    """W = Y Φ + Y' Q' + v 1ᵀ + Δ, Φ the waves (2K, p) of the frequencies (Theorem 8.10).

    `speaks` is how far each frequency speaks for the right class, `mean` is μ.
    """

    frequencies: np.ndarray
    waves: np.ndarray
    left: np.ndarray
    beside: np.ndarray
    others: np.ndarray
    centre: np.ndarray
    mean: np.ndarray

    @classmethod
    def of(cls, net: Folded, number: int, beside: int) -> Turning:
        """By the law.

        Raises:
            Refused: if operands and classes are not of one size, or there are fewer frequencies.
        """
        features, values = net.out.shape
        if not len(net.first) == len(net.second) == values or values < 3:
            raise Refused("a rotating frame needs operands and classes of one size, at least 3")
        if not 1 <= number <= (values - 1) // 2:
            raise Refused(f"there are {(values - 1) // 2} frequencies, and not {number}")
        out = _usual(net.out)
        frequencies = _strongest(out, number)
        waves, centre = turned(frequencies, values), out.mean(axis=1)
        left = out @ waves.T * (2 / values)
        rest = out - centre[:, None] - left @ waves
        there = max(0, min(beside, min(features, values) - 2 * number))
        directions = _directions(rest, there)
        a, b = np.divmod(looked_at(values**2), values)
        mean = _usual(net.features(a, b)).mean(axis=0)
        return cls(frequencies, waves, left, directions, directions.T @ rest, centre, mean)


def turned(frequencies: np.ndarray, values: int) -> np.ndarray:
    """Cosines, then sines, of 2πkc/p for every class c (Assumption 8.9)."""
    angles = 2 * np.pi / values * (frequencies[:, None] * np.arange(values) % values)
    return np.concatenate([np.cos(angles), np.sin(angles)])


def _strongest(out: np.ndarray, number: int) -> np.ndarray:
    """The frequencies of most power, in whole units; of equal ones the smaller."""
    spectrum = np.fft.fft(out, axis=1)[:, 1 : (out.shape[1] + 1) // 2]
    power = np.square(np.abs(spectrum)).sum(axis=0)
    largest = float(power.max())
    whole = np.rint(power / largest * _UNITS) if 0 < largest < np.inf else np.zeros(len(power))
    return 1 + np.sort(np.argsort(-whole, kind="stable")[:number])


def _directions(rest: np.ndarray, number: int) -> np.ndarray:
    """Leading directions of some columns, 0 where next to nothing lies in them."""
    if number == 0:
        return np.zeros((len(rest), 0))
    some = rest[:, :: max(1, rest.shape[1] // _COLUMNS)]
    values, vectors = np.linalg.eigh(some @ some.T)
    leading = np.arange(len(values) - 1, len(values) - 1 - number, -1)
    return vectors[:, leading] * (values[leading] > _LEAST_SQUARE * values[-1])


def _usual(values: np.ndarray) -> np.ndarray:
    return np.where(np.abs(values) < _TOO_LARGE, values, 0.0)
