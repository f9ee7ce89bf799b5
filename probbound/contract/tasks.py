"""Tasks: a population of inputs, a prior over it, and the right answer to each."""

from __future__ import annotations

from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from probbound.draws.priors import Prior
from probbound.draws.random_streams import Stream


@runtime_checkable
class Task(Protocol):
    """Inputs are token sequences; each has one right answer, read at the last position."""

    name: ClassVar[str]

    @property
    def d_vocab(self) -> int:
        """Number of input tokens."""
        ...

    @property
    def n_ctx(self) -> int:
        """Number of positions."""
        ...

    @property
    def prior(self) -> Prior | None:
        """The law that tokens are drawn from at every position, None if it is uniform."""
        ...

    @property
    def mass(self) -> int:
        """The mass of all inputs under the prior, an exact integer."""
        ...

    @property
    def size(self) -> int:
        """Number of inputs, as an exact integer."""
        ...

    def labels(self, tokens: Int[np.ndarray, "n n_ctx"]) -> Int[np.ndarray, " n"]:
        """The right answers."""
        ...

    def sample(self, stream: Stream, start: int, stop: int) -> Int[np.ndarray, "n n_ctx"]:
        """Draws number `start` to `stop` - 1 from the prior, independent of one another."""
        ...
