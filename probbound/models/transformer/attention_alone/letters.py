"""States of a first layer that looks at the token before, by pairs of tokens (Theorem 10.17)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from probbound.models.transformer.attention_alone.form import LEAST, Form
from probbound.models.transformer.attention_alone.near import FAINT
from probbound.models.transformer.attention_alone.trees import Ranges, Vectors

_WHOLE = 2.0**-40


@dataclass(frozen=True)
class Letters:
    """Letters of a product set, by position, then token, then the token before.

    `tokens` are those of each position, in order; `vectors` and `off` the c and ε of every letter,
    whose position is `place`.
    """

    form: Form
    tokens: tuple[Int[np.ndarray, " _"], ...]
    place: Int[np.ndarray, " letters"]
    vectors: Float[np.ndarray, "letters width"]
    off: Float[np.ndarray, " letters"]

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """How many tokens may stand at each position."""
        return tuple(len(each) for each in self.tokens)

    def shape(self, at: int) -> tuple[int, int]:
        """How many tokens may stand at a position, and before it (1 where nothing does)."""
        return self.sizes[at], self.sizes[at - 1] if at else 1

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """How many letters each position has."""
        return tuple(now * before for now, before in map(self.shape, range(len(self.tokens))))

    @cached_property
    def blocks(self) -> tuple[slice, ...]:
        """Which letters each position has."""
        stops = np.cumsum(self.counts).tolist()
        return tuple(slice(b - c, b) for b, c in zip(stops, self.counts, strict=True))

    def number(self, at: int, now: Any, before: Any) -> Any:
        """The number of a letter; tokens by their number at their position."""
        return self.blocks[at].start + now * self.shape(at)[1] + before

    @cached_property
    def size(self) -> float:
        """Of every state behind the first layer (10.4): σ."""
        return self.form.atom_size * (1 + float(self.form.value_sizes[0, 0])) * (1 + 2.0**-30)

    @cached_property
    def read(self) -> Float[np.ndarray, "members width"]:
        """The V of everything that may stand anywhere, by position."""
        moved = self.form.atoms @ self.form.values[0, 0]
        return np.concatenate([moved[p, t] for p, t in enumerate(self.tokens)])

    def running(
        self, found: Float[np.ndarray, "quantities members"]
    ) -> Float[np.ndarray, "quantities n_ctx"]:
        """The largest up to each position of what is said of everything that may be read."""
        starts = np.cumsum((0, *self.sizes[:-1]))
        return np.maximum.accumulate(np.maximum.reduceat(found, starts, axis=1), axis=1)

    def spreads(
        self, rows: Float[np.ndarray, "quantities width"]
    ) -> Float[np.ndarray, "quantities n_ctx"]:
        """R of every quantity up to each position."""
        found = rows @ self.read.T
        return self.running(found) + self.running(-found)

    def upper(
        self, vectors: Vectors, some: slice = slice(None)
    ) -> Float[np.ndarray, "some quantities"]:
        """At least the quantities of the first layer's state at letters (10.17 a)."""
        near, raised = self.vectors[some] @ vectors.rows.T, 8 * self.form.gamma * self.size
        near += self.off[some, None] * self.spreads(vectors.rows).T[self.place[some]]
        near += raised * vectors.sizes + LEAST
        return near

    def scores(self, at: int, middle: Float[np.ndarray, " width"]) -> Bounds:
        """The second layer's, of queries at a position and keys up to it (10.17 b)."""
        form, matrix = self.form, self.form.scores[1, 0]
        some, seen = self.blocks[at], slice(self.blocks[at].stop)
        keys = self.vectors[seen] - middle
        queries = self.vectors[some] @ matrix
        off = self.off[seen] * self.spreads(queries)[:, self.place[seen]]
        of_queries = self.off[some][:, None]
        off += of_queries * (self.spreads(keys @ matrix.T)[:, at] + self.off[seen] * self._both)
        raised = 32 * form.gamma * float(form.score_sizes[1, 0]) * self.size**2 + LEAST
        near, off = queries @ keys.T, off * (1 + _WHOLE) + raised
        return Bounds(near - off, near + off)

    @cached_property
    def _both(self) -> float:
        form = self.read @ self.form.scores[1, 0] @ self.read.T
        return 2 * float(np.ptp(form, axis=0).max())


@dataclass(frozen=True)
class Bounds:
    """Of scores, up to a number for each query."""

    low: Float[np.ndarray, "queries letters"]
    high: Float[np.ndarray, "queries letters"]

    def weights(
        self,
    ) -> tuple[Float[np.ndarray, "queries letters"], Float[np.ndarray, "queries letters"]]:
        """Bounds of their exponentials, the largest of a query being about 1."""
        top = self.high.max(axis=1, keepdims=True)
        with np.errstate(under="ignore"):
            low = np.exp(self.low - top) * (1 - 2.0**-43)
            high = np.exp(self.high - top) * (1 + 2.0**-43)
        return low, np.maximum(high, 2.0**-1000)


def letters_of(ranges: Ranges, one: Bool[np.ndarray, "n_ctx d_vocab"]) -> Letters:
    """Those of a product set, of a network whose first layer has one head."""
    tokens = tuple(np.flatnonzero(row) for row in one)
    parts = [list(part) for part in zip(*_placed(ranges, tokens), strict=True)]
    place = np.repeat(np.arange(len(tokens)), [len(part) for part in parts[0]])
    return Letters(ranges.form, tokens, place, *map(np.concatenate, parts))


def _placed(
    ranges: Ranges, tokens: tuple[Int[np.ndarray, " _"], ...]
) -> Iterator[tuple[Float[np.ndarray, "letters width"], Float[np.ndarray, " letters"]]]:
    """Of each position the c and ε of its letters."""
    form = ranges.form
    weights, widening = ranges.first_weights[0], ranges.first_widening[0]
    moved = form.atoms @ form.values[0, 0]
    yield form.atoms[0, tokens[0]] + moved[0, tokens[0]], np.zeros(len(tokens[0]))
    for p in range(1, len(tokens)):
        y, z = (x.ravel() for x in np.meshgrid(tokens[p], tokens[p - 1], indexing="ij"))
        own, before = weights[p, y, p, y], weights[p, y, p - 1, z]
        far = np.sum([weights[p, y, s][:, tokens[s]].max(axis=1) for s in range(p - 1)], axis=0)
        faint = own + before < FAINT
        near = np.where(faint, 1.0, own + before)
        share = np.where(faint, 0.5, own / near)[:, None]
        off = far / (near + far) * (1 + 4 * widening + _WHOLE) + 2 * widening + 2.0**-400
        read = share * moved[p, y] + (1 - share) * moved[p - 1, z]
        yield form.atoms[p, y] + read, np.where(faint, 1.0, np.minimum(off, 1.0))
