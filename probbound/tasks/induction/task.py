"""Sequences whose last token has stood before; the right answer is what followed it there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from jaxtyping import Bool, Int

from probbound.arithmetic.scalars import MOST_DIGITS, whole
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.populations.paths import Paths
from probbound.populations.product_sets import ProductSets

Repeats = Literal["once", "any"]


@dataclass(frozen=True)
class Induction:
    """Sequences of `n_ctx` tokens, all of a set equally likely, by Definition 10.1.

    `repeats` is "once" if the last token stands exactly once more, at one of the first n_ctx - 2
    places, and "any" if it stands anywhere before. The answer follows its latest such place.

    Raises:
        UserError: if there are no such sequences, or 10^MOST_DIGITS of them or more.
    """

    d_vocab: int
    n_ctx: int
    repeats: Repeats = "once"
    name: ClassVar[str] = "induction"

    def __post_init__(self) -> None:
        for size in ("d_vocab", "n_ctx"):
            object.__setattr__(self, size, whole(f"{size} of induction", getattr(self, size)))
        if self.repeats not in get_args(Repeats):
            raise UserError(
                f"repeats must be one of {', '.join(get_args(Repeats))}, got {self.repeats!r}"
            )
        least = 3 if self.repeats == "once" else 2
        if self.d_vocab < 2 or self.n_ctx < least:
            raise UserError(
                f"induction needs d_vocab of at least 2 and n_ctx of at least {least}, got "
                f"{self.d_vocab} and {self.n_ctx}"
            )
        if self.n_ctx * math.log10(self.d_vocab) >= MOST_DIGITS:
            raise UserError(
                f"induction has about {self.d_vocab}^{self.n_ctx} inputs here, more than the "
                f"10^{MOST_DIGITS} that a certificate can count; use a shorter context"
            )

    @property
    def size(self) -> int:
        """The number of sequences (Theorem 10.2)."""
        v, n = self.d_vocab, self.n_ctx
        if self.repeats == "once":
            return v * (n - 2) * (v - 1) ** (n - 2)
        return v * (v ** (n - 1) - (v - 1) ** (n - 1))

    @property
    def mass(self) -> int:
        """The number of sequences."""
        return self.size

    @property
    def answers(self) -> int:
        """Right answers that there are."""
        return self.d_vocab

    def statement(self) -> dict[str, Any]:
        """The sequences as a claim states them."""
        return {
            "kind": "induction",
            "repeats": self.repeats,
            "d_vocab": self.d_vocab,
            "n_ctx": self.n_ctx,
            "prior": None,
            "size": self.size,
        }

    @property
    def population(self) -> EverySequence:
        """All of them by number."""
        return EverySequence(self)

    def labels(self, tokens: Int[np.ndarray, "n n_ctx"]) -> Int[np.ndarray, " n"]:
        """What follows the last token where it stood last before."""
        place = matched(tokens)
        return tokens[np.arange(len(tokens)), place + 1]

    def sample(self, stream: Stream, start: int, stop: int) -> Int[np.ndarray, "n n_ctx"]:
        """Draws number `start` to `stop` - 1, uniform and independent (Theorems 10.2 and 10.19)."""
        drawn = _once if self.repeats == "once" else _any
        return drawn(self.d_vocab, self.n_ctx, stream, start, stop)


@dataclass(frozen=True)
class EverySequence:
    """The sequences of a task by number: by query and place, then by their other tokens."""

    task: Induction

    @cached_property
    def _sets(self) -> ProductSets:
        task = self.task
        at = ((q, i) for q in range(task.d_vocab) for i in places(task.n_ctx, task.repeats))
        return ProductSets(np.stack([matched_at(task, *each) for each in at]))

    def members(self, tickets: Int[np.ndarray, " n"]) -> Int[np.ndarray, "n n_ctx"]:
        """The sequence of each number."""
        return self._sets.sequences(tickets)


def places(n_ctx: int, repeats: Repeats) -> range:
    """Where the last token may have stood last."""
    return range(n_ctx - (2 if repeats == "once" else 1))


def matched_at(task: Induction, query: int, place: int) -> Bool[np.ndarray, "n_ctx d_vocab"]:
    """All sequences with a last token that stood last before at a place (Theorem 10.2)."""
    allowed = np.ones((task.n_ctx, task.d_vocab), dtype=bool)
    allowed[place + 1 :, query] = False
    if task.repeats == "once":
        allowed[:place, query] = False
    for at in (place, task.n_ctx - 1):
        allowed[at] = False
        allowed[at, query] = True
    return allowed


def matched(tokens: Int[np.ndarray, "n n_ctx"]) -> Int[np.ndarray, " n"]:
    """The latest place before the last at which the last token stands."""
    at = np.ascontiguousarray(tokens.T)
    place = np.arange(len(at) - 1, dtype=np.min_scalar_type(len(at)))
    return ((at[:-1] == at[-1]) * place[:, None]).max(axis=0).astype(np.int64)


def stated(population: Mapping[str, Any]) -> Induction:
    """The task whose inputs a claim states; `statement` gives them back.

    Raises:
        UserError: if there is none.
    """
    return Induction(population["d_vocab"], population["n_ctx"], population["repeats"])


def _once(v: int, n: int, stream: Stream, start: int, stop: int) -> Int[np.ndarray, "n n_ctx"]:
    query = stream.fold_in("query").integers(start, stop, v)
    place = stream.fold_in("place").integers(start, stop, n - 2)
    tokens = _others(v, n, stream, start, query)
    tokens[:, -1] = query
    tokens[np.arange(len(tokens)), place] = query
    return tokens


def _any(v: int, n: int, stream: Stream, start: int, stop: int) -> Int[np.ndarray, "n n_ctx"]:
    query = stream.fold_in("query").integers(start, stop, v)
    stood = _standing(v, n).draw(stream.fold_in("stood"), start, stop).astype(bool)
    stood = np.concatenate([np.zeros((stop - start, 1), dtype=bool), stood], axis=1)
    tokens = _others(v, n, stream, start, query)
    tokens[:, -1] = query
    before, now = stood[:, :-1], stood[:, 1:]
    free = stream.fold_in("free").integers(start * n, stop * n, v).reshape(-1, n)
    tokens[:, :-1] = np.where(before, free[:, :-1], np.where(now, query[:, None], tokens[:, :-1]))
    return tokens


def _others(
    v: int, n: int, stream: Stream, start: int, query: Int[np.ndarray, " n"]
) -> Int[np.ndarray, "n n_ctx"]:
    """Tokens that are not the query's."""
    stop = start + len(query)
    tokens = stream.fold_in("others").integers(start * n, stop * n, v - 1).reshape(-1, n)
    tokens += tokens >= query[:, None]
    return tokens


@cache
def _standing(v: int, n: int) -> Paths:
    """Whether a token has stood at a place or before it, over all but the last place of "any"."""
    on, end = ((v - 1, 0), (1, v)), ((0, 0), (1, v))
    if n == 2:
        return Paths((0, 1), ())
    return Paths((v - 1, 1), (*[on] * (n - 3), end))
