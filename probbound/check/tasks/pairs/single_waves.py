"""What is proposed for structure in the weights, by the law that Theorem 6.16 states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from probbound.check.report import Refused
from probbound.check.tasks.pairs.folded import Folded

_TOO_LARGE, _UNITS, _STILL, _ONE_TURN = 1e100, 2.0**30, 2.0**-30, 6.3


@dataclass(frozen=True)
class SingleWaves:
    """Gate i is nearly into[i] cos(2πka/p + phases[i]) of either operand, and its row of the
    output nearly out[i] cos(2πkc/p + out_phases[i]) and `centre`; k is frequencies[groups[i]].
    """

    values: int
    frequencies: np.ndarray
    groups: np.ndarray
    into: np.ndarray
    phases: np.ndarray
    out: np.ndarray
    out_phases: np.ndarray
    centre: np.ndarray

    @classmethod
    def of(cls, net: Folded) -> SingleWaves:
        """By the law.

        Raises:
            Refused: if operands and classes are not of one size, at least 3, or there are no gates.
        """
        values, gates = net.out.shape[1], net.gates
        if not len(net.first) == len(net.second) == values or values < 3 or not gates:
            raise Refused("waves need operands and classes of one size, at least 3, and neurons")
        first, second, out = (
            _usual(x) for x in (net.first[:, :gates], net.second[:, :gates], net.out)
        )
        mean = (first + second) / 2
        spectrum = np.fft.fft(mean, axis=0)[1 : (values + 1) // 2]
        sizes = np.abs(spectrum)
        largest = sizes.max(axis=0)
        still = ~(largest > _STILL * np.abs(mean).sum(axis=0))
        whole = np.rint(sizes / np.where(still, 1.0, largest) * _UNITS)
        strongest = np.where(still, 0, whole.argmax(axis=0))
        into = np.where(still, 0.0, spectrum[strongest, np.arange(gates)]) * (2 / values)
        frequencies, groups = np.unique(strongest + 1, return_inverse=True)
        answers = np.fft.fft(out[:gates], axis=1)
        answered = answers[np.arange(gates), strongest + 1] * (2 / values)
        return cls(
            *(values, frequencies, groups),
            *(np.abs(into), _phases(into), np.abs(answered), _phases(answered)),
            centre=out.mean(axis=1),
        )

    @property
    def weights(self) -> np.ndarray:
        """ω of every gate."""
        return self.into * self.out

    def along(self, amplitudes: np.ndarray, phases: np.ndarray) -> np.ndarray:
        """The waves of amplitudes and phases at every value, (values, gates)."""
        turns = np.arange(self.values)[:, None] * self.frequencies[self.groups] % self.values
        return amplitudes * np.cos(2 * np.pi / self.values * turns + phases)


def _phases(numbers: np.ndarray) -> np.ndarray:
    found = np.angle(numbers)
    return np.where(np.abs(found) <= _ONE_TURN, found, 0.0)


def _usual(rows: np.ndarray) -> np.ndarray:
    return np.where(np.abs(rows) < _TOO_LARGE, rows, 0.0)
