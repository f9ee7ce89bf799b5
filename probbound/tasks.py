"""Tasks: a population of inputs, a prior over it, and the right answer to each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from probbound.errors import UserError
from probbound.models.transformer import Transformer
from probbound.random_streams import Stream


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
    def size(self) -> int:
        """Number of inputs, as an exact integer."""
        ...

    def labels(self, tokens: Int[np.ndarray, "n n_ctx"]) -> Int[np.ndarray, " n"]:
        """The right answers."""
        ...

    def sample(self, stream: Stream, start: int, stop: int) -> Int[np.ndarray, "n n_ctx"]:
        """Draws number `start` to `stop` - 1 from the prior, independent of one another."""
        ...


@dataclass(frozen=True)
class MaxOfK:
    """Inputs uniform over d_vocab^n_ctx; the answer is the largest token."""

    d_vocab: int
    n_ctx: int
    name: ClassVar[str] = "max-of-k"

    def __post_init__(self) -> None:
        if self.d_vocab < 1 or self.n_ctx < 1:
            raise UserError(
                f"max-of-k needs d_vocab and n_ctx of at least 1, got {self.d_vocab} and "
                f"{self.n_ctx}"
            )

    @property
    def size(self) -> int:
        """d_vocab^n_ctx."""
        return self.d_vocab**self.n_ctx

    def labels(self, tokens: Int[np.ndarray, "n n_ctx"]) -> Int[np.ndarray, " n"]:
        """The largest token of each sequence."""
        return tokens.max(axis=1)

    def sample(self, stream: Stream, start: int, stop: int) -> Int[np.ndarray, "n n_ctx"]:
        """Uniform sequences; draw i depends on `stream` and i alone."""
        words = stream.integers(start * self.n_ctx, stop * self.n_ctx, self.d_vocab)
        return words.reshape(stop - start, self.n_ctx)


def task_for(model: Transformer) -> MaxOfK:
    """The max-of-K task of a model's own vocabulary and context.

    Raises:
        UserError: if the model has fewer outputs than input tokens.
    """
    if model.d_vocab_out < model.d_vocab:
        raise UserError(
            f"{model.name} has {model.d_vocab_out} outputs for {model.d_vocab} tokens, so it "
            "cannot name every maximum"
        )
    return MaxOfK(model.d_vocab, model.n_ctx)
