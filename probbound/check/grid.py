"""The additive screen's leftovers counted on a grid, and drawn (Theorems 1.3 b to d and 1.4)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import scipy.fft

from probbound.check.network import Network
from probbound.check.stream import Stream

DEFAULT_POINTS = 1023
_BITS = 62
_BATCH_STATES = 1 << 20
_PART = 1 << 16


class Case:
    """Knapsacks of one head and last token: a row of prices for each label not certified outright.

    `prices[i, p, t]` counts grid steps; token t may stand at free position p if t <= labels[i].
    """

    def __init__(self, network: Network, head: int, query: int, points: int) -> None:
        terms = network.terms(head, query)
        vocabulary = len(network.token[0])
        labels = np.arange(query, vocabulary)
        free = np.where(np.arange(vocabulary)[:, None] <= labels, terms[:-1], -np.inf)
        best = free.max(axis=1, initial=-np.inf)
        last = terms[-1, query]
        size, slack = np.abs(last) + np.abs(best).sum(axis=0), network.slack
        with np.errstate(divide="ignore", invalid="ignore"):
            excess = last + best.sum(axis=0) + (slack.relative * size + 2 * slack.sums)
            kept = ~(excess < 0)
            short = (best[:, None] - free)[..., kept]
            steps = short / excess[kept] * (points * (1 - 2.0**-48))
        steps = np.where(steps > 0, np.minimum(steps, points + 1), 0)
        self.prices = np.moveaxis(np.floor(steps).astype(np.int64), 2, 0)
        self.labels = labels[kept]
        self.needed = self.labels > query


class Gridded:
    """Counts of what the screen leaves; a ticket is 2^bits[-1] sequences, with blanks."""

    def __init__(self, network: Network, points: int) -> None:
        self.network, self.points = network, points
        self.shape = (len(network.token[0]), len(network.weights.W_pos))
        v, k = self.shape
        room = _BITS - (v * network.heads * v * v).bit_length()
        self.bits = [max(0, (v**r).bit_length() - room) for r in range(k)]
        rows = [self._counts(h, q) for h in range(network.heads) for q in range(v)]
        self.rows = np.concatenate(rows)
        self.ends = np.cumsum(self.rows[:, 3])
        self.tickets = int(self.ends[-1]) if len(self.ends) else 0
        self.size = Fraction(min(self.tickets << self.bits[-1], v**k))
        self.one_each = self.bits[-1] == 0

    def draw(self, stream: Stream, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Sequences (n, k) of draws start … stop - 1, and which are blank (none)."""
        ranks = stream.named("rank").below(self.tickets, start, stop)
        free = self.shape[1] - 1
        words = stream.named("within").words(start * free, stop * free)
        return self._members(ranks, words.reshape(stop - start, free))

    def everything(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All sequences left, in parts; only where a ticket is one sequence."""
        for at in range(0, self.tickets, _PART):
            ranks = np.arange(at, min(at + _PART, self.tickets))
            yield self._members(ranks, np.zeros((len(ranks), self.shape[1] - 1), np.uint64))

    def _counts(self, head: int, query: int) -> np.ndarray:
        """Rows (head, query, label, tickets) of what is left."""
        case = Case(self.network, head, query, self.points)
        rows = []
        batch = max(1, _BATCH_STATES // (self.points + 1))
        for at in range(0, len(case.labels), batch):
            part = slice(at, at + batch)
            labels, needed = case.labels[part], case.needed[part]
            tables = self._tables(case.prices[part], labels)
            capacity = np.full(len(labels), self.points)
            for i, label in enumerate(map(int, labels)):
                ways = [t[i : i + 1] for t in tables]
                count = self._count(
                    case.prices[at + i], label, needed[i : i + 1], capacity[:1], ways
                )
                rows.append((head, query, label, count))
        found = np.array(rows, dtype=np.int64).reshape(-1, 4)
        return found[found[:, 3] > 0]

    def _count(
        self,
        prices: np.ndarray,
        label: int,
        needed: np.ndarray,
        capacity: np.ndarray,
        tables: list[np.ndarray],
    ) -> int:
        free = len(prices)
        if free == 0:
            return 0 if needed[0] else 1
        ways = _completions(prices[0], label, needed, capacity, tables[-1][0])
        return -(-int(ways.sum()) >> (self.bits[free] - self.bits[free - 1]))

    def _tables(self, prices: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
        """T[r][i, s, b] for r = 0 … free - 1 positions to go (Theorem 1.3 c)."""
        batch, free, vocabulary = prices.shape
        states = self.points + 1
        table = np.zeros((batch, 2, states), dtype=np.int64)
        table[:, 0] = 1
        tables = [table]
        below = np.arange(vocabulary) < labels[:, None]
        for to_go in range(1, free):
            offered = prices[:, free - to_go]
            histogram = np.zeros((batch, states))
            i, t = np.nonzero(below & (offered < states))
            np.add.at(histogram, (i, offered[i, t]), 1.0)
            following = _convolved(tables[-1], histogram, vocabulary)
            for i, label in enumerate(labels):
                price = offered[i, label]
                if price < states:
                    following[i, :, price:] += tables[-1][i, 0, : states - price]
            shift = self.bits[to_go] - self.bits[to_go - 1]
            tables.append(-(-following >> shift))
        return tables

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
            free, none = self._descend(case, i, numbers[here], words[here])
            tokens[here] = np.concatenate([free, np.full((len(here), 1), query)], axis=1)
            blank[here] = none
            for earlier in range(head):
                blank[here] |= self._within_capacity(earlier, tokens[here])
        return tokens, blank

    def _descend(
        self, case: Case, i: int, numbers: np.ndarray, words: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The free tokens of the tickets `numbers` of one knapsack (Theorem 1.4)."""
        label, n, free = int(case.labels[i]), *words.shape
        tables = self._tables(case.prices[i : i + 1], case.labels[i : i + 1])
        tokens, blank = np.zeros((n, free), dtype=np.int64), np.zeros(n, dtype=bool)
        budget, needed = np.full(n, self.points), np.full(n, bool(case.needed[i]))
        for p in range(free):
            to_go = free - p
            shift = self.bits[to_go] - self.bits[to_go - 1]
            low = words[:, p] >> np.uint64(64 - shift) if shift else np.zeros(n, np.uint64)
            numbers = (numbers << shift) + low.astype(np.int64)
            prices = case.prices[i, p]
            ends = _completions(prices, label, needed, budget, tables[to_go - 1][0]).cumsum(axis=1)
            token = (ends <= numbers[:, None]).sum(axis=1)
            blank |= token == len(prices)
            token = np.minimum(token, len(prices) - 1)
            before = np.where(token > 0, ends[np.arange(n), token - 1], 0)
            numbers = np.where(blank, 0, numbers - before)
            budget = np.where(blank, 0, budget - prices[token])
            needed &= token != label
            tokens[:, p] = token
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


def _completions(
    prices: np.ndarray, label: int, needed: np.ndarray, budget: np.ndarray, table: np.ndarray
) -> np.ndarray:
    """How many tuples follow each choice of token, (n, tokens)."""
    tokens = np.arange(len(prices))
    left = budget[:, None] - prices
    state = (needed[:, None] & (tokens != label)).astype(np.intp)
    return np.where((left >= 0) & (tokens <= label), table[state, np.maximum(left, 0)], 0)


def _convolved(table: np.ndarray, histogram: np.ndarray, vocabulary: int) -> np.ndarray:
    """Exact convolution along the last axis, limb by limb through the FFT (Theorem 1.3 d)."""
    states = table.shape[-1]
    length = 1 << (2 * states - 1).bit_length()
    error = 32 * 2.0**-53 * np.log2(length) * vocabulary * np.sqrt(states)
    limb = int(np.floor(np.log2(0.25 / error)))
    kernel = np.asarray(scipy.fft.rfft(histogram, length))[:, None]
    found = np.zeros_like(table)
    for low in range(0, max(int(table.max()).bit_length(), 1), limb):
        part = ((table >> low) & ((1 << limb) - 1)).astype(np.float64)
        product = np.asarray(scipy.fft.rfft(part, length)) * kernel
        whole = np.rint(np.asarray(scipy.fft.irfft(product, length))[..., :states])
        found += whole.astype(np.int64) << low
    return found
