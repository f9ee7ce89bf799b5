"""The sequences of induction: their number, sets, labels and draws (10.1 and 10.2)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from probbound.check.report import Refused
from probbound.check.stream import Stream

MOST_DRAWS = 1 << 36
_AT_ONCE = 1 << 14


class Case(NamedTuple):
    """Sequences with a set of tokens for every place, `allowed` (n, v), that have one label."""

    allowed: np.ndarray
    label: int

    @property
    def number(self) -> int:
        """How many sequences there are."""
        number = 1
        for tokens in self.allowed.sum(axis=1).tolist():
            number *= tokens
        return number


@dataclass(frozen=True)
class Sequences:
    """n of v tokens, whose last one stands `once` before, or at least once."""

    v: int
    n: int
    once: bool

    @classmethod
    def of(cls, population: Mapping[str, Any]) -> Sequences:
        """Those that a claim states."""
        return cls(population["d_vocab"], population["n_ctx"], population["repeats"] == "once")

    @property
    def size(self) -> int:
        """How many there are."""
        v, n = self.v, self.n
        if self.once:
            return v * (n - 2) * (v - 1) ** (n - 2)
        return v * (v ** (n - 1) - (v - 1) ** (n - 1))

    @property
    def places(self) -> range:
        """Where the last token may have stood last."""
        return range(self.n - 2 if self.once else self.n - 1)

    def matched(self, query: int, place: int) -> np.ndarray:
        """The set (n, v) of those with such a last token, that stood last at such a place."""
        allowed = np.ones((self.n, self.v), dtype=bool)
        allowed[0 if self.once else place :, query] = False
        allowed[[place, self.n - 1]] = np.arange(self.v) == query
        return allowed

    def case(self, query: int, place: int, label: int) -> Case:
        """Those of them in which such a token follows the place."""
        allowed = self.matched(query, place)
        allowed[place + 1] &= np.arange(self.v) == label
        return Case(allowed, label)

    def cases(self) -> Iterator[Case]:
        """All of them by query, place and label."""
        for query in range(self.v):
            for place in self.places:
                follows = np.flatnonzero(self.matched(query, place)[place + 1])
                yield from (self.case(query, place, int(label)) for label in follows)

    def drawn(self, stream: Stream, draws: int) -> Iterator[np.ndarray]:
        """Draws in parts (m, n), each of them uniform.

        Raises:
            Refused: if there are more than are independently re-checked.
        """
        if draws > MOST_DRAWS:
            raise Refused(f"{draws} draws are more than are independently re-checked")
        for start in range(0, draws, _AT_ONCE):
            stop = min(start + _AT_ONCE, draws)
            yield (self._once if self.once else self._any)(stream, start, stop)

    def cases_drawn(self, stream: Stream, draws: int, given: int) -> Iterator[Case]:
        """Cases around draws, so many of the places that are free given at random (10.12)."""
        numbers = range(self.n)
        for start, tokens in zip(
            range(0, draws, _AT_ONCE), self.drawn(stream.named("sequences"), draws), strict=True
        ):
            ranks = [
                stream.named(str(k)).below(self.n - 3 - k, start, start + len(tokens))
                for k in range(given)
            ]
            for row, place, *chosen in zip(tokens, places_of(tokens), *ranks, strict=True):
                free = [p for p in numbers if p not in (place, place + 1, self.n - 1)]
                case = self.case(int(row[-1]), int(place), int(row[place + 1]))
                for rank in chosen:
                    known = free.pop(int(rank))
                    case.allowed[known] &= np.arange(self.v) == row[known]
                yield case

    def number_of_cases(self, given: int) -> int:
        """How many there are with so many of the places that are free given (10.12 b)."""
        others = self.v - 1
        return self.v * (self.n - 2) * math.comb(self.n - 3, given) * others ** (given + 1)

    def every_case(self, given: int) -> Iterator[Case]:
        """All of them."""
        for query, place in itertools.product(range(self.v), self.places):
            others = [token for token in range(self.v) if token != query]
            free = [p for p in range(self.n - 1) if p not in (place, place + 1)]
            for label in others:
                for known in itertools.combinations(free, given):
                    for tokens in itertools.product(others, repeat=given):
                        case = self.case(query, place, label)
                        case.allowed[list(known)] &= np.equal.outer(tokens, np.arange(self.v))
                        yield case

    def _once(self, stream: Stream, start: int, stop: int) -> np.ndarray:
        query = stream.named("query").below(self.v, start, stop)
        place = stream.named("place").below(self.n - 2, start, stop)
        tokens = self._others(stream, query, start)
        tokens[:, -1] = tokens[np.arange(len(tokens)), place] = query
        return tokens

    def _any(self, stream: Stream, start: int, stop: int) -> np.ndarray:
        """From the last place to the first: if q stands there or before, whether before (10.19)."""
        v, query = self.v, stream.named("query").below(self.v, start, stop)
        tokens = self._others(stream, query, start)
        tokens[:, -1] = query
        free = stream.named("free").below(v, start * self.n, stop * self.n).reshape(-1, self.n)
        inside = np.ones(len(query), dtype=bool)
        for p in range(self.n - 2, -1, -1):
            none, all_ = (v - 1) ** p, v**p
            if p:
                odds = none, v * (all_ - none)
                before = stream.named("stood", str(p - 1)).chosen(odds, start, stop) == 1
            else:
                before = np.zeros(len(query), dtype=bool)
            tokens[inside, p] = np.where(before, free[:, p], query)[inside]
            inside = inside & before
        return tokens

    def _others(self, stream: Stream, query: np.ndarray, start: int) -> np.ndarray:
        """Tokens other than the last, for every place."""
        stop = start + len(query)
        tokens = stream.named("others").below(self.v - 1, start * self.n, stop * self.n)
        tokens = tokens.reshape(-1, self.n)
        return tokens + (tokens >= query[:, None])


def places_of(tokens: np.ndarray) -> np.ndarray:
    """The latest place (m,) at which the last token of a sequence (m, n) stood before."""
    earlier = tokens[:, :-1] == tokens[:, -1:]
    return np.where(earlier, np.arange(earlier.shape[1]), -1).max(axis=1)


def labels_of(tokens: np.ndarray) -> np.ndarray:
    """What followed it there, the right answer (m,)."""
    return tokens[np.arange(len(tokens)), places_of(tokens) + 1]
