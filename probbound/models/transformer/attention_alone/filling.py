"""Product sets of sequences on every one of which the answer is right (Theorem 10.8)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from probbound.machine.errors import UserError
from probbound.models.transformer.attention_alone.chains import largest_sums
from probbound.models.transformer.attention_alone.form import LEAST, Form
from probbound.models.transformer.attention_alone.near import norms
from probbound.models.transformer.attention_alone.trees import Ranges, Sets, Vectors, stacked

_TINY, _EXP = 2.0**-40, 2.0**-44
_HALVINGS = 30
MOST_ENTRIES = 1 << 28
Allowed = Bool[np.ndarray, "n_ctx d_vocab"]


@dataclass(frozen=True)
class _Place:
    """Of one head at one position: pairs of tokens, bounds of scores, and of quantities."""

    now: Int[np.ndarray, " pairs"]
    before: Int[np.ndarray, " pairs"]
    low: Float[np.ndarray, " pairs"]
    high: Float[np.ndarray, " pairs"]
    worth: Float[np.ndarray, "pairs quantities"]


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
        form, last, depth = self.form, len(one) - 1, self.form.n_layers - 1
        others = np.delete(np.arange(form.outcomes.shape[1]), label)
        rows = (form.outcomes[:, others] - form.outcomes[:, [label]]).T
        sizes = norms(form.outcomes)
        vectors = Vectors(np.ascontiguousarray(rows), sizes[others] + sizes[label])
        direct = self.ranges.upper(self.ranges.tree(vectors, depth), last, one[None])[0]
        whole = direct + margin + 2.0**-46 * (np.abs(direct) + abs(margin)) + LEAST
        heads = [self._places(one, head, vectors) for head in range(form.n_heads)]
        if len(heads) == 1:
            return bool(_at_most(heads[0], one.shape[1], -whole).all())
        levels = [_lowest(places, one.shape[1]) for places in heads]
        size = np.abs(whole) + np.sum([np.abs(level) for level in levels], axis=0)
        return bool(np.all(whole + np.sum(levels, axis=0) + 2.0**-44 * size < 0))

    def _places(self, one: Allowed, head: int, vectors: Vectors) -> list[_Place]:
        form, ranges, n = self.form, self.ranges, len(one)
        behind = ranges.behind(vectors, form.n_layers - 1, head)
        values = ranges.tree(behind, form.n_layers - 1)
        both = stacked([*ranges.keyed(form.n_layers, head, n - 1, one[None]), values])
        found = []
        for p in range(n):
            sets, (now, before) = pinned(one, p)
            bounds = ranges.upper(both, p, sets)
            found.append(_Place(now, before, -bounds[:, 0], bounds[:, 1], bounds[:, 2:]))
        return found

    def flops(self, one: Allowed) -> int:
        """Operations of `right`, at most about: the entries of every Newton step, four each."""
        form, sizes = self.form, one.sum(axis=1)
        n, v, out = *one.shape, form.outcomes.shape[1]
        depth, total = form.n_layers - 1, 0
        each = self.ranges.flops(depth, n - 1, out + 2 * n * v * (1 + form.n_heads) ** depth)
        total += form.n_heads * each
        for p in range(n):
            pairs = int(sizes[p]) * (int(sizes[p - 1]) if p else 1)
            total += form.n_heads * pairs * self.ranges.flops(depth, p, out + 2)
        return total


def _at_most(
    places: list[_Place], tokens: int, level: Float[np.ndarray, " quantities"]
) -> Bool[np.ndarray, " quantities"]:
    """Whether a head's mean of each quantity is at most its level on every sequence."""
    top = max(place.high.max() for place in places)
    terms, sizes, largest = [], np.zeros(len(level)), np.ones(len(level))
    for place in places:
        over = place.worth - level + 2.0**-46 * (np.abs(place.worth) + np.abs(level))
        with np.errstate(under="ignore"):
            most = np.exp(place.high - top) * (1 + _EXP)
            least = np.exp(place.low - top) * (1 - _EXP)
        term = np.where(over > 0, over * most[:, None], over * least[:, None])
        sizes += np.abs(term).max(axis=0)
        largest += np.abs(over).max(axis=0)
        table = np.full((1, len(level), tokens, tokens), -np.inf)
        table[0][:, place.now, place.before] = term.T
        terms.append(table)
    reached = largest_sums(terms[0].max(axis=3), terms[1:])
    return reached[0].max(axis=1) <= -_TINY * sizes - LEAST * largest


def _lowest(places: list[_Place], tokens: int) -> Float[np.ndarray, " quantities"]:
    """A level for each quantity that its mean is at most on every sequence, found by halving."""
    high = np.max([place.worth.max(axis=0) for place in places], axis=0)
    low = np.min([place.worth.min(axis=0) for place in places], axis=0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        holds = _at_most(places, tokens, middle)
        low, high = np.where(holds, low, middle), np.where(holds, middle, high)
    return high


def pinned(one: Allowed, at: int) -> tuple[Sets, tuple[np.ndarray, np.ndarray]]:
    """The set with each pair of tokens at a position and before it, and the pairs."""
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
    return sets, (y, z)
