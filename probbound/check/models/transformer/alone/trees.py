"""Trees of tables, and what they are at most over a product set (10.3, Theorems 10.6 and 10.7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from probbound.check.models.transformer.alone.form import Form
from probbound.check.models.transformer.alone.mean import Places, largest_mean, weights

_RAISE = 2.0**-46


@dataclass(frozen=True)
class Tree:
    """A table [position, token, world, functional] at depth 0; else a tree, and one a head.

    One world stands for every world.
    """

    depth: int
    table: np.ndarray | None = None
    parts: tuple[Tree, ...] = ()

    @property
    def numbers(self) -> np.ndarray:
        """The table of one that has no parts.

        Raises:
            ValueError: if it has.
        """
        if self.table is None:
            raise ValueError("a tree with parts has no table of its own")
        return self.table


@dataclass(frozen=True)
class Worlds:
    """Product sets side by side: which tokens may stand at a position, [member, world].

    A position that is alike in all of them has one world. Members may be there twice.
    """

    sets: tuple[np.ndarray, ...]
    known: dict[tuple[int, int, int], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def tokens(self, position: int) -> np.ndarray:
        """Those that may stand there in some world."""
        return np.unique(self.sets[position])


def raised(total: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """A short sum of summands whose absolute values add up to `sizes`, no less than it is."""
    return total + _RAISE * sizes


def value_tree(form: Form, depth: int, w: np.ndarray, sizes: np.ndarray) -> Tree:
    """The tree of h̃_depth · w for every column of w (d + 1, functionals), raised (10.4)."""
    if depth == 0:
        return Tree(0, (form.atoms @ w + form.error(form.atom_size * sizes))[:, :, None])
    moved = (
        value_tree(
            form, depth - 1, form.moves[depth - 1, h] @ w, form.move_sizes[depth - 1, h] * sizes
        )
        for h in range(form.heads)
    )
    return Tree(depth, parts=(value_tree(form, depth - 1, w, sizes), *moved))


def highest(form: Form, tree: Tree, position: int, worlds: Worlds) -> np.ndarray:
    """At least the value there in each world, [world, functional]; one world may stand for all."""
    if tree.depth == 0:
        return _picked(tree.numbers[position], worlds.sets[position]).max(axis=0)
    if tree.depth == 1:
        return _highest_of_first(form, tree, position, worlds)
    total = highest(form, tree.parts[0], position, worlds)
    sizes = np.abs(total)
    for head, part in enumerate(tree.parts[1:]):
        values = [highest(form, part, s, worlds) for s in range(position + 1)]
        below, above = score_bounds(form, tree.depth, head, position, worlds)
        low, high = weights(*_less_the_largest(below, above))
        mean = largest_mean(
            [
                Places(
                    low[s][None, None, :, None], high[s][None, None, :, None], values[s][None, None]
                )
                for s in range(position + 1)
            ]
        )
        total, sizes = total + mean, sizes + np.abs(mean)
    return raised(total, sizes)


def _highest_of_first(form: Form, tree: Tree, position: int, worlds: Worlds) -> np.ndarray:
    """At depth 1: the largest over the tokens of the query of 10.5's own maximum."""
    own = worlds.sets[position]
    total = _picked(tree.parts[0].numbers[position], own)
    sizes = np.abs(total)
    for head in range(form.heads):
        table = tree.parts[1 + head].numbers
        scores, error = form.first[head]
        keys = [_picked_scores(scores[position], own, s, worlds.sets[s]) for s in range(position)]
        keys.append(_at(scores[position], own, position, own)[None])
        top = np.max([each.max(axis=0) for each in _alike(keys)], axis=0)
        places = []
        for s, each in enumerate(keys):
            low, high = weights(each - top - error, each - top + error)
            there = own if s == position else worlds.sets[s]
            value = _picked(table[s], there)
            value = value[None] if s == position else value[:, None]
            places.append(Places(low[None, ..., None], high[None, ..., None], value[None]))
        mean = largest_mean(_stacked(places))
        total, sizes = total + mean, sizes + np.abs(mean)
    return raised(total, sizes).max(axis=0)


def _alike(arrays: list[np.ndarray]) -> Iterator[np.ndarray]:
    worlds = max(each.shape[-1] for each in arrays)
    return (np.broadcast_to(each, (*each.shape[:-1], worlds)) for each in arrays)


def _stacked(places: list[Places]) -> list[Places]:
    """Those of equal shapes in one, so that one operation serves them."""
    groups: dict[tuple[tuple[int, ...], ...], list[Places]] = {}
    for each in places:
        groups.setdefault((each.low.shape, each.value.shape), []).append(each)
    return [Places(*map(np.concatenate, zip(*group, strict=True))) for group in groups.values()]


def _picked(table: np.ndarray, members: np.ndarray) -> np.ndarray:
    """[member, world, functional] of a table [token, world, functional]."""
    if table.shape[1] == 1:
        return table[members, 0]
    return table[members, np.arange(table.shape[1])]


def _picked_scores(scores: np.ndarray, own: np.ndarray, s: int, keys: np.ndarray) -> np.ndarray:
    """[key, query, world] of scores [query token, position, key token]."""
    return scores[own[None], s, keys[:, None]]


def _at(scores: np.ndarray, own: np.ndarray, s: int, keys: np.ndarray) -> np.ndarray:
    """[query, world]: of queries and keys that are one token."""
    return scores[own, s, keys]


def _less_the_largest(below: np.ndarray, above: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    top = above.max(axis=0)
    return below - top, above - top


def _all_up_to(form: Form, tree: Tree, query: int, worlds: Worlds) -> Iterator[np.ndarray]:
    return (highest(form, tree, s, worlds)[:, 0] for s in range(query + 1))


def score_bounds(
    form: Form, layer: int, head: int, query: int, worlds: Worlds
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of the scores of `query` with each s before and itself, [s, world], but for a c(x)."""
    at = layer, head, query
    if at not in worlds.known:
        below, above = key_trees(form, layer, head, query, worlds)
        found = [
            np.array(list(_alike([sign * each for each in _all_up_to(form, tree, query, worlds)])))
            for sign, tree in ((-1, below), (1, above))
        ]
        worlds.known[at] = found[0], found[1]
    return worlds.known[at]


def key_trees(form: Form, layer: int, head: int, query: int, worlds: Worlds) -> tuple[Tree, Tree]:
    """−G⁻ and G⁺ of Theorem 10.7, the query over those worlds; keys that are in none are NaN."""
    atoms = [(s, t) for s in range(query + 1) for t in worlds.tokens(s)]
    where = tuple(np.array(atoms).T)
    a, size = form.scores[layer - 1, head], form.score_sizes[layer - 1, head]

    def bounded(vectors: np.ndarray, moved: float) -> tuple[np.ndarray, np.ndarray]:
        w = a @ (vectors[where] - vectors[query // 2, 0]).T
        both = np.hstack([-w, w])
        sizes = np.full(both.shape[1], 2 * size * form.atom_size * moved)
        found = highest(form, value_tree(form, layer - 1, both, sizes), query, worlds)
        tables = []
        for part in np.split(found, 2, axis=1):
            table = np.full((form.length, form.tokens, part.shape[0], 1), np.nan)
            table[where] = part.T[:, :, None]
            tables.append(table)
        return tables[0], tables[1]

    return _mapped(form, layer - 1, np.eye(form.atoms.shape[2]), 1.0, bounded)


def _mapped(
    form: Form,
    depth: int,
    matrix: np.ndarray,
    size: float,
    bounded: Callable[[np.ndarray, float], tuple[np.ndarray, np.ndarray]],
) -> tuple[Tree, Tree]:
    """Trees whose tables are made of the vectors of each leaf."""
    if depth == 0:
        below, above = bounded(form.atoms @ matrix, size)
        return Tree(0, below), Tree(0, above)
    moved = (
        _mapped(
            form,
            depth - 1,
            form.moves[depth - 1, h] @ matrix,
            form.move_sizes[depth - 1, h] * size,
            bounded,
        )
        for h in range(form.heads)
    )
    parts = (_mapped(form, depth - 1, matrix, size, bounded), *moved)
    below, above = (Tree(depth, parts=tuple(each[k] for each in parts)) for k in (0, 1))
    return below, above
