"""Tasks: a population of inputs, a prior over it, and the right answer to each."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from probbound.draws.random_streams import Stream


@runtime_checkable
class Task(Protocol):
    """Inputs are rows of integers; each has one right answer."""

    name: ClassVar[str]

    @property
    def answers(self) -> int:
        """Right answers that there are: who guesses among them is right once in so many."""
        ...

    @property
    def mass(self) -> int | None:
        """The mass of all inputs under the prior, an exact integer; None where it is not known."""
        ...

    @property
    def size(self) -> int | None:
        """Number of inputs, as an exact integer; None where they are only drawn."""
        ...

    def labels(self, inputs: Int[np.ndarray, "n k"], /) -> Int[np.ndarray, " n"]:
        """The right answers."""
        ...

    def sample(self, stream: Stream, start: int, stop: int) -> Int[np.ndarray, "n k"]:
        """Draws number `start` to `stop` - 1 from the prior, independent of one another."""
        ...

    def statement(self) -> dict[str, Any]:
        """The inputs as a claim states them, in JSON values: what another checker needs.

        Of any task there are their `kind`, their number `size`, None where they are only drawn
        by a law of their own, and the law they are drawn from as `prior`, None if all are equally
        likely.
        """
        ...
