"""What tasks over pairs share: every pair of two operands is as likely as the others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int

from probbound.draws.random_streams import Stream
from probbound.populations.product import Product
from probbound.tasks.pairs.folded import Labelling


class Pairs(ABC):
    """Inputs are pairs (a, b) of 0 … n - 1, drawn and counted as members of `Product(n, n)`.

    `table` [n, n] has the right answer to each pair, one of 0 … n - 1.
    """

    name: ClassVar[str]

    @cached_property
    def table(self) -> Int[np.ndarray, "n n"]:
        """The right answer to each pair."""
        return self._tabled()

    @property
    def labelling(self) -> Labelling:
        """The right answers as screens read them: [a, b]."""
        return self.table

    @abstractmethod
    def _tabled(self) -> Int[np.ndarray, "n n"]:
        """The right answer to each pair, worked out."""

    @property
    def answers(self) -> int:
        """Right answers that there are, and values of each operand."""
        return len(self.table)

    @property
    def population(self) -> Product:
        """All pairs."""
        return Product(self.answers, self.answers)

    @property
    def mass(self) -> int:
        """The number of pairs."""
        return self.population.mass

    @property
    def size(self) -> int:
        """The number of pairs."""
        return self.population.size

    def statement(self) -> dict[str, Any]:
        """The pairs as a claim states them."""
        return {**self.population.statement(), "prior": None, "size": self.size}

    def labels(self, inputs: Int[np.ndarray, "n 2"]) -> Int[np.ndarray, " n"]:
        """The right answer to each pair."""
        return self.table[inputs[:, 0], inputs[:, 1]]

    def sample(self, stream: Stream, start: int, stop: int) -> Int[np.ndarray, "n 2"]:
        """Independent draws number `start` to `stop` - 1, with replacement."""
        return self.population.draw(stream, start, stop)
