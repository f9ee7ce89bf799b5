"""Two layers of one head by pre-multiplied tables: the fewest operations that give the outcomes."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from probbound.models.transformer.attention_alone.form import Form


def operations(n_ctx, out):
    """Of one sequence; what is of the order of n_ctx alone is left out."""
    return 7 * n_ctx**2 + 6 * n_ctx * out


@dataclass(frozen=True)
class Tabled:
    """Outcomes of sequences, all products of weights having been made; no rounding is counted.

    With X an embedding and V what the first layer moves: the first layer's weights before they are
    normed, scores of the last position's X and of every V as a query with X and V as keys, and what
    both layers' values say. Numbers lie as in the look-ups of 10.10: by position, then by sequence.
    """

    form: Form

    @cached_property
    def first(self):
        n, v, _ = self.form.atoms.shape
        scores = self._x @ self.form.scores[0, 0] @ self._x.T
        place = np.arange(n * v) // v
        scores[place[:, None] < place] = -np.inf
        return np.exp(scores - scores.max(axis=1, keepdims=True)).reshape(-1)

    @cached_property
    def of_query(self):
        return self._keyed(self._x[-self.form.atoms.shape[1] :])

    @cached_property
    def of_moved(self):
        return self._keyed(self._v)

    @cached_property
    def said(self):
        form = self.form
        last, x, v = form.outcomes, self._x, self._v
        moved = form.values[1, 0] @ last
        return x[-form.atoms.shape[1] :] @ last, v @ last, x @ moved, v @ moved

    @property
    def _x(self):
        return self.form.atoms.reshape(-1, self.form.atoms.shape[2])

    @property
    def _v(self):
        return self._x @ self.form.values[0, 0]

    def _keyed(self, queries):
        keys = (self._x, self._v)
        tables = [queries @ self.form.scores[1, 0] @ each.T for each in keys]
        return np.ascontiguousarray(np.stack(tables, axis=-1)).reshape(-1, 2)

    def outcomes(self, tokens):
        n, v, _ = self.form.atoms.shape
        at = tokens.T.astype(np.int64, order="C")
        query = at[-1].copy()
        at += np.arange(n)[:, None] * v
        rows = at * (n * v)
        weights = [self.first[rows[p] + at[: p + 1]] for p in range(n)]
        for each in weights:
            each /= each.sum(axis=0)
        last = weights[-1]
        scores = self.of_query.take(query * (n * v) + at, axis=0)
        for p in range(n):
            moved = self.of_moved.take(rows + at[p], axis=0)
            for key in (0, 1):
                scores[p, :, key] += (last * moved[..., key]).sum(axis=0)
        own, moved = np.moveaxis(scores, 2, 0).copy()
        for p, each in enumerate(weights):
            own[p] += (each * moved[: p + 1]).sum(axis=0)
        own -= own.max(axis=0)
        share = np.exp(own, out=own)
        share /= share.sum(axis=0)
        through = np.zeros_like(share)
        for p, each in enumerate(weights):
            through[: p + 1] += share[p] * each
        direct, *tables = self.said
        found = direct[query]
        for table, factors in zip(tables, (last, share, through), strict=True):
            for p in range(n):
                found += factors[p][:, None] * table[at[p]]
        return found
