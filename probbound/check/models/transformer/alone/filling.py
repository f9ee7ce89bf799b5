"""One product set of sequences, right on every filling (Theorem 10.8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from probbound.check.models.transformer.alone import three
from probbound.check.models.transformer.alone.form import Form
from probbound.check.models.transformer.alone.links import Link
from probbound.check.models.transformer.alone.trees import (
    Tree,
    Worlds,
    highest,
    key_trees,
    value_tree,
)

_ROUNDS = 60
_AT_ONCE = 1 << 18


def right(form: Form, allowed: np.ndarray, label: int, margin: float) -> bool:
    """Whether every sequence of a product set is answered `label` by more than the margin.

    Args:
        form: Of the network, any number of layers and heads.
        allowed: Which tokens may stand at a position, bool (n, v).
        label: The answer.
        margin: In units of the logits; it may be negative.
    """
    sets = [np.flatnonzero(row) for row in allowed]
    if any(not each.size for each in sets):
        return True
    others = np.delete(np.arange(form.outcomes.shape[1]), label)
    if not others.size:
        return True
    f = form.outcomes[:, others] - form.outcomes[:, [label]]
    sizes = form.outcome_sizes[others] + form.outcome_sizes[label]
    if three.looks_before(form, sets):
        return all(three.right(form, part, f, sizes, margin) for part in three.ends_of(sets))
    return all(
        _right(form, [*sets[:-1], sets[-1][k : k + 1]], f, sizes, margin)
        for k in range(sets[-1].size)
    )


def _right(
    form: Form, sets: Sequence[np.ndarray], f: np.ndarray, sizes: np.ndarray, margin: float
) -> bool:
    """The same with one last token."""
    whole = Worlds(tuple(each[:, None] for each in sets))
    last = form.layers - 1
    direct = highest(form, value_tree(form, last, f, sizes), form.length - 1, whole)[0]
    rest = -(direct + margin)
    rest = rest - 2.0**-46 * (np.abs(direct) + abs(margin)) - 2.0**-900
    links = _links(form, whole, f, sizes)
    top = np.max([link.above.max(axis=(0, 1)) for link in links], axis=0)

    def holds(at: np.ndarray) -> np.ndarray:
        return _nowhere_over([link.over(at, top) for link in links])

    if form.heads == 1:
        return bool(holds(rest[None]).all())
    least = _least(holds, links)
    return bool((least.sum(axis=0) + 2.0**-46 * np.abs(least).sum(axis=0) <= rest).all())


def _links(form: Form, whole: Worlds, f: np.ndarray, sizes: np.ndarray) -> list[Link]:
    """Scores of the last query over the whole set; keys and values over T^{pyz}."""
    depth, heads = form.layers - 1, range(form.heads)
    keys = [key_trees(form, form.layers, g, form.length - 1, whole) for g in heads]
    moves, move_sizes = form.moves[depth], form.move_sizes[depth]
    values = [value_tree(form, depth, moves[g] @ f, move_sizes[g] * sizes) for g in heads]

    def link(p: int) -> Link:
        tokens = [each[:, 0] for each in whole.sets]
        shape = (tokens[p].size, tokens[p - 1].size if p else 1)
        pairs = [each.reshape(1, -1) for each in np.indices(shape)]
        parts = []
        for at in range(0, pairs[0].size, _step(form)):
            y, z = (each[:, at : at + _step(form)] for each in pairs)
            sets = [each[:, None] for each in tokens]
            if p:
                sets[p - 1] = tokens[p - 1][z]
            sets[p] = tokens[p][y]
            parts.append(_bounds(form, keys, values, p, Worlds(tuple(sets)), y.size))
        value, below, above = (np.concatenate(each, axis=0) for each in zip(*parts, strict=True))
        return Link(*(each.reshape(*shape, *each.shape[1:]) for each in (value, below, above)))

    return [link(p) for p in range(form.length)]


def _step(form: Form) -> int:
    """How many worlds are looked at together, so that what is made for each fits a cache."""
    return max(1, _AT_ONCE // (form.length * form.tokens) ** max(1, form.layers - 1))


def _bounds(
    form: Form,
    keys: Sequence[tuple[Tree, Tree]],
    values: Sequence[Tree],
    p: int,
    worlds: Worlds,
    count: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values [world, g, j], and scores from below and above [world, g]."""

    def alike(found: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([np.broadcast_to(each, (count, *each.shape[1:])) for each in found], axis=1)

    value = alike([highest(form, tree, p, worlds) for tree in values])
    below = alike([-highest(form, tree, p, worlds)[:, 0] for tree, _ in keys])
    above = alike([highest(form, tree, p, worlds)[:, 0] for _, tree in keys])
    return value, below, above


def _nowhere_over(links: Sequence[np.ndarray]) -> np.ndarray:
    """Whether no chain of k's [y, z, …] adds up to more than nothing, rounding included; […]."""
    first, *others = links
    most, sizes = first[:, 0], np.abs(first).max(axis=(0, 1))
    for k in others:
        most = (k + most).max(axis=1)
        sizes = sizes + np.abs(k).max(axis=(0, 1))
    return most.max(axis=0) <= -(2.0**-40) * sizes - 2.0**-900


def _least(holds: Callable[[np.ndarray], np.ndarray], links: Sequence[Link]) -> np.ndarray:
    """The least λ [g, j] that holds, nearly, by halving; infinite where none is found."""
    high = np.max([link.value.max(axis=(0, 1)) for link in links], axis=0)
    low = np.min([link.value.min(axis=(0, 1)) for link in links], axis=0)
    size = np.maximum(np.abs(low), np.abs(high))
    high = high + 2.0**-30 * size
    found = np.where(holds(high), high, np.inf)
    for _ in range(_ROUNDS):
        if (high - low <= 2.0**-44 * size).all():
            break
        middle = (low + high) / 2
        there = holds(middle)
        found = np.where(there, middle, found)
        low, high = np.where(there, low, middle), np.where(there, middle, high)
    return found
