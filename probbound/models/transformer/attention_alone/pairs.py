"""All cases of a two-layer network at once, from tables of neighbouring tokens (Theorem 10.9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from probbound.machine.parallel import parallel_map
from probbound.models.transformer.attention_alone.form import LEAST, Form
from probbound.models.transformer.attention_alone.last_position import Last, last_of
from probbound.models.transformer.attention_alone.narrowing import Open, narrowed
from probbound.models.transformer.attention_alone.near import (
    Near,
    differences,
    near_weights,
    norms,
    plus,
    require_two_layers,
)
from probbound.models.transformer.attention_alone.pair_terms import Terms, Worths


@dataclass(frozen=True)
class Ending:
    """What a last token and that before it decide.

    `low` and `high` hold bounds of residuals' scores as keys, then of what the first layer moves;
    `direct` are the D_jb.
    """

    q: int
    u: int
    low: Float[np.ndarray, "2 n_ctx v"]
    high: Float[np.ndarray, "2 n_ctx v"]
    direct: Float[np.ndarray, "wrong right"]


@dataclass(frozen=True)
class PairTables:
    """A two-layer network with one head a layer, by neighbouring tokens.

    Raises:
        UserError: if it has other layers or heads.
    """

    form: Form
    margin: float = 0.0

    def __post_init__(self) -> None:
        require_two_layers("pairs", self.form)

    @cached_property
    def near(self) -> Near:
        """The first layer's weights."""
        return near_weights(self.form)

    @cached_property
    def worths(self) -> Worths:
        """C_jb(p; y, z), upper bounds of what the second layer's values say for j against b."""
        form, (n, v, _) = self.form, self.form.atoms.shape
        out = form.outcomes.shape[1]
        size = (norms(form.outcomes)[:, None] + norms(form.outcomes)) * form.value_sizes[1, 0]
        raised = (form.gamma * form.atom_size * size + LEAST).reshape(-1)
        worth = form.values[1, 0] @ form.outcomes
        base = differences(form.atoms @ worth) + raised
        deep = differences(form.atoms @ form.values[0, 0] @ worth)
        deep = deep + raised * form.value_sizes[0, 0] + LEAST
        made, sizes = np.empty((out, n, v, v, out)), np.empty((n, out, out))
        for p in range(n):
            each = plus(base[p][:, None], self.near.means(p, deep))
            largest = np.maximum(each.max(axis=(0, 1)), -each.min(axis=(0, 1)))
            sizes[p] = largest.reshape(out, out).T
            made[:, p] = each.reshape(v, v, out, out).transpose(3, 0, 1, 2)
        return Worths(made, sizes)

    @cached_property
    def last(self) -> Last:
        """What is asked of the last position."""
        return last_of(self.form, self.near.widening)

    def ending(self, q: int, u: int) -> Ending:
        """The exact ranges of the last position's state over all sequences that end so (10.9)."""
        (n, v, _), out = self.form.atoms.shape, self.form.outcomes.shape[1]
        found = self.last.at_most(q, u)
        keys = found[out * out :].reshape(2, 2, n, v)
        return Ending(q, u, -keys[:, 0], keys[:, 1], found[: out * out].reshape(out, out))

    def terms(self, ending: Ending) -> Terms:
        """The k_jb(p; y, z) of all sequences that end so."""
        low, high = -self._tree(*-ending.low), self._tree(*ending.high)
        direct = ending.direct
        size = np.abs(direct) + abs(self.margin)
        level = -direct - self.margin - 2.0**-46 * size - LEAST
        level = (level - 2.0**-45 * np.abs(level)).T
        return Terms.of(self.worths, (low, high), level, (ending.q, ending.u))

    def _tree(
        self, residual: Float[np.ndarray, "n_ctx v"], head: Float[np.ndarray, "n_ctx v"]
    ) -> Float[np.ndarray, "n_ctx now earlier"]:
        """The largest value of the tree of two tables, by position and pair."""
        means = (self.near.means(p, head[..., None])[..., 0] for p in range(len(head)))
        return np.stack([plus(residual[p][:, None], mean) for p, mean in enumerate(means)])

    def of(self, q: int, u: int) -> Bool[np.ndarray, "place label"]:
        """Which cases (i, b) of a last token and that before it are right on every filling."""
        return self._right(q, u, self.terms(self.ending(q, u)).open())

    def _right(
        self, q: int, u: int, rivals: Bool[np.ndarray, "place label wrong"]
    ) -> Bool[np.ndarray, "place label"]:
        tokens = np.arange(rivals.shape[1])
        there = np.broadcast_to(tokens != q, rivals.shape[:2]).copy()
        there[-1] = tokens == u
        return there & ~rivals.any(axis=2)

    @cached_property
    def _open(self) -> list[tuple[Ending, Bool[np.ndarray, "place label wrong"]]]:
        """Of every q and u ≠ q in order, what may lead in which case."""
        v = self.form.atoms.shape[1]
        return self._opened([(q, u) for q in range(v) for u in range(v) if u != q])

    def _opened(
        self, asked: Sequence[tuple[int, int]]
    ) -> list[tuple[Ending, Bool[np.ndarray, "place label wrong"]]]:
        _ = self.worths, self.last  # before threads ask for them

        def found(pair: tuple[int, int]) -> tuple[Ending, np.ndarray]:
            ending = self.ending(*pair)
            return ending, self.terms(ending).open()

        return list(parallel_map(found, asked, "proving cases"))

    def proved(self) -> Bool[np.ndarray, "query before place label"]:
        """Which cases (q, u, i, b) of "once" are right on every filling."""
        n, v, _ = self.form.atoms.shape
        made = np.zeros((v, v, n - 2, self.form.outcomes.shape[1]), dtype=bool)
        for ending, rivals in self._open:
            made[ending.q, ending.u] = self._right(ending.q, ending.u, rivals)
        return made

    def left(self) -> list[Open]:
        """The sequences on which something may lead, narrowed and split (Theorem 10.21)."""
        return self._narrowed(self._open, self._rows)

    def left_of(self, asked: Sequence[tuple[int, int]]) -> list[Open]:
        """Those of some pairs of last tokens, the query first, with their part of the rows."""
        v = self.form.atoms.shape[1]
        return self._narrowed(self._opened(asked), self._rows * len(asked) // (v * (v - 1)))

    @property
    def _rows(self) -> int:
        return rows_of(self.form.atoms.shape[1], self.form.outcomes.shape[1])

    def _narrowed(
        self,
        opened: Sequence[tuple[Ending, Bool[np.ndarray, "place label wrong"]]],
        most: int,
    ) -> list[Open]:
        some = [(ending, rivals) for ending, rivals in opened if rivals.any()]
        asked = [int(np.count_nonzero(rivals)) for _, rivals in some]

        def found(number: int) -> list[Open]:
            ending, rivals = some[number]
            terms = self.terms(ending)
            return narrowed(terms, list(terms.cases(rivals)), most * asked[number] // sum(asked))

        parts = parallel_map(found, range(len(some)), "narrowing what is left")
        return [one for part in parts for one in part]


def rows_of(v: int, out: int) -> int:
    """So many answers to sets are looked at again (Theorem 10.21)."""
    return v * (v - 1) * out * (out - 1) // 2
