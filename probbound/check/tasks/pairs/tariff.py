"""The prices that a plan over pairs goes by, as docs/planner.md lists them (Theorem 8.16)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from probbound.check.tasks.pairs.kinds import KINDS

_LOOKED_AT, _TRIED, _COLUMNS = 1 << 11, 1 << 9, 1 << 12


@dataclass(frozen=True)
class Price:
    """M, of making a screen and trying it, and E, of all pairs then."""

    made: int
    all_pairs: int


@dataclass(frozen=True)
class Tariff:
    """Of p values, g neurons, rows of d numbers that are multiplied out, R and w weights."""

    p: int
    g: int
    d: int
    forward: int
    weights: int

    @classmethod
    def of(cls, weights: Any) -> Tariff:
        """Of the weights of a network."""
        sizes, there = weights.sizes, weights.arrays
        multiplied = sizes["d_model"] if "W_in" in there else 0
        stored = sum(array.size for array in there.values())
        forward = KINDS[weights.kind].price(weights)
        return cls(sizes["d_vocab"], sizes["d_mlp"], multiplied, forward, stored)

    @property
    def few(self) -> int:
        """m."""
        return min(self.p, self.g)

    @property
    def tables(self) -> int:
        """A."""
        return 4 * (self.p * self.d * self.g + self.weights)

    @property
    def brute_force(self) -> int:
        """B."""
        return self.tables + self.p**2 * self.forward

    @property
    def spectrum(self) -> int:
        """Z."""
        return self.p * self.g * self.few + (4 * self.few**3) // 3

    def gates(self, rank: int) -> Price:
        """Of structured gates."""
        p, g = self.p, self.g
        made = self.tables + g * p**2 + 2 * p**3 + p**2 * (50 * rank + 900) + 500 * p * g
        each = (9 * rank**2) // 4 + 10 * rank + 20
        return Price(made + self._tried * 3 * p * rank, p**2 * each)

    def low_rank(self, rank: int) -> Price:
        """Of the low-rank screen."""
        p, g, m = self.p, self.g, self.few
        proposed = min(_LOOKED_AT, p**2) * g * (2 * rank + 9) + 44 * m**3 + 3 * p * g * m
        tables = p**2 * (4 * g + 12 * rank)
        tried = self._tried * (g * (2 * rank + 10) + 3 * p * rank)
        return Price(proposed + tables + tried, p**2 * (g * (2 * rank + 6) + 8 * rank))

    def rotating_frame(self, waves: int, beside: int) -> int:
        """M of a rotating frame."""
        p, g, width = self.p, self.g, 2 * waves + beside
        looked = min(_LOOKED_AT, p**2) * g * (4 * waves + 6)
        waved = p**2 * waves + p * g * (12 * waves + 4 * beside + 22 + 3 * p.bit_length())
        others = 2 * g**2 * min(p, _COLUMNS) + 9 * g**3 if beside else 0
        one = 2 * g * (width + 2) + 60 * waves + (2 * width + 4) * p
        return looked + waved + others + self._tried * one

    @property
    def _tried(self) -> int:
        return min(_TRIED, self.p**2)
