"""Laws of sequences, and how often they meet a pair of tokens or a row (Theorem 4.38)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int

from probbound.arithmetic.rounding import ratio_up
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.tasks.max_of_k.structured.families import UNIT

Tokens = Int[np.ndarray, "n length"]
Numbers = Int[np.ndarray, " d_vocab"]


@runtime_checkable
class Law(Protocol):
    """A law of sequences over the tokens 0 … d_vocab - 1, uniform over those that it `holds`.

    `pair_density` is the largest probability of two given tokens at two given positions, and
    `token_density` of one at one, as multiples of the uniform law's.
    """

    @property
    def d_vocab(self) -> int:
        """Number of tokens."""
        ...

    @property
    def length(self) -> int:
        """Number of positions of a sequence."""
        ...

    @property
    def name(self) -> str:
        """For random streams; no two laws of a family have the same."""
        ...

    @property
    def pair_density(self) -> Fraction:
        """d_vocab² times the largest probability of a pair of tokens at two positions."""
        ...

    @property
    def token_density(self) -> Fraction:
        """d_vocab times the largest probability of a token at a position."""
        ...

    def row_meetings(self, near: int) -> Numbers:
        """At least P(token t is in x and less than `near` below the label), in units of 1/UNIT."""
        ...

    def last_among(self, tokens: Bool[np.ndarray, " d_vocab"]) -> float:
        """At least the probability that the last token is one of these."""
        ...

    def holds(self, tokens: Tokens) -> Bool[np.ndarray, " n"]:
        """Which sequences have a positive probability, the same for all that have."""
        ...

    def sample(self, stream: Stream, start: int, stop: int) -> Tokens:
        """Draws number `start` to `stop` - 1, independent of one another."""
        ...


@dataclass(frozen=True)
class Among:
    """Independent tokens, uniform over some of the vocabulary (all of it if `tokens` is None).

    Raises:
        UserError: if there are no tokens, one is not of the vocabulary, or one comes twice.
    """

    d_vocab: int
    length: int
    tokens: tuple[int, ...] | None = None
    name: str = "all tokens"

    def __post_init__(self) -> None:
        some = self.tokens
        if some is not None and not (
            some and len(set(some)) == len(some) and 0 <= min(some) <= max(some) < self.d_vocab
        ):
            raise UserError(
                f"{self.name} needs different tokens from 0 to {self.d_vocab - 1}, at least one"
            )

    @cached_property
    def array(self) -> Int[np.ndarray, " n"]:
        """The tokens, the least first."""
        return np.arange(self.d_vocab) if self.tokens is None else np.sort(self.tokens)

    @cached_property
    def _member(self) -> Bool[np.ndarray, " d_vocab"]:
        return np.isin(np.arange(self.d_vocab), self.array)

    @property
    def pair_density(self) -> Fraction:
        """The square of `token_density`: tokens are independent."""
        return self.token_density**2

    @property
    def token_density(self) -> Fraction:
        """The vocabulary over the number of tokens."""
        return Fraction(self.d_vocab, len(self.array))

    def row_meetings(self, near: int) -> Numbers:
        """Exactly that probability, rounded up."""
        n, k = len(self.array), self.length
        by_rank = _meetings_by_rank(n, k)
        below = np.searchsorted(self.array, np.minimum(self.array + near, self.d_vocab))
        found = np.zeros(self.d_vocab, dtype=np.int64)
        found[self.array] = by_rank[below - 1]
        return found

    def last_among(self, tokens: Bool[np.ndarray, " d_vocab"]) -> float:
        """Exactly that probability."""
        return ratio_up(int(tokens[self.array].sum()), len(self.array))

    def holds(self, tokens: Tokens) -> Bool[np.ndarray, " n"]:
        """Those of these tokens alone."""
        return np.all(self._member[tokens], axis=1)

    def sample(self, stream: Stream, start: int, stop: int) -> Tokens:
        """Independent draws."""
        n, k = len(self.array), self.length
        return self.array[stream.integers(start * k, stop * k, n)].reshape(stop - start, k)


@dataclass(frozen=True)
class Checksum:
    """Uniform over the sequences whose tokens add up to `index` modulo `classes`.

    No two classes have a sequence in common, and in each any length - 1 positions are uniform and
    independent, so that all classes meet pairs, rows and last tokens alike.

    Raises:
        UserError: if `classes` does not divide d_vocab, or sequences are shorter than 3.
    """

    d_vocab: int
    length: int
    classes: int
    index: int

    def __post_init__(self) -> None:
        if self.length < 3 or self.classes < 1 or self.d_vocab % self.classes:
            raise UserError(
                f"classes of a checksum need a divisor of {self.d_vocab} and sequences of at least "
                f"3 tokens, got {self.classes} and {self.length}"
            )

    @property
    def name(self) -> str:
        """For random streams."""
        return f"checksum {self.index} modulo {self.classes}"

    @property
    def pair_density(self) -> Fraction:
        """That of the uniform law."""
        return Fraction(1)

    @property
    def token_density(self) -> Fraction:
        """That of the uniform law."""
        return Fraction(1)

    def row_meetings(self, near: int) -> Numbers:
        """k/v · (y/v)^(k-2) with y = min(t + near, v), rounded up."""
        return _checksum_meetings(self.d_vocab, self.length, near)

    def last_among(self, tokens: Bool[np.ndarray, " d_vocab"]) -> float:
        """Exactly that probability."""
        return ratio_up(int(tokens.sum()), self.d_vocab)

    def holds(self, tokens: Tokens) -> Bool[np.ndarray, " n"]:
        """Those of this class."""
        return tokens.sum(axis=1) % self.classes == self.index

    def sample(self, stream: Stream, start: int, stop: int) -> Tokens:
        """The tokens after the first are uniform; the first is, among those that fit."""
        v, k, c = self.d_vocab, self.length, self.classes
        free = stream.integers(start * (k - 1), stop * (k - 1), v).reshape(stop - start, k - 1)
        first = stream.fold_in("first").integers(start, stop, v // c)
        rest = (self.index - free.sum(axis=1)) % c
        return np.concatenate([(first * c + rest)[:, None], free], axis=1)


@lru_cache(maxsize=64)
def _meetings_by_rank(n: int, k: int) -> Numbers:
    """P(a given one of the first y of n tokens is in x and no later one), for y = 1 … n."""
    return np.array([_units(y**k - (y - 1) ** k, n**k) for y in range(1, n + 1)], dtype=np.int64)


@lru_cache(maxsize=64)
def _checksum_meetings(v: int, k: int, near: int) -> Numbers:
    reach = [min(t + near, v) for t in range(v)]
    return np.array([_units(k * y ** (k - 2), v ** (k - 1)) for y in reach], dtype=np.int64)


def _units(numerator: int, denominator: int) -> int:
    return -(-(UNIT * numerator) // denominator)
