"""Tokens grouped by their gap below the label, and the multisets of such classes (Theorem 4.2)."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int

from probbound.draws.priors import Prior, Whole

MULTISET_LIMIT = 56
LEAST_CLASSES = 5
_TICKET_BITS = 62


@dataclass(frozen=True)
class GapClasses:
    """Class 0 is the label m alone, class c the tokens m - g with starts[c] <= g < starts[c + 1].

    `free` positions each hold a token of some class; which class holds how many of them is a
    multiset. The sequences of a multiset are a union of product sets, one for each arrangement.
    """

    d_vocab: int
    free: int
    starts: tuple[int, ...]
    prior: Prior | None = None

    @cached_property
    def law(self) -> Prior:
        """The prior over tokens, uniform by default."""
        return self.prior or Prior.uniform(self.d_vocab)

    @property
    def stops(self) -> tuple[int, ...]:
        """The first gap past each class."""
        return (*self.starts[1:], self.d_vocab)

    @cached_property
    def sizes(self) -> Int[np.ndarray, "d_vocab n_classes"]:
        """The weight of the tokens of each class, for each label."""
        starts, stops = np.array(self.starts), np.array(self.stops)
        past = np.arange(self.d_vocab)[:, None] + 1
        below = np.concatenate([[0], self.law.ends])
        return below[np.maximum(past - starts, 0)] - below[np.maximum(past - stops, 0)]

    @cached_property
    def levels(self) -> list[tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]]:
        """Multisets of 1, 2, … `free` classes: which smaller one each extends, and by what."""
        known: dict[tuple[int, ...], int] = {(): 0}
        found = []
        for size in range(1, self.free + 1):
            items = itertools.combinations_with_replacement(range(len(self.starts)), size)
            multisets = {item: number for number, item in enumerate(items)}
            parents = np.array([known[item[:-1]] for item in multisets])
            found.append((parents, np.array([item[-1] for item in multisets])))
            known = multisets
        return found

    @cached_property
    def counts(self) -> Int[np.ndarray, "n_multisets n_classes"]:
        """How many positions of each class a multiset has."""
        counts = np.zeros((1, len(self.starts)), dtype=np.int64)
        for parents, items in self.levels:
            counts = counts[parents] + np.eye(len(self.starts), dtype=np.int64)[items]
        return counts

    @cached_property
    def has_label(self) -> Bool[np.ndarray, " n_multisets"]:
        """Whether the label is among the free positions."""
        return self.counts[:, 0] > 0

    @property
    def integers(self) -> type:
        """An integer type that holds every count times the number of positions."""
        largest = self.law.total ** (self.free + 1) * max(self.free, 1)
        return np.int64 if largest < 1 << _TICKET_BITS else object

    @cached_property
    def arrangements(self) -> Whole:
        """In how many orders a multiset can stand."""
        whole = [math.factorial(self.free) // _factorials(row) for row in self.counts.tolist()]
        return np.array(whole, dtype=self.integers)

    @cached_property
    def weights(self) -> Whole:
        """The mass of the free tokens of each multiset, [label, multiset] (Theorem 1.11)."""
        sizes = self.sizes.astype(self.integers)[:, None, :]
        return (sizes**self.counts).prod(axis=2) * self.arrangements

    @cached_property
    def unit_bits(self) -> int:
        """A ticket stands for a mass of 2^unit_bits, so that all tickets fit in 62 bits."""
        return max(0, (self.law.total ** (self.free + 1)).bit_length() - _TICKET_BITS)

    @cached_property
    def units(self) -> Int[np.ndarray, "d_vocab n_multisets"]:
        """The weights in tickets, rounded up."""
        return np.array(-(-self.weights >> self.unit_bits), dtype=np.int64)


def _factorials(counts: list[int]) -> int:
    return math.prod(math.factorial(count) for count in counts)


def gap_classes(
    d_vocab: int,
    n_ctx: int,
    offset: float,
    step: float,
    limit: int = MULTISET_LIMIT,
    prior: Prior | None = None,
) -> GapClasses:
    """As many classes as keep the number of multisets within `limit` (Theorem 4.2).

    But at least LEAST_CLASSES, so that the cost is at most O(n_ctx⁴) for each query and label.

    Past the nearest class they start `step`, 2 `step`, 3 `step`, 5 `step`, … tokens beyond the
    gap `offset`, below which the noise lets little be certified. Any choice is sound.
    """
    free, nearest = n_ctx - 1, 1
    starts = [0, 1] if d_vocab > 1 else [0]
    small, large = 1, 2
    while len(starts) < LEAST_CLASSES or math.comb(free + len(starts), free) <= limit:
        nearest = max(nearest + 1, round(min(offset + step * small, d_vocab)))
        if nearest >= d_vocab:
            break
        starts.append(nearest)
        small, large = large, small + large
    return GapClasses(d_vocab, free, tuple(starts), prior)
