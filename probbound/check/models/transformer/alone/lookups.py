"""One sequence of two layers by what a few tables say of it (Theorem 10.10)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from probbound.check.models.transformer.alone.form import Form
from probbound.check.models.transformer.alone.mean import weights
from probbound.check.report import Refused

_MORE = 1 + 2.0**-40
_SUMS = 2.0**-42
_AT_ONCE = 1 << 12


def right(form: Form, margin: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Says of tokens (m, n) and places (m,) which are answered by what follows the place, (m,).

    A place that is not below n − 1 is never said to be right.

    Args:
        form: Of two layers, of three positions at least.
        margin: In units of the logits.

    Raises:
        Refused: of another form.
    """
    if form.layers != 2 or form.length < 3:
        raise Refused("sequences are proved by look-ups only with two layers and three positions")
    before = _Before(form)
    scores = [_Scores(before, g) for g in range(form.heads)]
    logits = _Logits(before, margin)

    def said(tokens: np.ndarray, place: np.ndarray) -> np.ndarray:
        found = np.zeros(len(tokens), dtype=bool)
        fits = (place >= 0) & (place < form.length - 1)
        for at in np.array_split(np.flatnonzero(fits), 1 + len(tokens) // _AT_ONCE):
            rows = _Rows(before, tokens[at])
            match = place[at] + 1
            share = np.min([each.share(rows, match) for each in scores], axis=0)
            found[at] = logits.right(rows, match, share)
        return found

    return said


class _Before:
    """The first layer, each position of which mostly sees the one before."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.moved = [form.atoms @ z for z in form.moves[0]]
        self.sizes = form.atom_size * form.move_sizes[0]
        self.sum = np.sum(self.moved, axis=0)
        self.state_size = form.atom_size + float(self.sizes.sum())
        self.missed = np.array([_missed(form, h) for h in range(form.heads)])

    def ranges(self, w: np.ndarray, sizes: np.ndarray | float) -> np.ndarray:
        """range_h of every column of w, [h, column]."""
        tables = [each.reshape(-1, len(w)) @ w for each in self.moved]
        found = np.array([each.max(axis=0) - each.min(axis=0) for each in tables])
        return (
            found + 2 * self.form.error(np.multiply.outer(self.sizes, np.atleast_1d(sizes)))
        ) * _MORE


def _missed(form: Form, head: int) -> np.ndarray:
    """ε of Theorem 10.10, [p, y, z]; none at position 0, which sees itself alone."""
    n, v = form.length, form.tokens
    scores, error = form.first[head]
    found = np.zeros((n, v, v))
    for p in range(1, n):
        each = scores[p, :, : p + 1]
        own = each[np.arange(v), p, np.arange(v)]
        top = np.maximum(each[:, :p].max(axis=(1, 2)), own)
        each = each - top[:, None, None]
        low, high = weights(each - error, each + error)
        others = high[:, : p - 1].max(axis=2).sum(axis=1) + weights(own - top, own - top + error)[1]
        others = others[:, None] * _MORE
        found[p] = np.minimum(others / (low[:, p - 1] + others) * _MORE, 1.0)
    return found


class _Rows:
    """Sequences, and at each position which position and token its first layer looks at."""

    def __init__(self, before: _Before, tokens: np.ndarray) -> None:
        n = before.form.length
        self.tokens = tokens
        self.positions = np.arange(n)
        self.earlier = np.maximum(self.positions - 1, 0)
        self.seen = tokens[:, self.earlier]
        self.last, self.behind = tokens[:, -1], tokens[:, -2]
        self.missed = before.missed[:, self.positions, tokens, self.seen]


class _Scores:
    """Bounds of the scores of the last position in one head of the second layer."""

    def __init__(self, before: _Before, head: int) -> None:
        form = before.form
        n, v = form.length, form.tokens
        a, size = form.scores[1, head], form.score_sizes[1, head]
        plain, moved = (each.reshape(n * v, -1) for each in (form.atoms, before.sum))
        last = np.stack([form.atoms[-1], before.sum[-2]]) @ a
        self.own = (last @ plain.T).reshape(2, v, n, v)
        self.other = (last @ moved.T).reshape(2, v, n, v)
        whole = size * before.state_size**2
        self.error = float(form.error(whole) + _SUMS * whole)
        x, sums = form.atom_size, float(before.sizes.sum())
        self.of_own, self.of_other = (
            before.ranges(a @ each.T, size * most).reshape(-1, n, v)
            for each, most in ((plain, x), (moved, sums))
        )
        first = (form.atoms[0] + before.sum[0]).T
        self.of_own[:, 0] = before.ranges(a @ first, size * (x + sums))
        self.of_first = np.where(np.arange(n) > 0, 1.0, 0.0)
        self.of_last, self.of_behind = (
            before.ranges(each.T, size * most) for each, most in zip(last, (x, sums), strict=True)
        )
        self.both = np.array([self._both(before, a, size, k) for k in range(form.heads)]).T

    def _both(self, before: _Before, a: np.ndarray, size: float, head: int) -> np.ndarray:
        """RR_hk of every head h with head k."""
        here = before.moved[head].reshape(-1, len(a))
        return 2 * before.ranges(a @ here.T, size * before.sizes[head]).max(axis=1)

    def share(self, rows: _Rows, match: np.ndarray) -> np.ndarray:
        """At most the weight of the match, of all sequences of which no more is known."""
        q, u = rows.last[:, None], rows.behind[:, None]
        own, other = (rows.positions, rows.tokens), (rows.earlier, rows.seen)
        middle = self.own[0, q, *own] + self.own[1, u, *own]
        middle = middle + self.other[0, q, *other] + self.other[1, u, *other]
        last = rows.missed[:, :, -1:]
        radius = (last * (self.of_own[:, *own] + self.of_first * self.of_other[:, *other])).sum(
            axis=0
        )
        here = (self.of_last[:, q] + self.of_behind[:, u]) + np.einsum(
            "hmp,hk->kmp", last, self.both
        )
        radius = (radius + (rows.missed * here).sum(axis=0)) * _MORE + self.error
        radius = radius + _SUMS * np.abs(middle)
        every = np.arange(len(match))
        exponent = middle + radius - (middle - radius)[every, match][:, None]
        exponent[every, match] = -np.inf
        with np.errstate(over="ignore"):
            others = np.exp(exponent).sum(axis=1) * _MORE + 2.0**-1000
        return 1 / (1 + others) / _MORE


class _Logits:
    """Every other answer less the right one, by the weight of the match."""

    def __init__(self, before: _Before, margin: float) -> None:
        self.form, self.margin = before.form, margin
        form = before.form
        u, sizes = form.outcomes, form.outcome_sizes
        self.out = out = u.shape[1]
        f = (u[:, :, None] - u[:, None]).reshape(len(u), -1)
        f_sizes = np.add.outer(sizes, sizes).ravel()
        moves = list(zip(form.moves[1], form.move_sizes[1], strict=True))
        whole = sum(each for _, each in moves)
        self.direct = form.atoms[-1] @ u, before.sum[-2] @ u
        moved = np.sum([z @ u for z, _ in moves], axis=0)
        self.match = form.atoms @ moved, before.sum @ moved
        self.direct_range = before.ranges(f, f_sizes)
        each = [before.ranges(z @ f, size * f_sizes) for z, size in moves]
        self.match_range = np.sum(each, axis=0)
        most = [
            _largest(before, z @ f, size * f_sizes, r)
            for (z, size), r in zip(moves, each, strict=True)
        ]
        self.most = np.sum(most, axis=0).reshape(out, out)
        error = form.error(before.state_size * f_sizes * (1 + whole))
        size = before.state_size * f_sizes * (1 + whole)
        self.error = (error + _SUMS * (size + abs(margin))).reshape(out, out)

    def right(self, rows: _Rows, match: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Whether the token at the match leads, its weight being at least `share` in every head."""
        every, j = np.arange(len(match)), np.arange(self.out)
        label, z = rows.tokens[every, match], rows.tokens[every, match - 1]
        known = label < self.out
        b = np.where(known, label, 0)
        direct = self.direct[0][rows.last] + self.direct[1][rows.behind]
        here = self.match[0][match, label] + self.match[1][match - 1, z]
        direct, here = (each - each[every, b][:, None] for each in (direct, here))
        missed = rows.missed
        direct = direct + np.einsum("hm,hmj->mj", missed[:, :, -1], self._at(self.direct_range, b))
        at_match = missed[:, every, match]
        here = here + np.einsum("hm,hmj->mj", at_match, self._at(self.match_range, b))
        error, most = self.error[:, b].T, self.most[:, b].T
        total = direct + share[:, None] * here + (1 - share[:, None]) * most
        slack = 4 * error + _SUMS * (np.abs(direct) + np.abs(here) + np.abs(most))
        return known & ((total + slack < -self.margin) | (j == b[:, None])).all(axis=1)

    def _at(self, ranges: np.ndarray, b: np.ndarray) -> np.ndarray:
        """[h, sequence, j] of ranges [h, (j, b)]."""
        return ranges.reshape(-1, self.out, self.out)[:, :, b].swapaxes(1, 2)


def _largest(before: _Before, w: np.ndarray, sizes: np.ndarray, ranges: np.ndarray) -> np.ndarray:
    """At least C, for each column: the largest of each part at a position, added up (10.10)."""
    form = before.form
    own, moved = form.atoms @ w, before.sum @ w
    found = (own[0] + moved[0]).max(axis=0)
    for p in range(1, form.length):
        missed = before.missed[:, p].max(axis=(1, 2)) @ ranges
        found = np.maximum(found, own[p].max(axis=0) + moved[p - 1].max(axis=0) + missed)
    return found + form.error(before.state_size * sizes) + _SUMS * before.state_size * sizes
