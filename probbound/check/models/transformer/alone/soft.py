"""One sequence of two layers by the first layer's weights as they are (Theorem 10.20)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from probbound.check.models.transformer.alone.form import Form
from probbound.check.report import Refused

_MORE = 1 + 2.0**-40
_SUMS = 2.0**-40
_FINEST = 64
_AT_ONCE = 1 << 19


def right(form: Form, margin: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Says of tokens (m, n) and places (m,) which are answered by what follows the place, (m,).

    A place that is not below n − 1 is never said to be right.

    Args:
        form: Of two layers of one head.
        margin: In units of the logits.

    Raises:
        Refused: of another form.
    """
    if (form.layers, form.heads) != (2, 1):
        raise Refused("sequences are proved by the first layer's weights with two layers, one head")
    attended, values = _Attended(form), _Values(form, margin)
    step = max(1, _AT_ONCE // (form.length * max(form.length, values.out)))

    def said(tokens: np.ndarray, place: np.ndarray) -> np.ndarray:
        found = np.zeros(len(tokens), dtype=bool)
        fits = np.flatnonzero((place >= 0) & (place < form.length - 1))
        for at in np.split(fits, range(step, len(fits), step)):
            seen, match = attended.of(tokens[at]), place[at] + 1
            found[at] = values.right(tokens[at], match, seen, attended.share(seen, match))
        return found

    return said


class _Seen(NamedTuple):
    """Of sequences: e (m, p, s), S (m, p), and which atom stands at each position (m, n)."""

    weights: np.ndarray
    scores: np.ndarray
    atoms: np.ndarray
    spread: float


class _Attended:
    """What the first layer sees, and what the last one makes of it as keys."""

    def __init__(self, form: Form) -> None:
        self.form = form
        n, v = form.length, form.tokens
        table, off = form.first[0]
        self.first = table.reshape(n * v, n * v)
        off = off + 2.0**-51 * float(np.abs(table).max())
        self.factor = float(np.exp(off)) * (1 + 2.0**-46)
        plain = form.atoms.reshape(n * v, -1)
        moved = plain @ form.moves[0, 0]
        a = form.scores[1, 0]
        self.of_last = np.stack([form.atoms[-1] @ a @ keys.T for keys in (plain, moved)])
        self.of_moved = np.stack([moved @ a @ keys.T for keys in (plain, moved)])
        largest = np.abs(self.of_last).max(axis=(1, 2)) + np.abs(self.of_moved).max(axis=(1, 2))
        size = (form.atom_size * (1 + form.move_sizes[0, 0])) ** 2 * form.score_sizes[1, 0]
        by_weights = self.factor**4 - 1 + _SUMS
        self.off = (by_weights * (1 + largest.sum()) + float(form.error(size))) * _MORE

    def of(self, tokens: np.ndarray) -> _Seen:
        """The first layer's weights and the last layer's scores."""
        n, v = self.form.length, self.form.tokens
        atoms = tokens + v * np.arange(n)
        looked = self.first[atoms[:, :, None], atoms[:, None]]
        looked = np.where(np.tri(n, dtype=bool), looked, -np.inf)
        weights = np.exp(looked - looked.max(axis=2, keepdims=True))
        weights /= weights.sum(axis=2, keepdims=True)
        last, q = weights[:, -1], tokens[:, -1:]
        plain, moved = (
            one[q, atoms] + np.einsum("mr,mrs->ms", last, both[atoms[:, :, None], atoms[:, None]])
            for one, both in zip(self.of_last, self.of_moved, strict=True)
        )
        scores = plain + np.einsum("mps,ms->mp", weights, moved)
        return _Seen(weights, scores, atoms, self.factor**2 - 1 + _SUMS)

    def share(self, seen: _Seen, match: np.ndarray) -> np.ndarray:
        """At most the last layer's weight of the match."""
        every = np.arange(len(match))
        over = seen.scores - seen.scores[every, match][:, None] + 2 * self.off
        over[every, match] = -np.inf
        with np.errstate(over="ignore"):
            return 1 / (1 + np.exp(over).sum(axis=1) * _MORE) / _MORE


class _Values:
    """What each other answer gains on the right one, by the scale of Theorem 10.20."""

    def __init__(self, form: Form, margin: float) -> None:
        n, v = form.length, form.tokens
        self.form, self.margin = form, margin
        u, sizes = form.outcomes, np.add.outer(form.outcome_sizes, form.outcome_sizes)
        self.out = u.shape[1]
        plain = form.atoms.reshape(n * v, -1)
        moved = plain @ form.moves[0, 0]
        self.direct = form.atoms[-1] @ u, moved @ u
        self.worth = plain @ (form.moves[1, 0] @ u), moved @ (form.moves[1, 0] @ u)
        state = form.atom_size * (1 + form.move_sizes[0, 0])
        here, behind = state * sizes, state * form.move_sizes[1, 0] * sizes
        self.off = form.error(here) + _SUMS * here
        self.worth_off = form.error(behind) + _SUMS * behind
        self.most = self._most() + self.worth_off
        self.scale = self._scale()

    def _most(self) -> np.ndarray:
        """τ [j, b], but for rounding."""
        n, v = self.form.length, self.form.tokens
        found, far = np.full((self.out, self.out), -np.inf), -np.inf
        for p in range(n):
            at = slice(p * v, (p + 1) * v)
            own, moved = ((each[at, :, None] - each[at, None]).max(axis=0) for each in self.worth)
            far = np.maximum(far, moved)
            found = np.maximum(found, own + far)
        return found

    def _scale(self) -> np.ndarray:
        """N [atom of the match, j]."""
        v = self.form.tokens
        atoms = np.arange(len(self.worth[0]))
        mean = self.worth[0] + self.worth[1].mean(axis=0)
        label = atoms % v
        gain = self.most[:, label].T - (mean - mean[atoms, label][:, None])
        return np.maximum(gain, np.abs(self.most).max() / _FINEST + 2.0**-100)

    def right(
        self, tokens: np.ndarray, match: np.ndarray, seen: _Seen, share: np.ndarray
    ) -> np.ndarray:
        """Whether the token at the match leads all others."""
        every = np.arange(len(match))
        label, key = tokens[every, match], seen.atoms[every, match]
        scale, most = self.scale[key][:, None], self.most[:, label].T[:, None]
        others = (np.arange(self.out) != label[:, None])[:, None]
        direct = self._led(self.direct[0][tokens[:, -1:]] + self.direct[1][seen.atoms], label)
        slack = self.off[:, label].T[:, None] + _SUMS * (np.abs(most) + abs(self.margin))
        said = np.where(others, (direct + most + self.margin + slack) / scale, -np.inf).max(axis=2)
        worth = self._led(self.worth[0][key][:, None] + self.worth[1][seen.atoms], label)
        slack = self.worth_off[:, label].T[:, None] + _SUMS * np.abs(most)
        shown = np.where(others, (most - worth - slack) / scale, np.inf).min(axis=2)
        total = _mean(seen.weights[:, -1], said, seen.spread)
        gained = -_mean(seen.weights[every, match], -shown, seen.spread)
        return (gained >= 0) & (total < share * gained / _MORE)

    def _led(self, logits: np.ndarray, label: np.ndarray) -> np.ndarray:
        return logits - np.take_along_axis(logits, label[:, None, None], axis=2)


def _mean(weights: np.ndarray, values: np.ndarray, spread: float) -> np.ndarray:
    """At least the mean of values (m, n) by weights that are off by so much together."""
    return (weights * values).sum(axis=1) + spread * (1 + np.abs(values).max(axis=1)) * _MORE
