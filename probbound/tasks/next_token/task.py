"""Rows of tokens, each answered by what comes after all of it but the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int

from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.registry import room_of
from probbound.models.store import digest
from probbound.models.transformer.answering import REAL, Arithmetic, arithmetic_named
from probbound.models.transformer.network import GeneralTransformer
from probbound.tasks.next_token.populations.contract import RowPopulation, Rows
from probbound.tasks.next_token.populations.registry import population_of


@dataclass(frozen=True, init=False)
class NextToken:
    """Rows of tokens: of an array [n, length] or lists of any lengths, all equally likely, or of
    a `RowLaw` or `RowGenerator`. In an array short rows have -1 before their first token.

    A network is right on a row if its answer after all tokens but the last is the last, or, with
    `against`, if that network answers the same. `arithmetic` is "real" or "float64" (9.3, 9.4).

    Raises:
        UserError: if the rows, the other network or the arithmetic cannot be used.
    """

    rows: RowPopulation
    arithmetic: str
    against: GeneralTransformer | None
    name: ClassVar[str] = "next-token"

    def __init__(
        self,
        rows: RowPopulation | Rows | Sequence[Sequence[int] | np.ndarray],
        arithmetic: str = REAL.name,
        against: GeneralTransformer | None = None,
    ) -> None:
        arithmetic_named(arithmetic)
        if against is not None and type(against) is not GeneralTransformer:
            raise UserError("the other network has to be a transformer")
        made = {"rows": population_of(rows), "arithmetic": arithmetic, "against": against}
        for name, value in made.items():
            object.__setattr__(self, name, value)

    @property
    def of(self) -> Arithmetic:
        """Its arithmetic."""
        return arithmetic_named(self.arithmetic)

    @property
    def answers(self) -> int:
        """Answers that there have to be for every last token to be one."""
        return self.rows.reach[1] + 1

    @property
    def tokens(self) -> Rows:
        """The rows of a list.

        Raises:
            UserError: if rows are only drawn.
        """
        return self.rows.listing()

    @property
    def mass(self) -> int | None:
        """The weight of all rows, None where it is not known."""
        return self.rows.mass

    @property
    def size(self) -> int | None:
        """The number of rows, None where draws are independent."""
        return self.rows.size

    def labels(self, inputs: Int[np.ndarray, "n length"]) -> Int[np.ndarray, " n"]:
        """The last token of each row."""
        return inputs[:, -1]

    def members(self, tickets: Int[np.ndarray, " n"]) -> Int[np.ndarray, "n length"]:
        """The row of each number."""
        return self.rows.members(tickets)

    def sample(self, stream: Stream, start: int, stop: int) -> Int[np.ndarray, "n length"]:
        """Draws number `start` to `stop` - 1 with replacement, independent of one another."""
        return self.rows.sample(stream, start, stop)

    def statement(self) -> dict[str, Any]:
        """The rows as a claim states them, what is asked of them, and in which arithmetic."""
        other = self.against
        return {
            **self.rows.statement(),
            "prior": None,
            "arithmetic": self.arithmetic,
            "agreement": self.of.agreement,
            "against": None if other is None else _stated(other),
        }


def _stated(model: GeneralTransformer) -> dict[str, Any]:
    return {"sha256": digest(model), "parts": room_of(model).parts(model)}
