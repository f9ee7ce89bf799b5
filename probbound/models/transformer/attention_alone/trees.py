"""Ranges of linear functionals of a network's states over product sets (Theorems 10.4 to 10.7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from probbound.models.transformer.attention_alone.form import LEAST, UNIT, Form
from probbound.models.transformer.attention_alone.mean_range import SLACK, STEPS, largest_mean

CHUNK_ENTRIES = 1 << 21
Sets = Bool[np.ndarray, "sets n_ctx d_vocab"]


@dataclass(frozen=True)
class Tree:
    """Quantities of states after some layers: `table` of none, else of residuals and of heads.

    A table is [quantities, positions, tokens].
    """

    table: Float[np.ndarray, "quantities n_ctx d_vocab"] | None
    parts: tuple[Tree, ...] = ()

    def leaves(self) -> Iterator[Float[np.ndarray, "quantities n_ctx d_vocab"]]:
        """The tables, residuals before heads."""
        if self.table is not None:
            yield self.table
        for part in self.parts:
            yield from part.leaves()


def stacked(trees: Sequence[Tree]) -> Tree:
    """The quantities of several trees of one depth, one after the other."""
    first, *_ = trees
    if first.table is not None:
        return Tree(np.concatenate([each.table for each in trees if each.table is not None]))
    parts = zip(*(each.parts for each in trees), strict=True)
    return Tree(None, tuple(stacked(part) for part in parts))


@dataclass(frozen=True)
class Vectors:
    """Rows w of quantities w · state, and the sizes of what they were computed from."""

    rows: Float[np.ndarray, "quantities width"]
    sizes: Float[np.ndarray, " quantities"]


@dataclass(frozen=True)
class Ranges:
    """Upper bounds of trees over product sets of sequences of a network."""

    form: Form

    def tree(self, vectors: Vectors, depth: int) -> Tree:
        """w^depth of every vector, leaves raised (Theorem 10.4)."""
        form = self.form
        if depth == 0:
            raised = form.gamma * form.atom_size * vectors.sizes + LEAST
            table = np.einsum("ptd,md->mpt", form.atoms, vectors.rows, optimize=True)
            return Tree(table + raised[:, None, None])
        behind = (self.behind(vectors, depth - 1, head) for head in range(form.n_heads))
        return Tree(None, tuple(self.tree(each, depth - 1) for each in (vectors, *behind)))

    def behind(self, vectors: Vectors, layer: int, head: int) -> Vectors:
        """w as a quantity of what a head reads, layers counted from 0."""
        form = self.form
        rows = vectors.rows @ form.values[layer, head].T
        return Vectors(rows, vectors.sizes * form.value_sizes[layer, head])

    def upper(self, tree: Tree, at: int, sets: Sets) -> Float[np.ndarray, "sets quantities"]:
        """At least the tree's value at a position on every sequence of every set (10.6)."""
        if tree.table is not None:
            allowed, table = sets[:, None, at], tree.table[None, :, at]
            return np.where(allowed, table, -np.inf).max(axis=2)
        first, *heads = tree.parts
        if first.table is None:
            return self._behind_the_first(tree, at, sets)
        found = np.full((len(sets), len(first.table)), -np.inf)
        number, token = np.nonzero(sets[:, at])
        for some in self._chunks(len(number), len(first.table), at):
            which, y = number[some], token[some]
            means = [
                self._first_mean(head, part, at, y, sets[which]) for head, part in enumerate(heads)
            ]
            np.maximum.at(found, which, _summed([first.table[:, at, y].T, *means]))
        return found

    def _chunks(self, number: int, quantities: int, at: int) -> Iterator[slice]:
        entries = quantities * (at + 1) * self.form.atoms.shape[1]
        at_once = max(1, CHUNK_ENTRIES // entries)
        for start in range(0, number, at_once):
            yield slice(start, start + at_once)

    def _first_mean(
        self, head: int, part: Tree, at: int, token: Int[np.ndarray, " sets"], sets: Sets
    ) -> Float[np.ndarray, "sets quantities"]:
        """Of one head of the first layer, whose query in each set is a token at the position."""
        table = part.table
        if table is None:
            raise ValueError("a head of the first layer has tables")
        weights = self.first_weights[head, at, token, : at + 1]
        allowed = sets[:, : at + 1].copy()
        allowed[:, at] = False
        allowed[np.arange(len(token)), at, token] = True
        values = np.ascontiguousarray(table[:, : at + 1])
        return largest_mean(weights, allowed, values, self.first_widening[head])

    def _behind_the_first(
        self, tree: Tree, at: int, sets: Sets
    ) -> Float[np.ndarray, "sets quantities"]:
        """At depth two or more: one member a position, its weight in an interval."""
        first, *heads = tree.parts
        depth = _depth(tree)
        total = [self.upper(first, at, sets)]
        for head, part in enumerate(heads):
            low, high = self.score_bounds(depth, head, at, sets)
            values = np.stack([self.upper(part, s, sets) for s in range(at + 1)], axis=2)
            total.append(_mean_in_intervals(low, high, values))
        return _summed(total)

    def score_bounds(
        self, layer: int, head: int, at: int, sets: Sets
    ) -> tuple[Float[np.ndarray, "sets places"], Float[np.ndarray, "sets places"]]:
        """Of the scores of a layer from 1 to L, second or later, up to one number a set (10.7)."""
        lows, highs = [], []
        for number in range(len(sets)):
            one = sets[number : number + 1]
            both = stacked(self.keyed(layer, head, at, one))
            found = np.stack([self.upper(both, s, one)[0] for s in range(at + 1)])
            lows.append(-found[:, 0])
            highs.append(found[:, 1])
        return np.array(lows), np.array(highs)

    def keyed(self, layer: int, head: int, at: int, one: Sets) -> tuple[Tree, Tree]:
        """The trees −G⁻ and G⁺ of Theorem 10.7 for the query at a position, over one set."""
        depth = layer - 1
        tables: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        for atoms, size in self._atoms(depth):
            n, v, width = atoms.shape
            matrix = self.form.scores[layer - 1, head]
            apart = (atoms - atoms[at // 2, 0]).reshape(n * v, width)
            whole = 2 * size * self.form.score_sizes[layer - 1, head]
            keys = np.ascontiguousarray(apart @ matrix.T)
            signed = Vectors(np.concatenate([-keys, keys]), np.full(2 * n * v, whole))
            found = self.upper(self.tree(signed, depth), at, one).reshape(2, 1, n, v)
            for kept, bounds in zip(tables, found, strict=True):
                kept.append(bounds)
        low, high = (_assembled(each, depth, self.form.n_heads) for each in tables)
        return low, high

    def _atoms(
        self, depth: int
    ) -> Iterator[tuple[Float[np.ndarray, "n_ctx d_vocab width"], float]]:
        """The vectors of a tree's leaves, in the order of its leaves, and their size."""
        if depth == 0:
            yield self.form.atoms, self.form.atom_size
            return
        yield from self._atoms(depth - 1)
        for head in range(self.form.n_heads):
            matrix = self.form.values[depth - 1, head]
            grown = float(self.form.value_sizes[depth - 1, head])
            for atoms, size in self._atoms(depth - 1):
                yield atoms @ matrix, size * grown

    def flops(self, depth: int, at: int, quantities: int) -> int:
        """Operations of `upper` of one set, at most about: five an entry of each Newton step."""
        if depth == 0:
            return self.form.atoms.shape[1] * quantities
        v, heads = self.form.atoms.shape[1], self.form.n_heads
        if depth == 1:
            return 5 * STEPS * heads * quantities * (at + 1) * v
        inner = self.flops(depth - 1, at, quantities) * (1 + heads * (at + 1))
        leaves = 2 * self.form.atoms.shape[0] * v * (1 + heads) ** (depth - 1)
        return inner + heads * self.flops(depth - 1, at, leaves)

    @cached_property
    def first_weights(self) -> Float[np.ndarray, "heads n_ctx d_vocab n_ctx d_vocab"]:
        """exp of the first layer's scores of [p, y] and [s, x], the largest with s <= p being 1."""
        form, (n, v, width) = self.form, self.form.atoms.shape
        flat = form.atoms.reshape(n * v, width)
        made = np.zeros((form.n_heads, n, v, n, v))
        for head in range(form.n_heads):
            scores = (flat @ form.scores[0, head] @ flat.T).reshape(n, v, n, v)
            for p in range(n):
                seen = scores[p, :, : p + 1]
                made[head, p, :, : p + 1] = np.exp(seen - seen.max(axis=(1, 2), keepdims=True))
        return made

    @cached_property
    def first_widening(self) -> list[float]:
        """By what factor each of them may be off, at most (10.4 and 64u)."""
        form = self.form
        largest = form.atom_size**2 * form.score_sizes[0]
        off = form.gamma * largest + 8 * UNIT * largest + 64 * UNIT
        return [float(np.expm1(each) * (1 + 2.0**-30)) for each in off]


def _depth(tree: Tree) -> int:
    return 0 if tree.table is not None else 1 + _depth(tree.parts[0])


def _assembled(tables: list[Float[np.ndarray, "1 n v"]], depth: int, heads: int) -> Tree:
    """The tree of a depth whose leaves are these, in order."""
    if depth == 0:
        return Tree(tables[0])
    each = len(tables) // (1 + heads)
    parts = (tables[i * each : (i + 1) * each] for i in range(1 + heads))
    return Tree(None, tuple(_assembled(part, depth - 1, heads) for part in parts))


def _summed(values: list[Float[np.ndarray, "_ quantities"]]) -> Float[np.ndarray, "_ quantities"]:
    total, size = values[0], np.abs(values[0])
    for value in values[1:]:
        total, size = total + value, size + np.abs(value)
    return total + 2.0**-46 * size


def _mean_in_intervals(
    low: Float[np.ndarray, "sets places"],
    high: Float[np.ndarray, "sets places"],
    values: Float[np.ndarray, "sets quantities places"],
) -> Float[np.ndarray, "sets quantities"]:
    """Theorem 10.5 with one member a place."""
    top = high.max(axis=1, keepdims=True)
    with np.errstate(under="ignore"):
        most = np.maximum(np.exp(high - top) * (1 + 2.0**-44), 2.0**-1000)[:, None]
        least = (np.exp(low - top) * (1 - 2.0**-44))[:, None]
    sums, best = least.sum(axis=2), values.max(axis=2)
    size = np.abs(values).max(axis=2)
    level = best.copy()
    for _ in range(24):
        over = values - level[..., None]
        terms = np.where(over > 0, over * most, over * least)
        slope = np.where(over > 0, most, least).sum(axis=2)
        f, spread = terms.sum(axis=2), np.maximum(size, np.abs(level))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            risen = np.maximum(f, 0.0) + SLACK * most.sum(axis=2) * spread + LEAST
            risen = risen / sums * (1 + 2.0**-40)
            best = np.fmin(best, level + risen + 2.0**-50 * (np.abs(level) + risen))
            step = f / slope
        level = level + np.where(np.isfinite(step), step, 0.0)
    return best
