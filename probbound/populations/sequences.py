"""Token sequences whose positions are independent, each with a law of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Int

from probbound.draws.priors import MOST_TOKENS, Prior
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.populations.contract import Counts, Population, Tickets, numbered
from probbound.populations.product import digits, number

_MOST_POSITIONS = 1 << 16
_MOST_WEIGHTS = 1 << 18
_FITS = 1 << 62


class Sequences(Population):
    """Sequences of tokens, position p with P(t) = weights[p][t] / sum, independent (Theorem 1.10).

    A check is handed an integer array of shape [n, positions]. A token of weight zero does not
    occur: (0, 0, 1) is a fixed token 2.

    Args:
        weights_per_position: for each position a `Prior`, or non-negative integer weights.

    Raises:
        UserError: if there are no positions, weights make no prior, or there are more than a
            certificate holds.
    """

    kind = "sequences"

    def __init__(self, weights_per_position: Sequence[Prior | Sequence[int]]) -> None:
        given = list(weights_per_position)
        if not 1 <= len(given) <= _MOST_POSITIONS:
            raise UserError(
                f"Sequences needs 1 to {_MOST_POSITIONS} positions, each with weights of its "
                f"tokens, got {len(given)}"
            )
        weights = [_weights(each) for each in given]
        made = {each: Prior(each) for each in dict.fromkeys(weights)}
        self.laws = tuple(made[each] for each in weights)
        self._mass = math.prod(map(sum, weights))
        written = sum(map(len, made))
        if written > _MOST_WEIGHTS or max(map(len, made)) > MOST_TOKENS:
            raise UserError(
                f"the laws of the positions have {written} weights, and a certificate holds "
                f"{_MOST_WEIGHTS}, of up to {MOST_TOKENS} tokens"
            )

    @property
    def mass(self) -> int:
        """The product over positions of the sums of the weights, as given."""
        return self._mass

    @property
    def size(self) -> int:
        """The number of sequences that occur."""
        return math.prod(len(tokens) for tokens in self._occurring)

    @property
    def uniform(self) -> bool:
        """Whether every sequence that occurs has one ticket."""
        return self.tickets == self.size

    @property
    def _totals(self) -> tuple[int, ...]:
        return tuple(law.total for law in self.laws)

    @cached_property
    def _occurring(self) -> tuple[np.ndarray, ...]:
        return tuple(np.flatnonzero(law.array) for law in self.laws)

    @property
    def tickets(self) -> int:
        """The product of the totals of the laws."""
        return math.prod(self._totals)

    def statement(self) -> dict[str, Any]:
        """The laws, and which one each position has."""
        distinct = {law: number for number, law in enumerate(dict.fromkeys(self.laws))}
        return {
            "kind": self.kind,
            "laws": [list(law.weights) for law in distinct],
            "positions": [distinct[law] for law in self.laws],
        }

    def draw(self, stream: Stream, start: int, stop: int) -> Int[np.ndarray, "n positions"]:
        """Ticket number i; without numbers, the digit at p is that of the stream `position p`."""
        if numbered(self):
            return self.members(stream.integers(start, stop, self.tickets))
        columns = [
            law.tokens(stream.fold_in(f"position {place}").integers(start, stop, law.total))
            for place, law in enumerate(self.laws)
        ]
        return np.stack(columns, axis=1)

    def members(self, tickets: Tickets) -> Int[np.ndarray, "n positions"]:
        """The sequence of each ticket: its digits in the totals, each in its token's stretch."""
        return self._tokens(digits(tickets, self._totals))

    def firsts(self, tickets: Tickets) -> Tickets:
        """Digits at the beginning of their tokens' stretches."""
        if self.uniform:
            return tickets
        columns = zip(self.laws, self.members(tickets).T, strict=True)
        starts = [(law.ends - law.array)[column] for law, column in columns]
        return number(np.stack(starts, axis=1), self._totals)

    def listing(self, start: int, stop: int) -> tuple[Int[np.ndarray, "n positions"], Counts]:
        """The sequences that occur, in the order of their tokens."""
        places = digits(np.arange(start, stop), tuple(map(len, self._occurring)))
        columns = zip(self._occurring, places.T, strict=True)
        tokens = np.stack([occurring[place] for occurring, place in columns], axis=1)
        counts = np.ones(len(tokens), dtype=np.int64 if self.tickets < _FITS else object)
        for law, column in zip(self.laws, tokens.T, strict=True):
            counts = counts * law.array.astype(counts.dtype)[column]
        return tokens, counts

    def handed(self, batch: Int[np.ndarray, "n positions"]) -> Int[np.ndarray, "n positions"]:
        """The tokens, a copy: a check that writes on them changes no member."""
        return batch.copy()

    def _tokens(self, rows: Int[np.ndarray, "n positions"]) -> Int[np.ndarray, "n positions"]:
        columns = zip(self.laws, rows.T, strict=True)
        return np.stack([law.tokens(column) for law, column in columns], axis=1)


def _weights(given: Prior | Sequence[int]) -> tuple[int, ...]:
    return given.weights if isinstance(given, Prior) else tuple(map(_plain, given))


def _plain(weight: Any) -> Any:
    return weight.item() if isinstance(weight, np.generic) else weight
