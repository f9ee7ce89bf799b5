"""Product sets of sequences on every one of which the answer is right (Theorem 10.8)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from probbound.machine.errors import UserError
from probbound.models.transformer.attention_alone.by_letters import (
    by_letters,
    has_letters,
    is_read_sharply,
    parts,
)
from probbound.models.transformer.attention_alone.by_letters import flops as letters_flops
from probbound.models.transformer.attention_alone.form import LEAST, Form
from probbound.models.transformer.attention_alone.last_layer import Place, at_most, lowest
from probbound.models.transformer.attention_alone.near import norms
from probbound.models.transformer.attention_alone.trees import Ranges, Sets, Vectors, stacked

MOST_ENTRIES = 1 << 28
Allowed = Bool[np.ndarray, "n_ctx d_vocab"]


@dataclass(frozen=True)
class Fillings:
    """What a network of attention alone answers on every filling of sets of sequences.

    Raises:
        UserError: if the tables of its states would be too large.
    """

    form: Form

    def __post_init__(self) -> None:
        form, (n, v, _) = self.form, self.form.atoms.shape
        entries = (1 + form.n_heads) ** (form.n_layers - 1) * form.n_heads * (n * v) ** 2
        if entries > MOST_ENTRIES:
            raise UserError(
                f"tables of the states of {form.name} would have {entries:,} entries, more than "
                f"{MOST_ENTRIES:,}; iid runs any transformer"
            )

    @cached_property
    def ranges(self) -> Ranges:
        """Of its states."""
        return Ranges(self.form)

    def right(self, one: Allowed, label: int, margin: float = 0.0) -> bool:
        """Whether the label leads by more than the margin on every sequence of one set."""
        vectors = self._against(label)
        if not is_read_sharply(self.ranges, one):
            return self._by_tokens(one, vectors, margin)
        proofs = (by_letters(self.ranges, part) for part in parts(one))
        return all(
            bool(at_most(list(each.places(vectors)), -_whole(each.direct(vectors), margin)).all())
            for each in proofs
        )

    def _against(self, label: int) -> Vectors:
        """Every other outcome less the label's."""
        form = self.form
        others = np.delete(np.arange(form.outcomes.shape[1]), label)
        rows = (form.outcomes[:, others] - form.outcomes[:, [label]]).T
        sizes = norms(form.outcomes)
        return Vectors(np.ascontiguousarray(rows), sizes[others] + sizes[label])

    def _by_tokens(self, one: Allowed, vectors: Vectors, margin: float) -> bool:
        """By Theorem 10.8."""
        form, last, depth = self.form, len(one) - 1, self.form.n_layers - 1
        direct = self.ranges.upper(self.ranges.tree(vectors, depth), last, one[None])[0]
        whole = _whole(direct, margin)
        heads = [self._places(one, head, vectors) for head in range(form.n_heads)]
        if len(heads) == 1:
            return bool(at_most(heads[0], -whole).all())
        levels = [lowest(places) for places in heads]
        size = np.abs(whole) + np.sum([np.abs(level) for level in levels], axis=0)
        return bool(np.all(whole + np.sum(levels, axis=0) + 2.0**-44 * size < 0))

    def _places(self, one: Allowed, head: int, vectors: Vectors) -> list[Place]:
        form, ranges, n = self.form, self.ranges, len(one)
        behind = ranges.behind(vectors, form.n_layers - 1, head)
        values = ranges.tree(behind, form.n_layers - 1)
        both = stacked([*ranges.keyed(form.n_layers, head, n - 1, one[None]), values])
        found = []
        for p in range(n):
            sets, shape = pinned(one, p)
            bounds = ranges.upper(both, p, sets)
            found.append(Place(shape, -bounds[:, 0], bounds[:, 1], bounds[:, 2:]))
        return found

    def flops(self, one: Allowed) -> int:
        """Operations of `right`, at most about: the entries of every Newton step, four each."""
        if is_read_sharply(self.ranges, one):
            return letters_flops(self.form, one)
        return self._flops_by_tokens(one)

    def price(self, one: Allowed) -> int:
        """The same whatever the weights are (Definition 10.14)."""
        by_tokens = self._flops_by_tokens(one)
        if not has_letters(self.form):
            return by_tokens
        return max(by_tokens, letters_flops(self.form, one))

    def _flops_by_tokens(self, one: Allowed) -> int:
        form, sizes = self.form, one.sum(axis=1)
        n, v, out = *one.shape, form.outcomes.shape[1]
        depth, total = form.n_layers - 1, 0
        each = self.ranges.flops(depth, n - 1, out + 2 * n * v * (1 + form.n_heads) ** depth)
        total += form.n_heads * each
        for p in range(n):
            pairs = int(sizes[p]) * (int(sizes[p - 1]) if p else 1)
            total += form.n_heads * pairs * self.ranges.flops(depth, p, out + 2)
        return total


def _whole(
    direct: Float[np.ndarray, " quantities"], margin: float
) -> Float[np.ndarray, " quantities"]:
    """At least the sum."""
    return direct + margin + 2.0**-46 * (np.abs(direct) + abs(margin)) + LEAST


def pinned(one: Allowed, at: int) -> tuple[Sets, tuple[int, int]]:
    """The set with each pair of tokens at a position and before it, and how many of each."""
    now = np.flatnonzero(one[at])
    before = np.flatnonzero(one[at - 1]) if at else np.zeros(1, dtype=np.int64)
    y, z = np.repeat(now, len(before)), np.tile(before, len(now))
    sets = np.repeat(one[None], len(y), axis=0)
    rows = np.arange(len(y))
    sets[:, at] = False
    sets[rows, at, y] = True
    if at:
        sets[:, at - 1] = False
        sets[rows, at - 1, z] = True
    return sets, (len(now), len(before))
