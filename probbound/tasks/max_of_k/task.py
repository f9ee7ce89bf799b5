"""Max-of-K: sequences of tokens whose right answer is the largest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int

from probbound.arithmetic.scalars import MOST_DIGITS, whole
from probbound.draws.priors import Prior
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.attention_only.transformer import Transformer


@dataclass(frozen=True)
class MaxOfK:
    """Tokens are independent, from `prior` at every position (None: uniform).

    The answer is the largest token.

    Raises:
        UserError: if there are no inputs, or 10^MOST_DIGITS of them or more, or the prior is over
            another number of tokens.
    """

    d_vocab: int
    n_ctx: int
    prior: Prior | None = None
    name: ClassVar[str] = "max-of-k"

    def __post_init__(self) -> None:
        for size in ("d_vocab", "n_ctx"):
            number = whole(f"{size} of max-of-k", getattr(self, size))
            object.__setattr__(self, size, number)
        if self.d_vocab < 1 or self.n_ctx < 1:
            raise UserError(
                f"max-of-k needs d_vocab and n_ctx of at least 1, got {self.d_vocab} and "
                f"{self.n_ctx}"
            )
        if self.n_ctx * math.log10(self.d_vocab) >= MOST_DIGITS:
            raise UserError(
                f"max-of-k has {self.d_vocab}^{self.n_ctx} inputs here, more than the "
                f"10^{MOST_DIGITS} that a certificate can count; use a shorter context"
            )
        if self.prior is not None and len(self.prior.weights) != self.d_vocab:
            raise UserError(
                f"the prior is over {len(self.prior.weights)} tokens, but d_vocab is {self.d_vocab}"
            )

    @cached_property
    def law(self) -> Prior:
        """The prior over tokens."""
        return self.prior or Prior.uniform(self.d_vocab)

    @property
    def mass(self) -> int:
        """The mass of all inputs, the sum of the products of their tokens' weights."""
        return self.law.total**self.n_ctx

    @property
    def size(self) -> int:
        """d_vocab^n_ctx."""
        return self.d_vocab**self.n_ctx

    @property
    def answers(self) -> int:
        """Right answers that there are."""
        return self.d_vocab

    def statement(self) -> dict[str, Any]:
        """The inputs as a claim states them: tokens of one law at every position."""
        return {
            "kind": "tokens",
            "d_vocab": self.d_vocab,
            "n_ctx": self.n_ctx,
            "prior": self.prior and self.prior.to_json(),
            "size": self.size,
        }

    def labels(self, tokens: Int[np.ndarray, "n n_ctx"]) -> Int[np.ndarray, " n"]:
        """The largest token of each sequence."""
        return tokens.max(axis=1)

    def sample(self, stream: Stream, start: int, stop: int) -> Int[np.ndarray, "n n_ctx"]:
        """Sequences from the prior (Theorem 1.10); draw i depends on `stream` and i alone."""
        words = stream.integers(start * self.n_ctx, stop * self.n_ctx, self.law.total)
        return self.law.tokens(words).reshape(stop - start, self.n_ctx)


def stated(population: Mapping[str, Any]) -> MaxOfK:
    """The task whose inputs a claim states; `statement` gives them back.

    Raises:
        UserError: if there is none.
    """
    prior = population["prior"]
    law = None if prior is None else Prior.from_json(prior)
    return MaxOfK(population["d_vocab"], population["n_ctx"], law)


def task_for(model: Transformer, prior: Prior | None = None, about: str = "") -> MaxOfK:
    """The max-of-K task of a model's own vocabulary and context, uniform by default.

    Raises:
        UserError: if the model has fewer outputs than input tokens, or the task is to be `about`
            something, where nothing is left to say.
    """
    if about:
        raise UserError(f"max-of-k is all that its model says, so it is not about {about!r}")
    if model.d_vocab_out < model.d_vocab:
        raise UserError(
            f"{model.name} has {model.d_vocab_out} outputs for {model.d_vocab} tokens, so it "
            "cannot name every maximum"
        )
    return MaxOfK(model.d_vocab, model.n_ctx, prior)
