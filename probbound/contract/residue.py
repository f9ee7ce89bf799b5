"""What an enumerated screen leaves: a set that is counted, and can be drawn from exactly."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int, Shaped

from probbound.draws.priors import Whole
from probbound.draws.random_streams import Stream


@dataclass(frozen=True)
class Tickets:
    """Drawn tickets: each holds a member, or is blank (no member at all)."""

    members: Shaped[np.ndarray, "n ..."]
    blank: Bool[np.ndarray, " n"]

    @property
    def genuine(self) -> Shaped[np.ndarray, "m ..."]:
        """The members, blank tickets left out."""
        return self.members[~self.blank]


@runtime_checkable
class Residue(Protocol):
    """The members a screen could not certify, on `tickets` equal tickets.

    Each has as many as its mass: one, where all weigh the same (Theorem 1.11). Blank tickets and
    tickets of members that a finer look would certify are allowed: they only make `size` larger
    than need be (Theorem 1.4).
    """

    @property
    def tickets(self) -> int:
        """Number of tickets."""
        ...

    @property
    def size(self) -> Fraction:
        """An upper bound on the mass of the uncertified members: tickets × mass of a ticket."""
        ...

    def members(self, ranks: Int[np.ndarray, " n"], stream: Stream, start: int) -> Tickets:
        """The tickets number `ranks`; `stream` decides what a ticket of several members holds.

        `start` is the number of the first draw: draw i's outcome depends on ranks[i - start],
        `stream` and i alone. Where every ticket is one member, `stream` is not used.
        """
        ...

    def draw_flops(self, draws: int) -> int:
        """Operations of finding the members on `draws` tickets."""
        ...


def located(
    ranks: Int[np.ndarray, " n"], counts: Int[np.ndarray, " n_cases"]
) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """The case that holds each ticket, and the ticket's number within it."""
    ends = np.cumsum(counts)
    cases = np.searchsorted(ends, ranks, side="right")
    return cases, ranks - (ends[cases] - counts[cases])


def listed_by(residue: Residue, budget: int) -> bool:
    """Whether each ticket is one member and `budget` covers them all, so that none is missed."""
    return residue.size <= residue.tickets <= budget


def numbers_within(
    units: Int[np.ndarray, " n"], bits: int, integers: type, stream: Stream, start: int
) -> Whole:
    """A number of each unit of 2^bits, uniform among those of the unit; draws from `start` on."""
    numbers = units.astype(integers)
    words_each = -(-bits // 64)
    words = stream.words(start * words_each, (start + len(units)) * words_each)
    for column in words.reshape(len(units), words_each).T:
        taken = min(bits, 64)
        numbers = (numbers << taken) + (column >> np.uint64(64 - taken)).astype(object)
        bits -= taken
    return numbers


def draw(residue: Residue, stream: Stream, start: int, stop: int) -> Tickets:
    """Draws number `start` to `stop` - 1: uniform tickets, with replacement."""
    ranks = stream.fold_in("rank").integers(start, stop, residue.tickets)
    return residue.members(ranks, stream.fold_in("within"), start)
