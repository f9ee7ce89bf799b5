"""What the ladder's screens leave: multisets of gap classes, counted and drawn (Theorem 4.3)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Int, UInt8

from probbound.contract.residue import Tickets, located, numbers_within
from probbound.draws.priors import Whole
from probbound.draws.random_streams import Stream
from probbound.tasks.max_of_k.screens.gap_classes import GapClasses

_CHUNK = 1 << 13


@dataclass(frozen=True)
class GapResidue:
    """Which multisets are left for each query and label: `left` has one bit for each.

    `counts[q, m]` is their number of tickets. A sequence has as many as its mass; where 62 bits
    do not number all, a ticket stands for a mass of 2^unit_bits, and what is past the last
    sequence of a multiset is blank.
    """

    classes: GapClasses
    left: UInt8[np.ndarray, "d_vocab d_vocab n_bytes"]
    counts: Int[np.ndarray, "d_vocab d_vocab"]

    @property
    def tickets(self) -> int:
        """Number of tickets."""
        return int(self.counts.sum())

    @property
    def size(self) -> Fraction:
        """Tickets times the mass a ticket stands for, at most all of it."""
        everything = self.classes.law.total ** (self.classes.free + 1)
        return Fraction(min(self.tickets << self.classes.unit_bits, everything))

    def members(self, ranks: Int[np.ndarray, " n"], stream: Stream, start: int) -> Tickets:
        """The tickets number `ranks`."""
        tokens = np.zeros((len(ranks), self.classes.free + 1), dtype=np.int64)
        blank = np.zeros(len(ranks), dtype=bool)
        for at in range(0, len(ranks), _CHUNK):
            part = slice(at, at + _CHUNK)
            tokens[part], blank[part] = self._members(ranks[part], stream, start + at)
        return Tickets(tokens, blank)

    def draw_flops(self, draws: int) -> int:
        """Operations of `members`."""
        return gap_draw_flops(self.classes, draws)

    def _members(
        self, ranks: Int[np.ndarray, " n"], stream: Stream, start: int
    ) -> tuple[np.ndarray, np.ndarray]:
        classes, v = self.classes, self.classes.d_vocab
        pairs, ranks = located(ranks, self.counts.ravel())
        queries, labels = np.divmod(pairs, v)
        ranks = ranks // classes.law.array[queries]
        bits = np.unpackbits(self.left[queries, labels], axis=1, count=len(classes.counts))
        ends = (bits * classes.units[labels]).cumsum(axis=1)
        chosen = (ends <= ranks[:, None]).sum(axis=1)
        units = ranks - (ends[np.arange(len(ranks)), chosen] - classes.units[labels, chosen])
        numbers = numbers_within(units, classes.unit_bits, classes.integers, stream, start)
        blank = (numbers >= classes.weights[labels, chosen]).astype(bool)
        free = self._sequences(labels, chosen, np.where(blank, 0, numbers))
        return np.concatenate([free, queries[:, None]], axis=1), blank

    def _sequences(
        self, labels: Int[np.ndarray, " n"], multisets: Int[np.ndarray, " n"], numbers: Whole
    ) -> Int[np.ndarray, "n free"]:
        """Sequence number `numbers` of each multiset: its arrangement, then a token a position."""
        classes, each = self.classes, np.arange(len(labels))
        arrangements = classes.arrangements[multisets]
        tokens_each = classes.weights[labels, multisets] // arrangements
        order, digits = numbers // tokens_each, numbers % tokens_each
        remaining = classes.counts[multisets].astype(classes.integers)
        sizes = classes.sizes[labels].astype(classes.integers)
        starts = np.array(classes.starts)
        tokens = np.zeros((len(labels), classes.free), dtype=np.int64)
        for position in range(classes.free):
            shares = arrangements[:, None] * remaining // (classes.free - position)
            ends = shares.cumsum(axis=1)
            chosen = (ends <= order[:, None]).sum(axis=1).astype(np.int64)
            order = order - (ends[each, chosen] - shares[each, chosen])
            arrangements = shares[each, chosen]
            remaining[each, chosen] -= 1
            size = sizes[each, chosen]
            down = (digits % size).astype(np.int64)
            tokens[:, position] = classes.law.downwards(labels - starts[chosen], down)
            digits = digits // size
        return tokens


def gap_draw_flops(classes: GapClasses, draws: int) -> int:
    """Operations of `GapResidue.members`: a search, a sum over multisets, then each position."""
    multisets, n_classes = classes.counts.shape
    search = (classes.d_vocab**2).bit_length()
    return draws * (search + 2 * multisets + classes.free * (4 * n_classes + 6))
