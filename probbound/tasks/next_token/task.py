"""Rows of tokens, each answered by what comes after all of it but the last."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int

from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.registry import room_of
from probbound.models.store import digest
from probbound.models.transformer.answering import REAL, Arithmetic, arithmetic_named
from probbound.models.transformer.network import GeneralTransformer
from probbound.tasks.next_token.reading import as_rows


@dataclass(frozen=True)
class NextToken:
    """Rows of `tokens`, all equally likely; equal ones count each.

    A network is right on a row if its answer after all tokens but the last is the last, or, with
    `against`, if that network answers the same. `arithmetic` is "real" or "float64" (9.3, 9.4).

    Raises:
        UserError: if the rows, the other network or the arithmetic cannot be used.
    """

    tokens: Int[np.ndarray, "n length"]
    arithmetic: str = REAL.name
    against: GeneralTransformer | None = None
    name: ClassVar[str] = "next-token"

    def __post_init__(self) -> None:
        object.__setattr__(self, "tokens", as_rows(self.tokens))
        arithmetic_named(self.arithmetic)
        if self.against is not None and type(self.against) is not GeneralTransformer:
            raise UserError("the other network has to be a transformer")

    @property
    def of(self) -> Arithmetic:
        """Its arithmetic."""
        return arithmetic_named(self.arithmetic)

    @property
    def answers(self) -> int:
        """Answers that there have to be for every last token to be one."""
        return int(self.tokens[:, -1].max()) + 1

    @property
    def mass(self) -> int:
        """The number of rows."""
        return len(self.tokens)

    @property
    def size(self) -> int:
        """The number of rows."""
        return len(self.tokens)

    @cached_property
    def sha256(self) -> str:
        """Of shape and tokens as little-endian 64-bit integers, row by row."""
        found = hashlib.sha256(f"probbound-rows/1\n{self.tokens.shape}\n".encode())
        found.update(np.ascontiguousarray(self.tokens, dtype="<i8").tobytes())
        return found.hexdigest()

    def labels(self, inputs: Int[np.ndarray, "n length"]) -> Int[np.ndarray, " n"]:
        """The last token of each row."""
        return inputs[:, -1]

    def members(self, tickets: Int[np.ndarray, " n"]) -> Int[np.ndarray, "n length"]:
        """The row of each number."""
        return self.tokens[tickets]

    def sample(self, stream: Stream, start: int, stop: int) -> Int[np.ndarray, "n length"]:
        """Draws number `start` to `stop` - 1 with replacement, independent of one another."""
        return self.members(stream.integers(start, stop, self.size))

    def statement(self) -> dict[str, Any]:
        """The rows as a claim states them, what is asked of them, and in which arithmetic."""
        other = self.against
        return {
            "kind": "rows",
            "size": self.size,
            "length": int(self.tokens.shape[1]),
            "sha256": self.sha256,
            "prior": None,
            "arithmetic": self.arithmetic,
            "agreement": self.of.agreement,
            "against": None if other is None else _stated(other),
        }


def _stated(model: GeneralTransformer) -> dict[str, Any]:
    return {"sha256": digest(model), "parts": room_of(model).parts(model)}
