"""Row spreads of noise from its product with Gaussian columns (Theorems 3.25 and 3.28)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy

from probbound.check.models.attention_only.slack import gamma
from probbound.check.stream import Stream
from probbound.check.tasks.max_of_k.noise import Factors, lengths, norm, up

_COLUMNS = 32
_SLACK, _LEAST_LOG = 1e-9, -600.0


@dataclass(frozen=True)
class Coins:
    """The stream of a rung that rests on a sketch, and the log of the δ that it spends."""

    stream: Stream
    log_delta: float

    def of_path(self, name: str, paths: int) -> Coins:
        """Those of one path of several, which share δ equally."""
        return Coins(self.stream.named(name), self.log_delta - math.log(paths))

    def spreads(self, factors: Factors) -> np.ndarray:
        """At least the spread of every row, all at once, except with probability δ."""
        places = factors[-1].shape[1]
        columns = _gaussian(self.stream.named("sketch", "centred rows"), places)
        scale = math.prod(map(norm, (*factors[1:], columns)))
        columns -= columns.mean(axis=0)
        for factor in reversed(factors):
            columns = factor @ columns
        operations = sum(factor.shape[1] for factor in factors) + places + 2
        lost = lengths(factors[0]) * (2 * gamma(operations) * scale)
        floor = _floor(self.log_delta - math.log(len(columns)))
        norms = up(lengths(columns) + lost, 8) / math.sqrt(floor)
        return up(math.sqrt(2) * norms, 8)


def _gaussian(stream: Stream, rows: int) -> np.ndarray:
    """Normal quantiles of the middles of 2^52 equally probable cells, (rows, _COLUMNS)."""
    cells = stream.words(0, rows * _COLUMNS) >> np.uint64(12)
    normal = scipy.special.ndtri((cells.astype(np.float64) + 0.5) * 2.0**-52)
    return np.asarray(normal).reshape(rows, _COLUMNS)


def _floor(log_probability: float) -> float:
    """An x with P(χ² <= x) at most that, for _COLUMNS degrees of freedom (Theorem 3.25)."""
    half = _COLUMNS / 2
    if log_probability < _LEAST_LOG:
        log_x = (log_probability + float(scipy.special.gammaln(half + 1))) / half + math.log(2)
        return math.exp(log_x) * (1 - _SLACK)
    probability = math.exp(log_probability)
    x = 2 * float(scipy.special.gammaincinv(half, probability)) * (1 - _SLACK)
    while scipy.special.gammainc(half, x / 2) * (1 + 1e-10) > probability:
        x *= 1 - _SLACK
    return x
