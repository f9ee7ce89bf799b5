"""A list of disjoint product sets of sequences: tickets, numbers and draws (docs/induction.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from probbound.check.bounds import up
from probbound.check.report import Refused
from probbound.check.stream import Stream, lengthened
from probbound.check.tasks.induction.sequences import MOST_DRAWS

_MOST_TICKETS = 1 << 53
_AT_ONCE = 1 << 14


@dataclass(frozen=True)
class Left:
    """Sets (s, n, v) of tokens for every place, none of them empty."""

    sets: np.ndarray

    @classmethod
    def of(cls, sets: list[np.ndarray], places: int, tokens: int) -> Left:
        """Of a list, which may be empty."""
        return cls(np.array(sets, dtype=bool).reshape(len(sets), places, tokens))

    @cached_property
    def masses(self) -> list[int]:
        """How many sequences each set has."""
        found = []
        for sizes in self.sets.sum(axis=2).tolist():
            mass = 1
            for size in sizes:
                mass *= size
            found.append(mass)
        return found

    @cached_property
    def bits(self) -> int:
        """B: a ticket is one of 2^B numbers."""
        bits = max(0, sum(self.masses).bit_length() - 54)
        while sum(-(-mass >> bits) for mass in self.masses) > _MOST_TICKETS:
            bits += 1
        return bits

    @cached_property
    def _ends(self) -> np.ndarray:
        """How many tickets there are up to the end of each set."""
        return np.cumsum([-(-mass >> self.bits) for mass in self.masses], dtype=np.int64)

    @property
    def tickets(self) -> int:
        """How many there are."""
        return int(self._ends[-1]) if self.masses else 0

    def share(self, size: int) -> float:
        """Of so many sequences, blank ones counted, rounded up."""
        return min(up(Fraction(self.tickets << self.bits, size)), 1.0)

    def covered_by(self, looks: int) -> bool:
        """Whether so many looks see every sequence, each on a ticket of its own."""
        return self.bits == 0 and self.tickets <= looks

    def everything(self) -> Iterator[np.ndarray]:
        """All sequences (m, n) in parts, where each has a ticket."""
        for start in range(0, self.tickets, _AT_ONCE):
            ranks = np.arange(start, min(start + _AT_ONCE, self.tickets))
            yield self._members(ranks, np.zeros((len(ranks), 0), dtype=np.uint64))[0]

    def drawn(self, stream: Stream, draws: int) -> Iterator[np.ndarray]:
        """The sequences (m, n) of draws, in parts, blank ones left out.

        Raises:
            Refused: if there are more draws than are independently re-checked.
        """
        if draws > MOST_DRAWS:
            raise Refused(f"{draws} draws are more than are independently re-checked")
        each = -(-self.bits // 64)
        for start in range(0, draws, _AT_ONCE):
            stop = min(start + _AT_ONCE, draws)
            ranks = stream.named("rank").below(self.tickets, start, stop)
            words = stream.named("within").words(start * each, stop * each) if each else ()
            words = np.array(words, dtype=np.uint64).reshape(stop - start, each)
            tokens, blank = self._members(ranks, words)
            yield tokens[~blank]

    def _members(self, ranks: np.ndarray, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The sequence on each ticket, its low bits from words, and whether there is none."""
        chosen = np.searchsorted(self._ends, ranks, side="right")
        first = np.concatenate([[0], self._ends[:-1]])[chosen]
        numbers = lengthened(ranks - first, words, self.bits)
        masses = np.array(self.masses, dtype=object if self.bits else np.int64)[chosen]
        blank = np.asarray(numbers >= masses, dtype=bool)
        tokens = np.empty((len(ranks), self.sets.shape[1]), dtype=np.int64)
        for place in reversed(range(tokens.shape[1])):
            upto = self.sets[chosen, place].cumsum(axis=1)
            sizes = upto[:, -1]
            digits = np.asarray(numbers % sizes, dtype=np.int64)
            tokens[:, place] = (upto > digits[:, None]).argmax(axis=1)
            numbers = numbers // sizes
        return tokens, blank
