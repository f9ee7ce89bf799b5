"""Product sets of sequences on every one of which the answer is right (Theorem 10.8)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from probbound.models.transformer.attention_alone.chains import largest_sums
from probbound.models.transformer.attention_alone.form import LEAST, UNIT, Form
from probbound.models.transformer.attention_alone.trees import Ranges, Sets, Vectors

_TINY = 2.0**-40


@dataclass(frozen=True)
class Fillings:
    """What a network of attention alone answers on every filling of sets of sequences."""

    form: Form

    @cached_property
    def ranges(self) -> Ranges:
        """Of its states."""
        return Ranges(self.form)

    def right(
        self, one: Bool[np.ndarray, "n_ctx d_vocab"], label: int, margin: float = 0.0
    ) -> bool:
        """Whether the label leads by more than the margin on every sequence of one set."""
        form, last = self.form, len(one) - 1
        sets = one[None]
        others = np.delete(np.arange(form.outcomes.shape[1]), label)
        rows = (form.outcomes[:, others] - form.outcomes[:, [label]]).T
        sizes = np.sqrt((form.outcomes**2).sum(axis=0)) * (1 + 2.0**-30)
        vectors = Vectors(rows, sizes[others] + sizes[label])
        depth = form.n_layers - 1
        direct = self.ranges.upper(self.ranges.tree(vectors, depth), last, sets)[0]
        if form.n_heads != 1:
            raise NotImplementedError
        level = -direct - margin
        level = level - 2.0**-46 * (np.abs(direct) + abs(margin)) - LEAST
        return bool(self._within(one, 0, vectors, level).all())

    def _within(
        self,
        one: Bool[np.ndarray, "n_ctx d_vocab"],
        head: int,
        vectors: Vectors,
        level: Float[np.ndarray, " quantities"],
    ) -> Bool[np.ndarray, " quantities"]:
        """Whether a head's mean of each quantity is at most its level on every sequence."""
        form, ranges, n = self.form, self.ranges, len(one)
        behind = ranges._behind(vectors, form.n_layers - 1, head)
        values = ranges.tree(behind, form.n_layers - 1)
        low, high = ranges.keyed(form.n_layers, head, n - 1, one[None])
        score, worth = [], []
        for p in range(n):
            sets, index = pinned(one, p)
            up = ranges.upper(high, p, sets)[:, 0]
            down = -ranges.upper(low.negative(), p, sets)[:, 0]
            score.append((down, up, index))
            worth.append(ranges.upper(values, p, sets))
        top = max(up.max() for _, up, _ in score)
        terms, sizes = [], np.zeros(len(level))
        v = one.shape[1]
        for (down, up, index), c in zip(score, worth, strict=True):
            over = c - level + 2.0**-46 * (np.abs(c) + np.abs(level))
            with np.errstate(under="ignore"):
                most = np.exp(up - top) * (1 + 64 * UNIT + 2.0**-44)
                least = np.exp(down - top) * (1 - 64 * UNIT - 2.0**-44)
            k = np.where(over > 0, over * most[:, None], over * least[:, None])
            sizes += np.abs(k).max(axis=0)
            table = np.full((len(level), v, v), -np.inf)
            table[:, index[0], index[1]] = k.T
            terms.append(table[None])
        reached = largest_sums(terms[0][..., 0], terms[1:])
        return reached[0].max(axis=1) <= -_TINY * sizes - LEAST


def pinned(
    one: Bool[np.ndarray, "n_ctx d_vocab"], at: int
) -> tuple[Sets, tuple[np.ndarray, np.ndarray]]:
    """The set with each pair of tokens at a position and before it, and the pairs."""
    now = np.flatnonzero(one[at])
    before = np.flatnonzero(one[at - 1]) if at else np.zeros(1, dtype=np.int64)
    y, z = (each.ravel() for each in np.meshgrid(now, before, indexing="ij"))
    sets = np.repeat(one[None], len(y), axis=0)
    rows = np.arange(len(y))
    sets[:, at] = False
    sets[rows, at, y] = True
    if at:
        sets[:, at - 1] = False
        sets[rows, at - 1, z] = True
    return sets, (y, z)
