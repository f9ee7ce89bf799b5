"""What rows of tokens come from, as claims about them see it."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from probbound.draws.random_streams import Stream
from probbound.strategies.laws import Law
from probbound.strategies.levels import Source

Rows = Int[np.ndarray, "n length"]


@runtime_checkable
class RowPopulation(Protocol):
    """Rows of tokens: a list of them, or what they are drawn from.

    Attributes:
        kind: the word for it in a certificate.
    """

    kind: ClassVar[str]

    @property
    def size(self) -> int | None:
        """How many rows there are, equal ones counted each; None where draws are independent."""
        ...

    @property
    def mass(self) -> int | None:
        """The weight of all rows, an exact integer; None where it is not known."""
        ...

    @property
    def most(self) -> int:
        """How many looks are of use."""
        ...

    @property
    def length(self) -> int:
        """Tokens of a row, the last one included; of a shorter one -1 stands before the first."""
        ...

    @property
    def reach(self) -> tuple[int, int]:
        """The largest token that is read, and that rows end in, as far as it is known."""
        ...

    @property
    def beginning(self) -> Int[np.ndarray, " p"]:
        """What all rows are known to begin with (9.13); a token at least is read behind it."""
        ...

    @property
    def pilot(self) -> Rows:
        """Rows by which the arithmetic is found (9.7), none of them a certifying draw as such."""
        ...

    def listing(self) -> Rows:
        """All rows of a list.

        Raises:
            UserError: if rows are only drawn.
        """
        ...

    def accepted(self) -> RowPopulation:
        """The same, made anew.

        Raises:
            UserError: if it was altered after it was made.
        """
        ...

    def statement(self) -> dict[str, Any]:
        """What it is, as JSON: part of the seed and of the certificate."""
        ...

    def members(self, tickets: Int[np.ndarray, " n"]) -> Rows:
        """The row of each number.

        Raises:
            UserError: if rows have none.
        """
        ...

    def sample(self, stream: Stream, start: int, stop: int) -> Rows:
        """Draws number `start` to `stop` - 1 with replacement, independent of one another."""
        ...

    def source(self, stream: Stream, number: int, chunk: int) -> Source:
        """`number` rows to look at in order, `chunk` together."""
        ...

    def bounding(self, delta: float, *, anytime: bool) -> Law:
        """What failures among those rows say: at a fixed number (or interrupted), or anytime."""
        ...
