"""The additive screen's leftovers counted on a grid, and drawn (1.3 b to d, 1.4 and 1.11 b)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from probbound.check.models.attention_only.network import Network
from probbound.check.prior import Law
from probbound.check.report import Refused
from probbound.check.stream import Stream
from probbound.check.tasks.max_of_k.knapsack import Case, Knapsacks
from probbound.check.tasks.max_of_k.tariff import Tariff

MOST_POINTS = 1 << 22
_BATCH_STATES = 1 << 20
_PART = 1 << 16


class Gridded:
    """Tickets of each head, last token and label; one is a mass of 2^bits[-1], with blanks.

    A case has the units of its free tokens as often as its last token's weight.

    Raises:
        Refused: if the grid is too fine to be counted on in reasonable memory.
    """

    def __init__(self, network: Network, law: Law, points: int) -> None:
        if points > MOST_POINTS:
            raise Refused(f"a grid of {points} points is too fine to be re-checked")
        self.network, self.law, self.points = network, law, points
        vocabulary, length = self.shape = (len(network.token[0]), len(network.weights.W_pos))
        self.knapsacks = Knapsacks(law, length, network.heads, points)
        pairs = ((h, q) for h in range(network.heads) for q in range(vocabulary))
        self.rows = np.concatenate([self._counts(*pair) for pair in pairs])
        self.ends = np.cumsum(self.rows[:, 3])
        self.tickets = int(self.ends[-1]) if len(self.ends) else 0
        bits = self.knapsacks.bits[-1]
        self.size = Fraction(min(self.tickets << bits, law.total**length))
        self.one_each = self.size <= self.tickets

    def operations(self, draws: int) -> int:
        """What a plan takes so many draws for."""
        return Tariff(*self.network.weights.sizes).gridded(self.points, draws)

    def draw(self, stream: Stream, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Sequences (n, k) of draws start … stop - 1, by mass, and which are blank."""
        ranks = stream.named("rank").below(self.tickets, start, stop)
        free = self.shape[1] - 1
        words = stream.named("within").words(start * free, stop * free)
        return self._members(ranks, words.reshape(stop - start, free))

    def everything(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All sequences left, in parts, each as often as its mass; only where units are one."""
        for at in range(0, self.tickets, _PART):
            ranks = np.arange(at, min(at + _PART, self.tickets))
            yield self._members(ranks, np.zeros((len(ranks), self.shape[1] - 1), np.uint64))

    def _counts(self, head: int, query: int) -> np.ndarray:
        """Rows (head, query, label, tickets) of what is left."""
        rows, weight = [], int(self.law.weights[query])
        if weight:
            case = Case(self.network, head, query, self.points)
            batch = max(1, _BATCH_STATES // (self.points + 1))
            for at in range(0, len(case.labels), batch):
                part = slice(at, at + batch)
                labels = case.labels[part]
                counts = self.knapsacks.counts(case.prices[part], labels, case.needed[part])
                for label, count in zip(labels, counts, strict=True):
                    rows.append((head, query, label, weight * count))
        found = np.array(rows, dtype=np.int64).reshape(-1, 4)
        return found[found[:, 3] > 0]

    def _members(self, ranks: np.ndarray, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        tokens = np.zeros((len(ranks), self.shape[1]), dtype=np.int64)
        blank = np.zeros(len(ranks), dtype=bool)
        rows = np.searchsorted(self.ends, ranks, side="right")
        numbers = ranks - (self.ends[rows] - self.rows[rows, 3])
        cases: dict[tuple[int, int], Case] = {}
        for row in np.unique(rows):
            head, query, label, _ = map(int, self.rows[row])
            if (head, query) not in cases:
                cases = {(head, query): Case(self.network, head, query, self.points)}
            here = np.flatnonzero(rows == row)
            case = cases[head, query]
            i = int(np.searchsorted(case.labels, label))
            units = numbers[here] // self.law.weights[query]
            needed = bool(case.needed[i])
            free, none = self.knapsacks.tuples(case.prices[i], label, needed, units, words[here])
            tokens[here] = np.concatenate([free, np.full((len(here), 1), query)], axis=1)
            blank[here] = none
            for earlier in range(head):
                blank[here] |= self._within_capacity(earlier, tokens[here])
        return tokens, blank

    def _within_capacity(self, head: int, tokens: np.ndarray) -> np.ndarray:
        """Which sequences of one last token are among those counted for a head."""
        case = Case(self.network, head, int(tokens[0, -1]), self.points)
        labels = tokens.max(axis=1)
        row = np.searchsorted(case.labels, labels)
        present = np.isin(labels, case.labels)
        row = np.where(present, row, 0)
        if not present.any():
            return present
        paid = case.prices[row[:, None], np.arange(tokens.shape[1] - 1), tokens[:, :-1]]
        return present & (paid.sum(axis=1) <= self.points)
