"""A first layer that looks at the token before: its states by pairs of tokens (Theorem 10.17)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from probbound.check.models.transformer.alone.form import Form
from probbound.check.models.transformer.alone.mean import weights

_WIDER = 1 + 2.0**-40
_TINY = 2.0**-50


@dataclass(frozen=True)
class Alphabet:
    """Of a product set: letters [token, token before] of every position (one column at the first).

    Attributes:
        form: Of a network with one head.
        sets: Tokens that may stand at each position.
        middles: c (token, before, d + 1), a position.
        off: ε, likewise.
    """

    form: Form
    sets: tuple[np.ndarray, ...]
    middles: tuple[np.ndarray, ...]
    off: tuple[np.ndarray, ...]

    @property
    def size(self) -> float:
        """σ, of all states behind the first layer."""
        return self.form.atom_size * (1 + self.form.move_sizes[0, 0]) * _WIDER

    @cached_property
    def moved(self) -> list[np.ndarray]:
        """V of what may stand at each position."""
        return [self.form.atoms[p, t] @ self.form.moves[0, 0] for p, t in enumerate(self.sets)]

    def spread(self, w: np.ndarray) -> np.ndarray:
        """R_w(p), (position, functional), of columns w."""
        read = [each @ w for each in self.moved]
        tops, bottoms = ([f(each, axis=0) for each in read] for f in (np.max, np.min))
        return np.maximum.accumulate(tops) - np.minimum.accumulate(bottoms)

    def highest(self, w: np.ndarray, sizes: np.ndarray) -> list[np.ndarray]:
        """10.17 (a): up_1 of columns w, [token, before, functional] a position."""
        spread, error = self.spread(w), self.form.error(8 * self.size * sizes)
        return [
            c @ w + off[..., None] * r + error
            for c, off, r in zip(self.middles, self.off, spread, strict=True)
        ]

    def scores(self, p: int, star: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """10.17 (b): layer 2's from both sides, [query, token, before] of keys at each s ≤ p."""
        a, queries = self.form.scores[1, 0], self.middles[p].reshape(-1, star.size)
        asking, own = queries @ a, self.off[p].reshape(-1, 1, 1)
        spread, below, above = self.spread(asking.T), [], []
        error = self.form.error(32 * self.form.score_sizes[1, 0] * self.size**2)
        for s in range(p + 1):
            keys = self.middles[s] - star
            middle = np.tensordot(asking, keys, axes=(1, 2))
            by_query = self.spread(a @ keys.reshape(-1, star.size).T)[p].reshape(keys.shape[:2])
            radius = spread[s][:, None, None] * self.off[s] + own * by_query
            radius = (radius + own * self.off[s] * self._bent) * _WIDER + error
            below.append(middle - radius)
            above.append(middle + radius)
        return below, above

    def attention(self, p: int, star: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Their exponentials from both sides, in units of the largest of each query."""
        below, above = self.scores(p, star)
        top = np.max([each.max(axis=(1, 2)) for each in above], axis=0)[:, None, None]
        ends = (((b - top), (a - top)) for b, a in zip(below, above, strict=True))
        return [weights(b + _TINY * b, a + _TINY * np.abs(a)) for b, a in ends]

    @cached_property
    def _bent(self) -> float:
        read = np.concatenate(self.moved)
        found = read @ self.form.scores[1, 0] @ read.T
        return 2 * float((found.max(axis=0) - found.min(axis=0)).max())


def alphabet(form: Form, sets: Sequence[np.ndarray]) -> Alphabet:
    """Of a product set, none of whose positions is without a token."""
    made = [_letters(form, sets, p) for p in range(len(sets))]
    return Alphabet(form, tuple(sets), tuple(c for c, _ in made), tuple(off for _, off in made))


def _letters(form: Form, sets: Sequence[np.ndarray], p: int) -> tuple[np.ndarray, np.ndarray]:
    table, error = form.first[0]
    own = form.atoms[p, sets[p]]
    if not p:
        return (own + own @ form.moves[0, 0])[:, None], np.zeros((sets[0].size, 1))
    scores = table[p, sets[p]]
    itself = scores[np.arange(sets[p].size), p, sets[p]][:, None]
    before = scores[:, p - 1, sets[p - 1]]
    far = [scores[:, s, sets[s]].max(axis=1)[:, None] for s in range(p - 1)]
    top = np.max([np.maximum(itself, before), *(np.broadcast_to(x, before.shape) for x in far)], 0)
    near = sum(weights(x - top - error, x - top)[0] for x in (itself, before))
    distant = sum((weights(x - top, x - top + error)[1] for x in far), np.zeros_like(top))
    share = _logistic(itself - before)[..., None]
    blend = share * own[:, None] + (1 - share) * form.atoms[p - 1, sets[p - 1]]
    off = distant / (distant + near) * _WIDER + 2 * error + 2.0**-44
    return own[:, None] + blend @ form.moves[0, 0], np.minimum(off, 1.0)


def _logistic(x: np.ndarray) -> np.ndarray:
    small = np.exp(-np.abs(x))
    return np.where(x < 0, small, 1.0) / (1 + small)
