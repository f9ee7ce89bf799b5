"""Tuples of tokens within a capacity: prices on a grid, and their mass (1.3 b to d and 1.11 b)."""

from __future__ import annotations

import numpy as np
import scipy

from probbound.check.models.attention_only.network import Network
from probbound.check.prior import Law
from probbound.check.report import Refused

_BITS = 62


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


class Knapsacks:
    """Masses of tuples whose prices are at most `points` in sum.

    With r positions to go they count in units of 2^bits[r], rounded up. The units leave room for
    sums over tokens and over all cases.

    Raises:
        Refused: if there is none.
    """

    def __init__(self, law: Law, length: int, heads: int, points: int) -> None:
        self.law, self.points = law, points
        vocabulary = len(law.weights)
        cases = heads * vocabulary * (vocabulary if law.even else 1)
        room = _BITS - (law.total * cases).bit_length()
        if 1 << max(room, 0) < 2 * length:
            raise Refused("counts on a grid for so many tokens do not fit into 62 bits")
        self.bits = [max(0, (law.total**r).bit_length() - room) for r in range(length)]

    def shift(self, to_go: int) -> int:
        """log2 of a unit with `to_go` positions to go, in units of one position fewer."""
        return self.bits[to_go] - self.bits[to_go - 1]

    def counts(self, prices: np.ndarray, labels: np.ndarray, needed: np.ndarray) -> list[int]:
        """The mass of the free tokens of each knapsack."""
        free = prices.shape[1]
        if free == 0:
            return [0 if need else 1 for need in needed]
        table, capacity = self.tables(prices, labels)[-1], np.array([self.points])
        found = []
        for i, label in enumerate(map(int, labels)):
            each = self._blocks(prices[i, 0], label, needed[i : i + 1], capacity, table[i])
            found.append(-(-int(each.sum()) >> self.shift(free)))
        return found

    def tables(self, prices: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
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
            np.add.at(histogram, (i, offered[i, t]), self.law.weights[t])
            following = _convolved(tables[-1], histogram, self.law.total)
            for i, label in enumerate(labels):
                price, weight = offered[i, label], self.law.weights[label]
                if price < states:
                    following[i, :, price:] += weight * tables[-1][i, 0, : states - price]
            tables.append(-(-following >> self.shift(to_go)))
        return tables

    def tuples(
        self,
        prices: np.ndarray,
        label: int,
        needed: bool,
        numbers: np.ndarray,
        words: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The free tokens (n, free) of tickets of one knapsack; which are blank (Theorem 1.4)."""
        n, free = words.shape
        tables = self.tables(prices[None], np.array([label]))
        tokens, blank = np.zeros((n, free), dtype=np.int64), np.zeros(n, dtype=bool)
        budget, still = np.full(n, self.points), np.full(n, needed)
        for p in range(free):
            shift = self.shift(free - p)
            low = words[:, p] >> np.uint64(64 - shift) if shift else np.zeros(n, np.uint64)
            numbers = (numbers << shift) + low.astype(np.int64)
            ends = self._blocks(prices[p], label, still, budget, tables[free - p - 1][0])
            ends = ends.cumsum(axis=1)
            token = (ends <= numbers[:, None]).sum(axis=1)
            blank |= token == len(self.law.weights)
            token = np.where(blank, label, token)
            before = np.where(token > 0, ends[np.arange(n), token - 1], 0)
            weight = np.where(blank, 1, self.law.weights[token])
            numbers = np.where(blank, 0, (numbers - before) // weight)
            budget = np.where(blank, 0, budget - prices[p, token])
            still &= token != label
            tokens[:, p] = token
        return tokens, blank

    def _blocks(
        self,
        prices: np.ndarray,
        label: int,
        needed: np.ndarray,
        budget: np.ndarray,
        table: np.ndarray,
    ) -> np.ndarray:
        """The mass of the tuples that begin with each token, (n, tokens)."""
        tokens = np.arange(len(prices))
        left = budget[:, None] - prices
        state = (needed[:, None] & (tokens != label)).astype(np.intp)
        fitting = (left >= 0) & (tokens <= label)
        return self.law.weights * np.where(fitting, table[state, np.maximum(left, 0)], 0)


def _convolved(table: np.ndarray, histogram: np.ndarray, total: int) -> np.ndarray:
    """Exact convolution along the last axis, limb by limb through the FFT (Theorem 1.3 d).

    The entries of a histogram add up to at most `total`.

    Raises:
        Refused: if not even limbs of one bit are short enough to be exact.
    """
    states = table.shape[-1]
    length = 1 << (2 * states - 1).bit_length()
    error = 32 * 2.0**-53 * np.log2(length) * total * np.sqrt(states)
    limb = int(np.floor(np.log2(0.25 / error)))
    if limb < 1:
        raise Refused(f"{states - 1} grid points are too many for weights that add up to {total}")
    kernel = np.asarray(scipy.fft.rfft(histogram, length))[:, None]
    found = np.zeros_like(table)
    for low in range(0, max(int(table.max()).bit_length(), 1), limb):
        part = ((table >> low) & ((1 << limb) - 1)).astype(np.float64)
        product = np.asarray(scipy.fft.rfft(part, length)) * kernel
        whole = np.rint(np.asarray(scipy.fft.irfft(product, length))[..., :states])
        found += whole.astype(np.int64) << low
    return found
