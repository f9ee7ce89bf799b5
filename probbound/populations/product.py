"""Index tuples, all equally likely: pairs of rows and columns, edges, triples of features."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Int

from probbound.arithmetic.scalars import whole
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.populations.contract import Counts, Population, Tickets, numbered

_MOST_SIZE = 1 << 62


class Product(Population):
    """The tuples (i_1, …, i_d) with 0 <= i_j < sizes[j], each as likely as the others.

    A check is handed an integer array of shape [n, d]. Ticket r is the tuple of r's digits, the
    last index counting fastest.

    Raises:
        UserError: if there are no sizes, or one is not an integer from 1 to 2^62.
    """

    kind = "product"

    def __init__(self, *sizes: int) -> None:
        self.sizes = tuple(whole("a size of a Product", size) for size in sizes)
        if not self.sizes or not all(1 <= size <= _MOST_SIZE for size in self.sizes):
            raise UserError(
                f"a Product needs sizes from 1 to 2^62, got {self.sizes or 'none'}; one for each "
                "index, as in Product(768, 768)"
            )

    @property
    def mass(self) -> int:
        """The number of tuples."""
        return math.prod(self.sizes)

    @property
    def size(self) -> int:
        """The number of tuples."""
        return self.mass

    @property
    def uniform(self) -> bool:
        """Every tuple has one ticket."""
        return True

    @property
    def tickets(self) -> int:
        """The number of tuples."""
        return self.mass

    def statement(self) -> dict[str, Any]:
        """The sizes."""
        return {"kind": self.kind, "sizes": list(self.sizes)}

    def draw(self, stream: Stream, start: int, stop: int) -> Int[np.ndarray, "n d"]:
        """Ticket number i; without numbers, index j is that of the stream `position j`."""
        if numbered(self):
            return self.members(stream.integers(start, stop, self.tickets))
        columns = [
            stream.fold_in(f"position {place}").integers(start, stop, size)
            for place, size in enumerate(self.sizes)
        ]
        return np.stack(columns, axis=1)

    def members(self, tickets: Tickets) -> Int[np.ndarray, "n d"]:
        """The tuple of each ticket."""
        return digits(tickets, self.sizes)

    def firsts(self, tickets: Tickets) -> Tickets:
        """Each ticket is a member."""
        return tickets

    def listing(self, start: int, stop: int) -> tuple[Int[np.ndarray, "n d"], Counts]:
        """Tuples in order, each with one ticket."""
        return self.members(np.arange(start, stop)), np.ones(stop - start, dtype=np.int64)

    def handed(self, batch: Int[np.ndarray, "n d"]) -> Int[np.ndarray, "n d"]:
        """The index tuples, a copy: a check that writes on them changes no member."""
        return batch.copy(order="K")


def digits(numbers: Tickets, bases: tuple[int, ...]) -> Int[np.ndarray, "n d"]:
    """The digits of each number, the last counting fastest; each column lies in one piece."""
    found = np.empty((len(bases), len(numbers)), dtype=np.int64)
    for place in reversed(range(1, len(bases))):
        above = numbers // bases[place]
        np.subtract(numbers, above * bases[place], out=found[place])
        numbers = above
    found[0] = numbers
    return found.T


def number(rows: Int[np.ndarray, "n d"], bases: tuple[int, ...]) -> Tickets:
    """The number with those digits."""
    made = rows[:, 0].copy()
    for place in range(1, len(bases)):
        made = made * bases[place] + rows[:, place]
    return made
