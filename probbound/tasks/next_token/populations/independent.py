"""Rows that are only drawn, independent of one another, so that no number of them is all."""

from __future__ import annotations

from typing import Never

import numpy as np
from jaxtyping import Int

from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.transformer.answering import PILOT
from probbound.strategies.laws import FixedOrInterrupted, Law, Sequential
from probbound.strategies.levels import MOST_DRAWS, Inputs, Source
from probbound.tasks.next_token.populations.contract import Rows

_DRAWN = "rows of a law or a generator are no list; they are drawn"
PILOT_STREAM = Stream.from_seed(0).fold_in("arithmetic pilot")  # no certifying draw is of it


class Independent:
    """What a law and a generator have in common (Theorem 9.12)."""

    @property
    def size(self) -> None:
        """Draws are independent."""

    @property
    def most(self) -> int:
        """As many draws as are drawn again by a checker."""
        return MOST_DRAWS

    @property
    def beginning(self) -> Int[np.ndarray, " p"]:
        """Nothing is known of what is not drawn yet."""
        return np.zeros(0, dtype=np.int64)

    @property
    def pilot(self) -> Rows:
        """Draws of a stream of their own (9.7)."""
        return self.sample(PILOT_STREAM, 0, PILOT)

    def listing(self) -> Never:
        """There is no list."""
        raise UserError(_DRAWN)

    def members(self, tickets: Int[np.ndarray, " n"]) -> Never:
        """Rows have no numbers."""
        raise UserError(_DRAWN)

    def sample(self, stream: Stream, start: int, stop: int) -> Rows:
        """Draws number `start` to `stop` - 1."""
        raise NotImplementedError

    def source(self, stream: Stream, number: int, chunk: int) -> Source:
        """Draws in order."""
        return Inputs(self, stream, chunk)

    def bounding(self, delta: float, *, anytime: bool) -> Law:
        """Clopper and Pearson's with a reserve for an interruption, or the mixture at any time."""
        return Sequential(delta) if anytime else FixedOrInterrupted(delta)
