"""Tokens by their gap below the label, multisets of such classes, and their sequences by number.

Theorems 4.2 and 4.3, and 1.11 where tokens have weights.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from probbound.check.prior import Law
from probbound.check.report import Refused

_MULTISETS, _LEAST_CLASSES = 56, 5
MOST_MULTISETS, MOST_CELLS = 1 << 20, 1 << 26
_BITS = 62


class Gaps:
    """Class 0 is the label m alone; class c the tokens m - g with starts[c] <= g < starts[c + 1].

    `counts[s]` says how many of the free positions have a token of each class in multiset s;
    for label m `each[m, s]` is the mass of one of its arrangements, and `units[m, s]` that of
    all, in units of 2^unit_bits, rounded up.

    Raises:
        Refused: if there are too many multisets to hold them all.
    """

    def __init__(self, starts: list[int], free: int, law: Law) -> None:
        self.starts, self.free, self.law = starts, free, law
        vocabulary, classes = len(law.weights), len(starts)
        self.stops = [*starts[1:], vocabulary]
        multisets = math.comb(free + classes - 1, free)
        if multisets > MOST_MULTISETS or vocabulary * multisets > MOST_CELLS:
            raise Refused(f"{multisets} multisets of classes are not independently re-checked")
        found = itertools.combinations_with_replacement(range(classes), free)
        self.counts = np.array([np.bincount(one, minlength=classes) for one in map(_whole, found)])
        ways = [_arrangements(row) for row in self.counts.tolist()]
        self.arrangements = np.array(ways, dtype=_integers(max(ways) * max(free, 1)))
        below = [0, *map(int, law.weights.cumsum())]
        self.sizes = np.array(
            [
                [
                    below[max(m + 1 - start, 0)] - below[max(m + 1 - stop, 0)]
                    for start, stop in zip(starts, self.stops, strict=True)
                ]
                for m in range(vocabulary)
            ],
            dtype=np.int64,
        )
        whole = law.total ** (free + 1)
        self.integers = _integers(whole * max(free, 1))
        self.unit_bits = max(0, whole.bit_length() - _BITS)
        self.each = np.stack([self._mass_each(m) for m in range(vocabulary)])
        masses = self.each * self.arrangements.astype(self.integers)
        self.units = np.asarray(-(-masses >> self.unit_bits), dtype=np.int64)

    def _mass_each(self, label: int) -> np.ndarray:
        """The mass of one arrangement of each multiset, exact integers (n_multisets,)."""
        return (self.sizes[label].astype(self.integers) ** self.counts).prod(axis=1)

    def sequences(
        self, labels: np.ndarray, multisets: np.ndarray, numbers: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The free tokens (n, free) of sequence `numbers` of each multiset; which are past it."""
        each = self.each[labels, multisets]
        order, digits = numbers // each, numbers % each
        past = np.asarray(order >= self.arrangements[multisets], dtype=bool)
        order = np.where(past, 0, order).astype(self.arrangements.dtype)
        classes = self._arranged(multisets, order)
        sizes = self.sizes[labels[:, None], classes]
        ranks = np.zeros_like(classes)
        at_once = max(1, _BITS // self.law.total.bit_length())
        for start in range(0, self.free, at_once):
            part = slice(start, start + at_once)
            radix = sizes[:, part].prod(axis=1)
            digit, digits = (digits % radix).astype(np.int64), digits // radix
            for position in range(*part.indices(self.free)):
                ranks[:, position] = digit % sizes[:, position]
                digit = digit // sizes[:, position]
        first = labels[:, None] - np.array(self.starts)[classes]
        return self._downwards(first, ranks), past

    def _arranged(self, multisets: np.ndarray, order: np.ndarray) -> np.ndarray:
        """The class at each free position in arrangement number `order`."""
        found = np.zeros((len(order), self.free), dtype=np.int64)
        left = self.counts[multisets].astype(order.dtype)
        ways, rows = self.arrangements[multisets], np.arange(len(order))
        for position in range(self.free):
            shares = ways[:, None] * left // (self.free - position)
            ends = np.cumsum(shares, axis=1)
            chosen = np.asarray(ends <= order[:, None], dtype=bool).sum(axis=1)
            ways = shares[rows, chosen]
            order = order - (ends[rows, chosen] - ways)
            left[rows, chosen] -= 1
            found[:, position] = chosen
        return found

    def _downwards(self, first: np.ndarray, ranks: np.ndarray) -> np.ndarray:
        """The token that holds unit number `ranks` of weight, from token `first` down."""
        ends = self.law.weights.cumsum()
        return np.searchsorted(ends, ends[first] - 1 - ranks, side="right")


def class_starts(vocabulary: int, free: int, offset: float, step: float) -> list[int]:
    """As many classes as leave few multisets, at widths that grow like Fibonacci numbers.

    A choice that soundness does not depend on, made as the makers of certificates make it.
    """
    starts = [0, 1] if vocabulary > 1 else [0]
    nearest, small, large = 1, 1, 2
    while len(starts) < _LEAST_CLASSES or math.comb(free + len(starts), free) <= _MULTISETS:
        nearest = max(nearest + 1, round(min(offset + step * small, vocabulary)))
        if nearest >= vocabulary:
            break
        starts.append(nearest)
        small, large = large, small + large
    return starts


def _arrangements(counts: list[int]) -> int:
    return math.factorial(sum(counts)) // math.prod(map(math.factorial, counts))


def _integers(largest: int) -> type:
    return np.int64 if largest < 1 << _BITS else object


def _whole(numbers: tuple[int, ...]) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)
