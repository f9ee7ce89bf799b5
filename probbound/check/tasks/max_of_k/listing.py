"""The additive screen's leftovers, one by one (Theorems 1.3 a and 1.11 a), as draws number them.

The order is: last token, label, first free position that holds the label, then the free tokens
as a number with the first position leading.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from probbound.check.models.attention_only.network import Network
from probbound.check.prior import Law
from probbound.check.stream import Stream, lengthened
from probbound.check.tasks.max_of_k.tariff import Tariff

LIMIT = 1 << 26
_PART = 1 << 16
_BITS = 61


class Listed:
    """Which sequences the screen leaves: each has as many tickets as its mass.

    Where too few bits number those, a ticket is 2^bits of the mass left of a block, rounded up;
    what is past the last sequence of the block is blank.
    """

    def __init__(self, network: Network, law: Law) -> None:
        self.network, self.law = network, law
        self.shape = (len(network.token[0]), len(network.weights.W_pos))
        everything = law.total ** self.shape[1]
        self.bits = max(0, everything.bit_length() - _BITS)
        found = ((key, self._mass(key, left)) for key, left in self._blocks())
        masses = {key: mass for key, mass in found if mass}
        self.keys = list(masses)
        tickets = [-(-mass >> self.bits) for mass in masses.values()]
        self.ends = np.cumsum(tickets, dtype=np.int64)
        self.tickets = int(self.ends[-1]) if len(self.ends) else 0
        self.size = Fraction(min(self.tickets << self.bits, everything))
        self.one_each = self.size <= self.tickets

    def operations(self, draws: int) -> int:
        """What a plan takes so many draws for."""
        return Tariff(*self.network.weights.sizes).listed(draws)

    def draw(self, stream: Stream, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Sequences (n, k) of draws start … stop - 1, by mass, and which are blank."""
        ranks = stream.named("rank").below(self.tickets, start, stop)
        each = -(-self.bits // 64)
        words = stream.named("within").words(start * each, stop * each)
        return self._members(ranks, words.reshape(stop - start, each))

    def everything(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All sequences left, in parts, each as often as its mass; only where bits are none."""
        for key, left in self._blocks(only=set(self.keys)):
            places = np.flatnonzero(left)
            ends = self._ends(key, left.shape, places)
            for at in range(0, int(ends[-1]), _PART):
                numbers = np.arange(at, min(at + _PART, int(ends[-1])))
                chosen = places[np.searchsorted(ends, numbers, side="right")]
                tokens = self._sequences(key, left.shape, chosen)
                yield tokens, np.zeros(len(tokens), dtype=bool)

    def _members(self, ranks: np.ndarray, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        tokens = np.empty((len(ranks), self.shape[1]), dtype=np.int64)
        blank = np.zeros(len(ranks), dtype=bool)
        blocks = np.searchsorted(self.ends, ranks, side="right")
        wanted = {self.keys[block]: block for block in np.unique(blocks)}
        for key, left in self._blocks(only=set(wanted)):
            block = wanted[key]
            here = blocks == block
            first = self.ends[block - 1] if block else 0
            numbers = lengthened(ranks[here] - first, words[here], self.bits)
            places = np.flatnonzero(left)
            ends = self._ends(key, left.shape, places)
            at = np.searchsorted(ends, numbers, side="right")
            blank[here] = at == len(places)
            chosen = places[np.minimum(at, len(places) - 1)]
            tokens[here] = self._sequences(key, left.shape, chosen)
        return tokens, blank

    def _mass(self, key: tuple[int, int, int], left: np.ndarray) -> int:
        """The mass of what is left of a block."""
        return sum(int(part.sum()) for part in self._masses(key, left.shape, np.flatnonzero(left)))

    def _ends(
        self, key: tuple[int, int, int], shape: tuple[int, ...], places: np.ndarray
    ) -> np.ndarray:
        """The mass of the sequences at `places` of a block, up to each."""
        return np.concatenate(list(self._masses(key, shape, places))).cumsum()

    def _masses(
        self, key: tuple[int, int, int], shape: tuple[int, ...], places: np.ndarray
    ) -> Iterator[np.ndarray]:
        for at in range(0, len(places), _PART):
            yield self.law.masses(self._sequences(key, shape, places[at : at + _PART]))

    def _sequences(
        self, key: tuple[int, int, int], shape: tuple[int, ...], places: np.ndarray
    ) -> np.ndarray:
        query, label, first = key
        tokens = np.full((len(places), self.shape[1]), query)
        for p, column in enumerate(np.unravel_index(places, shape) if shape else ()):
            tokens[:, p] = column + (label if query < label and p == first else 0)
        return tokens

    def _blocks(
        self, only: set[tuple[int, int, int]] | None = None
    ) -> Iterator[tuple[tuple[int, int, int], np.ndarray]]:
        """Every (last token, label, first position of the label), and what is left in it."""
        vocabulary, length = self.shape
        possible = map(int, np.flatnonzero(self.law.weights))
        queries = possible if only is None else sorted({key[0] for key in only})
        for query in queries:
            terms = [self.network.terms(h, query) for h in range(self.network.heads)]
            for label in range(query, vocabulary):
                firsts = range(length - 1) if query < label else range(1)
                for first in firsts:
                    if only is None or (query, label, first) in only:
                        yield (query, label, first), self._left(terms, query, label, first)

    def _left(self, terms: list[np.ndarray], query: int, label: int, first: int) -> np.ndarray:
        ranges = [slice(0, label + 1)] * (self.shape[1] - 1)
        if query < label:
            ranges[:first] = [slice(0, label)] * first
            ranges[first] = slice(label, label + 1)
        left = np.zeros([part.stop - part.start for part in ranges], dtype=bool)
        for head in terms:
            total = np.asarray(head[-1, query, label - query])
            for p, part in enumerate(ranges):
                total = total[..., None] + head[p, part, label - query]
            left |= ~(total < -self.network.slack.sums)
        return left
