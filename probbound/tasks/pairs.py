"""What tasks over pairs share: every pair of two operands is as likely as the others."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from probbound.draws.random_streams import Stream
from probbound.populations.product import Product


class Pairs:
    """Inputs are pairs (a, b) of 0 … n - 1, drawn and counted as members of `Product(n, n)`.

    `answers` [n, n] has the class of each pair.
    """

    n_ctx = 2
    prior = None

    @property
    def answers(self) -> Int[np.ndarray, "n n"]:
        """The class of each pair."""
        raise NotImplementedError

    @property
    def d_vocab(self) -> int:
        """Number of values of each operand."""
        return len(self.answers)

    @property
    def population(self) -> Product:
        """All pairs."""
        return Product(self.d_vocab, self.d_vocab)

    @property
    def mass(self) -> int:
        """The number of pairs."""
        return self.population.mass

    @property
    def size(self) -> int:
        """The number of pairs."""
        return self.population.size

    def labels(self, tokens: Int[np.ndarray, "n 2"]) -> Int[np.ndarray, " n"]:
        """The class of each pair."""
        return self.answers[tokens[:, 0], tokens[:, 1]]

    def sample(self, stream: Stream, start: int, stop: int) -> Int[np.ndarray, "n 2"]:
        """Independent draws number `start` to `stop` - 1, with replacement."""
        return self.population.draw(stream, start, stop)
