"""All cases of a two-layer network at once, from tables of neighbouring tokens (Theorem 10.9)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float

from probbound.machine.parallel import parallel_map
from probbound.models.transformer.attention_alone.form import LEAST, Form
from probbound.models.transformer.attention_alone.near import (
    Near,
    differences,
    near_weights,
    norms,
    plus,
    require_two_layers,
)

_TINY, _EXP = 2.0**-40, 2.0**-44


@dataclass(frozen=True)
class Scores:
    """Bounds of the second layer's scores of the last position, by position and its two tokens.

    `direct` are the D_jb.
    """

    low: Float[np.ndarray, "n_ctx now earlier"]
    high: Float[np.ndarray, "n_ctx now earlier"]
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
    def worths(self) -> Float[np.ndarray, "n_ctx now earlier apart"]:
        """C_jb(p; y, z), upper bounds of what the second layer's values say for j against b.

        The last axis is j · out + b.
        """
        form, (n, v, _) = self.form, self.form.atoms.shape
        out = form.outcomes.shape[1]
        size = (norms(form.outcomes)[:, None] + norms(form.outcomes)) * form.value_sizes[1, 0]
        raised = (form.gamma * form.atom_size * size + LEAST).reshape(-1)
        worth = form.values[1, 0] @ form.outcomes
        base = differences(form.atoms @ worth) + raised
        deep = differences(form.atoms @ form.values[0, 0] @ worth)
        deep = deep + raised * (1 + form.value_sizes[0, 0])
        made = np.empty((n, v, v, out * out))
        for p in range(n):
            made[p] = plus(base[p][:, None], self.near.means(p, deep))
        return made

    @cached_property
    def largest(self) -> Float[np.ndarray, "n_ctx apart"]:
        """No C_jb of a position is larger, whatever its sign."""
        return np.stack([np.abs(each).max(axis=(0, 1)) for each in self.worths])

    def about(self, q: int, u: int) -> Scores:
        """What a last token and that before it decide."""
        last, (n, v, _) = len(self.form.atoms) - 1, self.form.atoms.shape
        tables: dict[float, list[np.ndarray]] = {1.0: [], -1.0: []}
        for first, inner, raised in self._keyed:
            more = raised * (1 + self.form.value_sizes[0, 0])
            for sign, kept in tables.items():
                mean = self.near.mean(last, sign * inner + more, q, u)
                kept.append(plus(sign * first[q] + raised, mean).reshape(n, v))
        low = -self._tree(*tables[-1.0])
        return Scores(low, self._tree(*tables[1.0]), self._direct(q, u))

    @cached_property
    def _keyed(self) -> list[tuple[np.ndarray, np.ndarray, float]]:
        """Of residuals and of what the first layer moves, as keys: their scores with every query.

        By the query's own token, by what it reads; and by how much both may be off.
        """
        form, last = self.form, len(self.form.atoms) - 1
        n, v, width = form.atoms.shape
        moved = form.atoms @ form.values[0, 0]
        size = 2 * form.atom_size * float(form.score_sizes[1, 0]) * form.gamma * form.atom_size
        made = []
        for atoms, grown in ((form.atoms, 1.0), (moved, float(form.value_sizes[0, 0]))):
            apart = (atoms - atoms[last // 2, 0]).reshape(n * v, width)
            keys = apart @ form.scores[1, 0].T
            made.append((form.atoms[last] @ keys.T, moved @ keys.T, size * grown + LEAST))
        return made

    @cached_property
    def _said(self) -> tuple[np.ndarray, np.ndarray]:
        """What the last position, and what the first layer moves to it, say for j against b."""
        form = self.form
        size = norms(form.outcomes)[:, None] + norms(form.outcomes)
        raised = (form.gamma * form.atom_size * size + LEAST).reshape(-1)
        deep = differences(form.atoms @ form.values[0, 0] @ form.outcomes)
        first = differences(form.atoms[-1] @ form.outcomes) + raised
        return first, deep + raised * (1 + form.value_sizes[0, 0])

    def _tree(
        self, residual: Float[np.ndarray, "n_ctx v"], head: Float[np.ndarray, "n_ctx v"]
    ) -> Float[np.ndarray, "n_ctx now earlier"]:
        """The largest value of the tree of two tables, by position and pair."""
        means = (self.near.means(p, head[..., None])[..., 0] for p in range(len(head)))
        return np.stack([plus(residual[p][:, None], mean) for p, mean in enumerate(means)])

    def _direct(self, q: int, u: int) -> Float[np.ndarray, "wrong right"]:
        (first, deep), last = self._said, len(self.form.atoms) - 1
        out = self.form.outcomes.shape[1]
        return plus(first[q], self.near.mean(last, deep, q, u)).reshape(out, out)

    def proved(self) -> Bool[np.ndarray, "query before place label"]:
        """Which cases (q, u, i, b) of "once" are right on every filling."""
        n, v, _ = self.form.atoms.shape
        made = np.zeros((v, v, n - 2, self.form.outcomes.shape[1]), dtype=bool)
        asked = [(q, u) for q in range(v) for u in range(v) if u != q]
        _ = self.largest, self._keyed, self._said  # before threads ask for them
        found = parallel_map(lambda pair: self.of(*pair), asked, "proving cases")
        for (q, u), right in zip(asked, found, strict=True):
            made[q, u] = right
        return made

    def of(self, q: int, u: int) -> Bool[np.ndarray, "place label"]:
        """Those of a last token and that before it."""
        return _Chains(self, q, u).right()


class _Chains:
    """Sums along chains of tokens, from the left to each place and from each place on."""

    def __init__(self, tables: PairTables, q: int, u: int) -> None:
        self._tables, self._q = tables, q
        about = tables.about(q, u)
        n, v = about.low.shape[:2]
        size = np.abs(about.direct) + abs(tables.margin)
        level = -about.direct - tables.margin - 2.0**-46 * size - LEAST
        level = level.reshape(-1)
        self._level = level - 2.0**-45 * np.abs(level)
        self._size = tables.largest.sum(axis=0) + n * np.abs(self._level)
        top = about.high.max()
        with np.errstate(under="ignore"):
            self._most = np.exp(about.high - top) * (1 + _EXP)
            self._least = np.exp(about.low - top) * (1 - _EXP)
        self._n, self._out = n, about.direct.shape[0]
        others = np.flatnonzero(np.arange(v) != q)
        self._tokens = [others] * (n - 2) + [np.array([u]), np.array([q])]

    def _term(self, p: int, y: int) -> Float[np.ndarray, "earlier apart"]:
        """k_jb(p; y, ·) of Theorem 10.8: the larger product is that of the sign."""
        over = self._tables.worths[p, y] - self._level
        lower = over * self._least[p, y][:, None]
        over *= self._most[p, y][:, None]
        return np.maximum(over, lower, out=over)

    def right(self) -> Bool[np.ndarray, "place label"]:
        """Which places and labels are right on every filling."""
        matched, left = self._forward(), self._backward()
        sizes = _TINY * self._size + LEAST
        out, places = self._out, self._n - 2
        wrong, right = np.divmod(np.arange(out * out), out)
        found = np.zeros((places, out), dtype=bool)
        for i in range(places):
            for b in self._tokens[i + 1]:
                mine = (right == b) & (wrong != b)
                total = matched[i] + self._term(i + 1, int(b))[self._q] + left[i + 1][b]
                found[i, b] = np.all(total[mine] <= -sizes[mine])
        return found

    def _forward(self) -> Float[np.ndarray, "n_ctx apart"]:
        """The largest sum up to each place where it holds q and none before does."""
        v, apart = self._tables.worths.shape[2:]
        matched, reached = np.full((self._n, apart), -np.inf), np.zeros((v, apart))
        for p in range(self._n):
            here = np.full((v, apart), -np.inf)
            before = self._tokens[p - 1] if p else np.zeros(1, dtype=np.int64)
            for y in {*self._tokens[p].tolist(), self._q}:
                here[y] = (reached[before] + self._term(p, y)[before]).max(axis=0)
            matched[p] = here[self._q]
            here[self._q] = -np.inf
            reached = here
        return matched

    def _backward(self) -> list[Float[np.ndarray, "tokens apart"]]:
        """The largest sum over what comes behind each place, by its token."""
        v, apart = self._tables.worths.shape[2:]
        left = [np.zeros((v, apart))]
        for p in range(self._n - 1, 0, -1):
            terms = (self._term(p, int(y)) + left[0][y] for y in self._tokens[p])
            behind = np.full((v, apart), -np.inf)
            for term in terms:
                np.maximum(behind, term, out=behind)
            left.insert(0, behind)
        return left
