"""What a population is: how it is drawn from, what a check is handed, what a certificate says."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from probbound.draws.random_streams import Stream

MOST_TICKETS = 1 << 53  # numbered as far as the laws without replacement count
MOST_MASS_BITS = 1 << 13  # of a total weight that a certificate writes out

Batch = np.ndarray  # one row a member, as the population keeps them
Tickets = Int[np.ndarray, " n"]
Counts = Int[np.ndarray, " n"] | np.ndarray  # int64, or Python integers where those overflow


@runtime_checkable
class Population(Protocol):
    """Members with integer weights, each with as many tickets as its weight (Theorem 7.2).

    Attributes:
        kind: the word for it in a certificate.
        mass: the weight of all members as given; None where it can only be drawn from.
        tickets: weights over their common factor, added up; None where it can only be drawn from.
        size: how many members there are; None where it can only be drawn from.
        uniform: whether every member has one ticket.
    """

    kind: str

    @property
    def mass(self) -> int | None: ...

    @property
    def tickets(self) -> int | None: ...

    @property
    def size(self) -> int | None: ...

    @property
    def uniform(self) -> bool: ...

    def statement(self) -> dict[str, Any]:
        """Everything that it is, as JSON: part of the seed and of the certificate."""
        ...

    def draw(self, stream: Stream, start: int, stop: int) -> Batch:
        """Independent draws number `start` to `stop` - 1."""
        ...

    def members(self, tickets: Tickets) -> Batch:
        """The member of each ticket, where they are numbered."""
        ...

    def firsts(self, tickets: Tickets) -> Tickets:
        """The first ticket of each one's member, where they are numbered."""
        ...

    def listing(self, start: int, stop: int) -> tuple[Batch, Counts]:
        """Members number `start` to `stop` - 1, and how many tickets each has."""
        ...

    def handed(self, batch: Batch) -> Any:
        """What a user's function is given for a batch."""
        ...

    def parts(self) -> tuple[tuple[Fraction, Population], ...]:
        """What it is a mixture of, with their shares: itself, if it is none."""
        return ((Fraction(1), self),)

    def without_identity(self) -> tuple[str, ...]:
        """What of it is a function that nothing names."""
        return ()

    def trusted(self) -> list[str]:
        """What is taken on the user's word, in sentences."""
        return []

    def heavy(self, looks: int) -> Heavy | None:
        """The members to look at for certain where there are so many looks (Theorem 7.3)."""
        return None


@dataclass(frozen=True)
class Heavy:
    """Members of large weight, the tickets of each, and the population of the others."""

    batch: Batch
    counts: Counts
    rest: Population


def numbered(population: Population) -> bool:
    """Whether its tickets have numbers, so that they are drawn without replacement."""
    return population.tickets is not None and population.tickets <= MOST_TICKETS
