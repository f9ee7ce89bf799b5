"""A list of rows, all equally likely."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int

from probbound.draws.random_streams import Stream
from probbound.models.transformer.lengths import firsts, in_front
from probbound.models.transformer.sharing import begin_alike
from probbound.strategies.laws import ApartAnytime, ApartOrInterrupted, Law
from probbound.strategies.levels import Different, Source
from probbound.tasks.accepted import unaltered
from probbound.tasks.next_token.populations.contract import Rows
from probbound.tasks.next_token.reading import as_rows


@dataclass(frozen=True, eq=False)
class RowList:
    """Rows of `tokens`, -1 before the first of a short one; equal ones count each (Theorem 9.5).

    Raises:
        UserError: if they are no rows of whole numbers.
    """

    tokens: Rows
    kind: ClassVar[str] = "rows"

    def __post_init__(self) -> None:
        object.__setattr__(self, "tokens", as_rows(self.tokens))

    @property
    def size(self) -> int:
        """The number of rows."""
        return len(self.tokens)

    @property
    def mass(self) -> int:
        """The number of rows."""
        return len(self.tokens)

    @property
    def most(self) -> int:
        """All of them."""
        return len(self.tokens)

    @property
    def length(self) -> int:
        """Tokens of the longest."""
        return int(self.tokens.shape[1])

    @property
    def shortest(self) -> int:
        """Tokens of the shortest."""
        return self.length - int(firsts(self.tokens).max())

    @property
    def reach(self) -> tuple[int, int]:
        """The largest token read, and the largest last one."""
        return int(self.tokens[:, :-1].max()), int(self.tokens[:, -1].max())

    @property
    def beginning(self) -> Int[np.ndarray, " p"]:
        """The first tokens of all rows."""
        return in_front(self.tokens)[0, : self._alike]

    @cached_property
    def _alike(self) -> int:
        return begin_alike(in_front(self.tokens)[:, :-1])

    @property
    def pilot(self) -> Rows:
        """The rows themselves: which of them are looked at is no secret before the draws."""
        return self.tokens

    @cached_property
    def sha256(self) -> str:
        """Of shape and tokens as little-endian 64-bit integers, row by row."""
        found = hashlib.sha256(f"probbound-rows/1\n{self.tokens.shape}\n".encode())
        found.update(np.ascontiguousarray(self.tokens, dtype="<i8").tobytes())
        return found.hexdigest()

    def accepted(self) -> RowList:
        """The same, made anew."""
        return unaltered(self, RowList(self.tokens))

    def statement(self) -> dict[str, Any]:
        """Their number, lengths and digest."""
        return {
            "kind": self.kind,
            "size": self.size,
            "length": self.length,
            "shortest": self.shortest,
            "sha256": self.sha256,
        }

    def listing(self) -> Rows:
        """All of them."""
        return self.tokens

    def members(self, tickets: Int[np.ndarray, " n"]) -> Rows:
        """The row of each number."""
        return self.tokens[tickets]

    def sample(self, stream: Stream, start: int, stop: int) -> Rows:
        """Draws number `start` to `stop` - 1 with replacement, independent of one another."""
        return self.members(stream.integers(start, stop, self.size))

    def source(self, stream: Stream, number: int, chunk: int) -> Source:
        """Different rows (7.1)."""
        return Different(self, stream, number, self.size, chunk)

    def bounding(self, delta: float, *, anytime: bool) -> Law:
        """That of different ones of so many (9.5)."""
        return ApartAnytime(delta, self.size) if anytime else ApartOrInterrupted(delta, self.size)
