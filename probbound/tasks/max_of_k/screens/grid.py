"""Counting the uncertified sequences of max-of-K on a grid, for any n_ctx (Theorem 1.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import numpy as np
from jaxtyping import Bool, Int, UInt64

from probbound.arithmetic.rounding import FLOOR, gamma
from probbound.contract.residue import Tickets, located
from probbound.draws.priors import Prior
from probbound.draws.random_streams import Stream
from probbound.machine.parallel import parallel_map
from probbound.models.attention_only.additive import AdditiveTables, label_term_flops, label_terms
from probbound.models.attention_only.transformer import Transformer
from probbound.tasks.max_of_k.screens.knapsack import (
    Scale,
    convolution_length,
    root_counts,
    tables_of,
    tuples_by_number,
)

CHUNK_STATES = 1 << 21


@dataclass(frozen=True)
class Problems:
    """The additive terms of one head and query as knapsacks, one a label that is not certified.

    A token's price is how far its term falls short of the best one, in grid steps rounded down;
    the capacity, grid_points steps, is how far the best sequence is from being certified.
    """

    prices: Int[np.ndarray, "batch positions tokens"]
    required: Int[np.ndarray, " batch"]
    must_contain: Bool[np.ndarray, " batch"]

    def parts(self, size: int) -> Iterator[Problems]:
        """The same problems, at most `size` at a time."""
        for at in range(0, len(self.required), size):
            yield self._rows(slice(at, at + size))

    def of_label(self, label: int) -> Problems:
        """The one problem of a label."""
        at = int(np.searchsorted(self.required, label))
        return self._rows(slice(at, at + 1))

    def _rows(self, rows: slice) -> Problems:
        return Problems(self.prices[rows], self.required[rows], self.must_contain[rows])


def problems_of(tables: AdditiveTables, head: int, query: int, grid_points: int) -> Problems:
    """Knapsacks for all labels >= query that have an uncertified sequence.

    What is added to the slack covers its own rounding and underflow (Theorem 5.5); a price that
    is not a number is free.
    """
    terms = label_terms(tables, head, query)
    labels = np.arange(query, tables.d_vocab)
    allowed = np.arange(tables.d_vocab)[:, None] <= labels
    free = np.where(allowed, terms[:-1], -np.inf)
    best = free.max(axis=1, initial=-np.inf)
    last = terms[-1, query]
    size = np.abs(last) + np.abs(best).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        slack = last + best.sum(axis=0) + (2 * gamma(tables.n_ctx + 4) * size + 2 * FLOOR)
        alive = ~(slack < 0)
        short = (best[:, None] - free)[..., alive]
        steps = short / slack[alive] * (grid_points * (1 - 2.0**-48))
    steps = np.where(steps > 0, np.minimum(steps, grid_points + 1), 0)
    prices = np.moveaxis(np.floor(steps).astype(np.int64), 2, 0)
    return Problems(prices, labels[alive], labels[alive] > query)


@dataclass(frozen=True)
class GridResidue:
    """Counts on a grid; a ticket is a unit of the scale of one (head, query, label).

    A case has its units as often as its query's weight (Theorem 1.11). With several heads a
    sequence may be uncertified for more than one; it is counted for each, and its tickets beyond
    the first head's are blank.
    """

    tables: AdditiveTables
    law: Prior
    grid_points: int
    scale: Scale
    cases: Int[np.ndarray, "n_cases 3"]
    counts: Int[np.ndarray, " n_cases"]

    @property
    def tickets(self) -> int:
        """Number of tickets."""
        return int(self.counts.sum())

    @property
    def size(self) -> Fraction:
        """Tickets times the mass a ticket stands for, at most all of it."""
        everything = self.law.total**self.tables.n_ctx
        return Fraction(min(self.tickets << self.scale.exponents[-1], everything))

    def members(self, ranks: Int[np.ndarray, " n"], stream: Stream, start: int) -> Tickets:
        """The tickets number `ranks`."""
        free = self.tables.n_ctx - 1
        words = stream.words(start * free, (start + len(ranks)) * free).reshape(len(ranks), free)
        found, numbers = located(ranks, self.counts)
        numbers = numbers // self.law.array[self.cases[found, 1]]
        tokens = np.zeros((len(ranks), self.tables.n_ctx), dtype=np.int64)
        blank = np.zeros(len(ranks), dtype=bool)
        drawn = _groups(self.cases[found, 0] * self.tables.d_vocab + self.cases[found, 1])

        def unrank(group: Int[np.ndarray, " m"]) -> None:
            cases = self.cases[found[group]]
            tokens[group], blank[group] = self._unrank(cases, numbers[group], words[group])

        for _ in parallel_map(unrank, drawn, "drawing"):
            pass
        return Tickets(tokens, blank)

    def draw_flops(self, draws: int) -> int:
        """Operations of `members`."""
        return grid_draw_flops(self.tables, self.grid_points, draws)

    def _unrank(
        self,
        cases: Int[np.ndarray, "n 3"],
        numbers: Int[np.ndarray, " n"],
        words: UInt64[np.ndarray, "n free"],
    ) -> tuple[Int[np.ndarray, "n n_ctx"], Bool[np.ndarray, " n"]]:
        """Tokens and blanks of tickets that share their head and query."""
        head, query = map(int, cases[0, :2])
        problems = problems_of(self.tables, head, query, self.grid_points)
        tokens = np.full((len(cases), self.tables.n_ctx), query)
        blank = np.zeros(len(cases), dtype=bool)
        for group in _groups(cases[:, 2]):
            one = problems.of_label(int(cases[group[0], 2]))
            tables = tables_of(
                one.prices, one.required, self.grid_points, self.scale, self.law.array
            )
            tokens[group, :-1], blank[group] = tuples_by_number(
                one.prices[0],
                int(one.required[0]),
                bool(one.must_contain[0]),
                self.grid_points,
                self.scale,
                tables,
                self.law.array,
                numbers[group],
                words[group],
            )
        for earlier in range(head):
            blank |= self.contains(earlier, tokens)
        return tokens, blank

    def contains(self, head: int, tokens: Int[np.ndarray, "n n_ctx"]) -> Bool[np.ndarray, " n"]:
        """Which sequences are counted as not certified for `head`."""
        inside = np.zeros(len(tokens), dtype=bool)
        for group in _groups(tokens[:, -1]):
            problems = problems_of(self.tables, head, int(tokens[group[0], -1]), self.grid_points)
            labels = tokens[group].max(axis=1)
            row = np.searchsorted(problems.required, labels)
            present = np.isin(labels, problems.required)
            row[~present] = 0
            if present.any():
                free = np.arange(self.tables.n_ctx - 1)
                paid = problems.prices[row[:, None], free, tokens[group, :-1]].sum(axis=1)
                inside[group] = present & (paid <= self.grid_points)
        return inside


def count_on_grid(
    tables: AdditiveTables, grid_points: int, law: Prior | None = None
) -> GridResidue:
    """The residue of the additive screen, each term rounded to a grid in the safe direction.

    Its mass is that under `law`, uniform by default.
    """
    v, heads = tables.d_vocab, tables.n_heads
    law = law or Prior.uniform(v)
    scale = Scale.fitting(law.total, tables.n_ctx - 1, heads * v * (v if law.is_uniform else 1))
    pairs = [(head, query) for head in range(heads) for query in range(v)]
    count = partial(_count_pair, tables, law, grid_points, scale)
    rows = np.concatenate(list(parallel_map(count, pairs, "counting")))
    return GridResidue(tables, law, grid_points, scale, rows[:, :3], rows[:, 3])


def grid_draw_flops(sizes: AdditiveTables | Transformer, grid_points: int, draws: int) -> int:
    """Operations of `GridResidue.members`: terms once, then one label's tables for each draw."""
    v, free = sizes.d_vocab, sizes.n_ctx - 1
    labels = sizes.n_heads * v * (v + 1) // 2
    drawn = min(draws, labels) * grid_flops(sizes, grid_points) // labels
    return (label_term_flops(sizes) + drawn + 5 * draws * free * v) if draws else 0


def grid_flops(sizes: AdditiveTables | Transformer, grid_points: int) -> int:
    """Operations of `count_on_grid` after the terms, were no label certified outright.

    Pricing 6 a term; the transforms 2.5 N log2 N each, and 10 a product or rounding.
    """
    v, free, heads = sizes.d_vocab, sizes.n_ctx - 1, sizes.n_heads
    length = convolution_length(grid_points + 1)
    labels = v * (v + 1) // 2
    transforms = 5 * round(2.5 * length * np.log2(length)) + 40 * length
    return heads * labels * (6 * free * v + max(free - 1, 0) * transforms + 4 * v)


def _count_pair(
    tables: AdditiveTables, law: Prior, grid_points: int, scale: Scale, pair: tuple[int, int]
) -> Int[np.ndarray, "n 4"]:
    head, query = pair
    problems = problems_of(tables, head, query, grid_points)
    batch = max(1, CHUNK_STATES // (grid_points + 1))
    counts = [
        root_counts(
            part.prices,
            part.required,
            part.must_contain,
            grid_points,
            scale,
            tables_of(part.prices, part.required, grid_points, scale, law.array),
            law.array,
        )
        for part in problems.parts(batch)
    ]
    count = np.concatenate([np.zeros(0, dtype=np.int64), *counts]) * law.weights[query]
    rows = np.stack([np.full_like(count, head), np.full_like(count, query)], axis=1)
    rows = np.concatenate([rows, problems.required[:, None], count[:, None]], axis=1)
    return rows[count > 0]


def _groups(keys: Int[np.ndarray, " n"]) -> list[Int[np.ndarray, " m"]]:
    """Indices of equal keys together, in a fixed order."""
    order = np.argsort(keys, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(keys[order])) + 1) if len(keys) else []
