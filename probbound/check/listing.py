"""The additive screen's leftovers, one by one (Theorem 1.3 a), in the order that draws number them.

The order is: last token, label, first free position that holds the label, then the free tokens
as a number with the first position leading.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from probbound.check.network import Network
from probbound.check.stream import Stream

LIMIT = 1 << 26
_PART = 1 << 16


class Listed:
    """Which sequences the screen leaves: a ticket is one sequence."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.shape = (len(network.token[0]), len(network.weights.W_pos))
        found = [(key, int(left.sum())) for key, left in self._blocks()]
        self.keys = [key for key, count in found if count]
        self.ends = np.cumsum([count for _, count in found if count], dtype=np.int64)
        self.tickets = int(self.ends[-1]) if len(self.ends) else 0
        self.size = Fraction(self.tickets)
        self.one_each = True

    def draw(self, stream: Stream, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Sequences (n, k) of draws start … stop - 1, uniform, and which are blank (none)."""
        return self.members(stream.named("rank").below(self.tickets, start, stop))

    def members(self, ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The sequences on tickets `ranks`, and which are blank (none)."""
        tokens = np.empty((len(ranks), self.shape[1]), dtype=np.int64)
        blocks = np.searchsorted(self.ends, ranks, side="right")
        wanted = {self.keys[block]: block for block in np.unique(blocks)}
        for key, left in self._blocks(only=set(wanted)):
            block = wanted[key]
            here = blocks == block
            first = self.ends[block - 1] if block else 0
            places = np.flatnonzero(left)[ranks[here] - first]
            tokens[here] = self._sequences(key, left.shape, places)
        return tokens, np.zeros(len(ranks), dtype=bool)

    def everything(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All sequences left, in parts."""
        for key, left in self._blocks(only=set(self.keys)):
            places = np.flatnonzero(left)
            for at in range(0, len(places), _PART):
                tokens = self._sequences(key, left.shape, places[at : at + _PART])
                yield tokens, np.zeros(len(tokens), dtype=bool)

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
        queries = range(vocabulary) if only is None else sorted({key[0] for key in only})
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
