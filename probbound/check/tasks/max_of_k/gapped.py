"""What a rung of the ladder leaves: counted, and drawn from (Theorems 4.3 and 1.11)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from probbound.check.models.attention_only.network import Network
from probbound.check.prior import Law
from probbound.check.stream import Stream, lengthened
from probbound.check.tasks.max_of_k.recipe import Screen
from probbound.check.tasks.max_of_k.rung import Rung
from probbound.check.tasks.max_of_k.sketch import Coins
from probbound.check.tasks.max_of_k.tariff import Tariff

_PART = 1 << 16


class Gapped:
    """Tickets numbered by last token, label, multiset, then units of its mass.

    A ticket is 2^unit_bits of mass; what is past the last sequence of a multiset is blank.
    """

    def __init__(self, network: Network, screen: Screen, law: Law, coins: Coins) -> None:
        rung = Rung(network, screen, law, coins)
        self.gaps, self.law, self.tariff = rung.gaps, law, Tariff(*network.weights.sizes)
        self.shape = (len(law.weights), len(network.weights.W_pos))
        self.bits: list[np.ndarray] = []
        counts = []
        for query in range(self.shape[0]):
            left = rung.left(query)
            self.bits.append(np.packbits(left))
            weight = int(law.weights[query])
            counts.append(weight * int(self.gaps.units[query:][left].sum()) if weight else 0)
        self.ends = np.cumsum(counts, dtype=np.int64)
        self.tickets = int(self.ends[-1])
        bits, everything = self.gaps.unit_bits, law.total ** self.shape[1]
        self.size = Fraction(min(self.tickets << bits, everything))
        self.one_each = self.size <= self.tickets

    def operations(self, draws: int) -> int:
        """What a plan takes so many draws for."""
        return self.tariff.gapped(self.gaps.starts, draws)

    def draw(self, stream: Stream, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Sequences (n, k) of draws start … stop - 1, and which are blank."""
        ranks = stream.named("rank").below(self.tickets, start, stop)
        each = -(-self.gaps.unit_bits // 64)
        words = stream.named("within").words(start * each, stop * each)
        return self._members(ranks, words.reshape(stop - start, each))

    def everything(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All sequences left, in parts, each as often as its mass; only where units are one."""
        for at in range(0, self.tickets, _PART):
            ranks = np.arange(at, min(at + _PART, self.tickets))
            yield self._members(ranks, np.zeros((len(ranks), 0), np.uint64))

    def _members(self, ranks: np.ndarray, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        queries = np.searchsorted(self.ends, ranks, side="right")
        labels, multisets, units = np.zeros((3, len(ranks)), dtype=np.int64)
        for query in map(int, np.unique(queries)):
            here = queries == query
            first = self.ends[query - 1] if query else 0
            wanted = (ranks[here] - first) // self.law.weights[query]
            found = self._located(query, wanted)
            labels[here], multisets[here], units[here] = found
        numbers = lengthened(units.astype(self.gaps.integers), words, self.gaps.unit_bits)
        free, blank = self.gaps.sequences(labels, multisets, numbers)
        return np.concatenate([free, queries[:, None]], axis=1), blank

    def _located(self, query: int, units: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Label, multiset and unit within it of units of what is left for a last token."""
        shape = (self.shape[0] - query, len(self.gaps.counts))
        left = np.unpackbits(self.bits[query], count=shape[0] * shape[1]).astype(bool)
        cells = np.flatnonzero(left)
        sizes = self.gaps.units[query:].ravel()[cells]
        ends = sizes.cumsum()
        at = np.searchsorted(ends, units, side="right")
        label, multiset = np.divmod(cells[at], shape[1])
        return label + query, multiset, units - (ends[at] - sizes[at])
