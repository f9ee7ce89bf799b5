"""Disjoint product sets of sequences: what a tree of cases leaves, counted and drawn exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import prod

import numpy as np
from jaxtyping import Bool, Int

from probbound.contract.residue import Tickets, located, numbers_within
from probbound.draws.random_streams import Stream
from probbound.populations.contract import MOST_TICKETS

Sets = Bool[np.ndarray, "sets places tokens"]


@dataclass(frozen=True)
class ProductSets:
    """A residue whose members are sequences x with x_p in set number s at place p.

    A ticket is one of 2^`bits` sequences; those of a set's last ticket that are none are blank
    (Theorems 1.4 and 10.11). The sets are disjoint and not empty.
    """

    sets: Sets

    @cached_property
    def masses(self) -> list[int]:
        """Sequences of each set."""
        return [prod(map(int, each)) for each in self.sets.sum(axis=2)]

    @cached_property
    def mass(self) -> int:
        """Sequences of all of them."""
        return sum(self.masses)

    @cached_property
    def bits(self) -> int:
        """As few as leave tickets that have numbers."""
        bits = 0
        while sum(-(-mass >> bits) for mass in self.masses) > MOST_TICKETS:
            bits += 1
        return bits

    @cached_property
    def counts(self) -> Int[np.ndarray, " sets"]:
        """Tickets of each set."""
        return np.array([-(-mass >> self.bits) for mass in self.masses], dtype=np.int64)

    @property
    def tickets(self) -> int:
        """Number of tickets."""
        return int(self.counts.sum())

    @property
    def size(self) -> Fraction:
        """Sequences, blank ones too."""
        return Fraction(self.tickets << self.bits)

    def members(self, ranks: Int[np.ndarray, " n"], stream: Stream, start: int) -> Tickets:
        """The sequence on each ticket; `stream` says which of its 2^bits."""
        number, units = located(ranks, self.counts)
        large = self.bits > 0 or max(self.masses, default=0) >= 1 << 62
        integers = object if large else np.int64
        within = units.astype(integers)
        if self.bits:
            within = numbers_within(units, self.bits, object, stream, start)
        masses = np.array(self.masses, dtype=integers)
        blank = np.asarray(within >= masses[number], dtype=bool)
        return Tickets(self._numbered(number, np.where(blank, 0, within)), blank)

    def sequences(self, numbers: Int[np.ndarray, " n"]) -> Int[np.ndarray, "n places"]:
        """Those of numbers below `mass`, through the sets in order; of fewer than 2^63."""
        return self._numbered(*located(numbers, np.array(self.masses, dtype=np.int64)))

    def _numbered(
        self, number: Int[np.ndarray, " n"], within: np.ndarray
    ) -> Int[np.ndarray, "n places"]:
        """Sequence number `within` of a set, the last place counting fastest."""
        used, which = np.unique(number, return_inverse=True)
        places = self.sets.shape[1]
        tokens = np.empty((len(number), places), dtype=np.int64)
        for place in range(places - 1, -1, -1):
            allowed = self.sets[used, place]
            radix = allowed.sum(axis=1)[which]
            digit = np.asarray(within % radix, dtype=np.int64)
            within = within // radix
            tokens[:, place] = np.argsort(~allowed, axis=1, kind="stable")[which, digit]
        return tokens

    def draw_flops(self, draws: int) -> int:
        """A division and a look-up a place."""
        return 2 * self.sets.shape[1] * draws


def all_of(one: Bool[np.ndarray, "places tokens"]) -> Int[np.ndarray, "n places"]:
    """Every sequence of one set, in order."""
    population = ProductSets(one[None])
    return population.sequences(np.arange(population.mass))


def split(one: Bool[np.ndarray, "places tokens"], place: int) -> Iterator[np.ndarray]:
    """The set with each of its tokens at a place."""
    for token in np.flatnonzero(one[place]):
        part = one.copy()
        part[place] = False
        part[place, token] = True
        yield part


def stacked(sets: Sequence[np.ndarray], places: int, tokens: int) -> Sets:
    """Sets as one array, also where there are none."""
    return np.stack(sets) if sets else np.zeros((0, places, tokens), dtype=bool)
