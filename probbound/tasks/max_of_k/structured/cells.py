"""Tokens below a label, cut into cells by their gap to it; extremes over each cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from probbound.tasks.max_of_k.structured.parts import Parts

_PER_UNIT = 8
_EVEN_UNITS = 3
_GROWTH = 1.15


@dataclass(frozen=True)
class Cells:
    """Cell c of label m holds the tokens m - g with starts[c] <= g < stops[c]; starts[0] is 1."""

    d_vocab: int
    starts: tuple[int, ...]

    @property
    def stops(self) -> tuple[int, ...]:
        """The first gap past each cell."""
        return (*self.starts[1:], self.d_vocab) if self.starts else ()

    @cached_property
    def first(self) -> Int[np.ndarray, "n_cells d_vocab"]:
        """The least token of each cell and label."""
        return np.maximum(
            np.arange(self.d_vocab) - np.array(self.stops, dtype=np.int64)[:, None] + 1, 0
        )

    @cached_property
    def past(self) -> Int[np.ndarray, "n_cells d_vocab"]:
        """One past the largest token; `first` where a cell is empty."""
        ends = np.arange(self.d_vocab) - np.array(self.starts, dtype=np.int64)[:, None] + 1
        return np.maximum(ends, self.first)

    def largest(self, table: Float[np.ndarray, " d_vocab"]) -> Float[np.ndarray, "n_cells d_vocab"]:
        """The maximum of table[t] over each cell of each label, -inf where it is empty.

        Windows of any length from two of a power of two: O(d_vocab log d_vocab) in all, and one
        operation more for each cell and label.
        """
        padded = np.append(table, -np.inf)
        powers = [padded]
        while 2 ** len(powers) <= self.d_vocab:
            half, shift = powers[-1], 2 ** (len(powers) - 1)
            wider = half.copy()
            wider[:-shift] = np.maximum(half[:-shift], half[shift:])
            powers.append(wider)
        lengths = self.past - self.first
        level = np.frexp(np.maximum(lengths, 1))[1] - 1
        stacked = np.stack(powers)
        found = np.maximum(
            stacked[level, self.first], stacked[level, np.maximum(self.past - 2**level, 0)]
        )
        return np.where(lengths > 0, found, -np.inf)

    def largest_flops(self) -> int:
        """Operations of `largest`."""
        return self.d_vocab * (self.d_vocab.bit_length() + len(self.starts))


def cells_of(parts: Parts) -> Cells:
    """Cells at the scale on which scores rise by one; soundness does not depend on the choice."""
    v = parts.d_vocab
    rise = float(np.abs(parts.steepness).mean() * np.ptp(parts.size)) / v
    unit = min(1 / max(rise, 1e-9), float(v))
    starts = [1] if v > 1 else []
    while starts:
        last = starts[-1]
        width = unit / _PER_UNIT if last < _EVEN_UNITS * unit else last * (_GROWTH - 1)
        following = last + max(1, round(width))
        if following >= v:
            break
        starts.append(following)
    return Cells(v, tuple(starts))
