"""The prices that a plan goes by, in operations as docs/planner.md lists them (Theorem 6.10).

What checking takes is priced apart from this, in `prices`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from probbound.check.tasks.max_of_k.gaps import MOST_CELLS, MOST_MULTISETS, class_starts


@dataclass(frozen=True)
class Tariff:
    """For weights of d_vocab, n_ctx, d_model, d_head, n_heads and d_vocab_out."""

    v: int
    k: int
    d: int
    e: int
    h: int
    out: int

    @property
    def forward(self) -> int:
        """R, a forward pass."""
        k, d, e, h, out = self.k, self.d, self.e, self.h, self.out
        attention = h * (8 * d * e + 4 * e + k * (4 * d + 7))
        return k * d + attention + 2 * d + 2 * d * out + out

    @property
    def from_tables(self) -> int:
        """T, a forward pass from tables."""
        return self.h * (3 * self.k + 1 + 3 * self.k * self.out) + self.k + self.out + 2

    @property
    def look(self) -> int:
        """C, the copying check of one sequence."""
        return self.h * (6 * self.k + 3 * self.k * self.k) + 5 * self.k + 3

    @property
    def circuits(self) -> int:
        """All products of weight matrices, and a square and a sum for each weight."""
        v, k, d, e, h, out = self.v, self.k, self.d, self.e, self.h, self.out
        tokens = v * d + h * v * 2 * (d * e + e)
        keys = h * 2 * (v + k) * (d * e + v * e)
        values = h * 2 * ((v + k) * (d * e + e * out) + e * d * out)
        direct = 2 * v * d * out + v * out + h * 2 * e * d + 2 * d * out
        return tokens + keys + values + direct + 2 * self._weights + h * d + d + out

    @property
    def tables(self) -> int:
        """A, the tables of sequences and the quadratic copying check."""
        v, k, h, out = self.v, self.k, self.h, self.out
        copying = 2 * v * out * (h + 2) + h * v * v + 4 * h * k * out
        return self.circuits + 3 * h * v * (v + k) + copying

    @property
    def brute_force(self) -> int:
        """Every input, from tables."""
        v, k, h, out = self.v, self.k, self.h, self.out
        each = 5 * (out + 1) if h == 1 else 3 * (h + 1) * out + 2 * h + 3
        left = (k - 1) // 2
        right = k - 1 - left
        sums = sum(v**n for half in (left, right) for n in range(1, half + 1)) + v**right
        halves = v * (2 * h * v * out * k + sums * (h * (out + 1) + 2))
        return self.circuits + 4 * h * v * v * k + halves + v**k * each

    @property
    def _weights(self) -> int:
        v, k, d, e, h, out = self.v, self.k, self.d, self.e, self.h, self.out
        return (v + k) * d + h * (4 * d * e + 3 * e) + d * out + d + out

    @property
    def _bracket_tables(self) -> int:
        v, k, out = self.v, self.k, self.out
        maxima = (2 * v + k) * (2 * out + 2 * v + 2)
        return maxima + 2 * v * out + 3 * k * out + 3 * v * v + k * v

    @property
    def brackets(self) -> int:
        """B, the brackets that foretell the sub-cubic screen."""
        return self._bracket_tables + 2 * self.v * (self.out + self.k)

    @property
    def bracket_look(self) -> int:
        """A look at one sequence by them."""
        return 6 * self.k + 2

    @cached_property
    def starts(self) -> list[int] | None:
        """Of the gap classes that a screen will make, or about; None where it cannot be run."""
        found = class_starts(self.v, self.k - 1, 0.0, 1.0)
        multisets = self._multisets(len(found), self.k - 1)
        fits = multisets <= MOST_MULTISETS and self.v * multisets <= MOST_CELLS
        return found if self.h == 1 and fits else None

    def screen(self, starts: Sequence[int]) -> int:
        """S, the sub-cubic screen beside tables."""
        v, k, out, classes = self.v, self.k, self.out, len(starts)
        pairs = v * (v + 1) // 2
        stops = [*starts[1:], v]
        doublings = sum(
            1 if stop == v else (stop - start - 1).bit_length()
            for start, stop in zip(starts, stops, strict=True)
        )
        sums = sum(self._multisets(classes, size) for size in range(1, k))
        counting = 3 * classes + 4 + sums + 2 * self._multisets(classes, k - 1)
        known = 2 * v * out + 2 * self._weights + 10 * v * v + v * (5 * k + 12)
        windows = 2 * v * v * doublings + pairs
        return known + self._bracket_tables + 2 * v * v + windows + pairs * counting

    def gapped(self, starts: Sequence[int], draws: int) -> int:
        """Draws from what a rung with such classes leaves, each D."""
        classes, free = len(starts), self.k - 1
        multisets = self._multisets(classes, free)
        search = (self.v * self.v).bit_length()
        return draws * (search + 2 * multisets + free * (4 * classes + 6))

    def listed(self, draws: int) -> int:
        """Draws from what the additive screen leaves, listed once more."""
        return self._terms + 3 * self.h * self.v**self.k if draws else 0

    def gridded(self, points: int, draws: int) -> int:
        """Draws from what the additive screen leaves on a grid."""
        v, free = self.v, self.k - 1
        labels = self.h * v * (v + 1) // 2
        length = 1 << (2 * points + 1).bit_length()
        transforms = 5 * round(2.5 * length * math.log2(length)) + 40 * length
        each = 6 * free * v + max(free - 1, 0) * transforms + 4 * v
        return self._terms + min(draws, labels) * each + 5 * draws * free * v if draws else 0

    @property
    def _terms(self) -> int:
        v, out = self.v, self.out
        return self.h * self.k * v * (2 * out + 3 * v * out + 2 * v + v * (v + 1))

    @staticmethod
    def _multisets(classes: int, size: int) -> int:
        return math.comb(size + classes - 1, size)
