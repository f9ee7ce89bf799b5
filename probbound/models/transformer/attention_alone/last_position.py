"""The exact range of the last position's state, given the last two tokens (10.5 and 10.9)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from probbound.models.transformer.attention_alone.form import LEAST, Form
from probbound.models.transformer.attention_alone.mean_range import looked_at, widened
from probbound.models.transformer.attention_alone.near import differences, norms, plus

STEPS = 6  # of Newton, one of which looks at every value


@dataclass(frozen=True)
class Last:
    """What is asked of the last position: a part by its own token, and a mean of what it reads.

    `weights` are those of the first layer by its token, the largest being 1, and each known up to
    a factor 1 ± `widening`; `size` is at least every absolute value of what is read further back
    than the last two positions.
    """

    own: Float[np.ndarray, "d_vocab m"]
    read: Float[np.ndarray, "m n_ctx d_vocab"]
    weights: Float[np.ndarray, "d_vocab n_ctx d_vocab"]
    size: Float[np.ndarray, " m"]
    widening: float

    def at_most(self, q: int, u: int) -> Float[np.ndarray, " m"]:
        """No value is larger where the last token is q and that before it u."""
        return plus(self.own[q], self._mean(q, u))

    def _mean(self, q: int, u: int) -> Float[np.ndarray, " m"]:
        far, values = self.weights[q, :-2], self.read[:, :-2]
        near = self.weights[q, [-2, -1], [u, q]]
        ends = self.read[:, [-2, -1], [u, q]]
        least = (far.min(axis=1).sum() + near.sum()) * (1 - self.widening)
        size = np.maximum(self.size, np.abs(ends).max(axis=1))
        best = size
        level = np.where(near.sum() > 0, (ends * near).sum(axis=1) / max(near.sum(), LEAST), 0.0)
        for _ in range(STEPS):
            terms = values - level[:, None, None]
            terms *= far
            chosen = terms.argmax(axis=2)[..., None]
            largest = np.take_along_axis(terms, chosen, 2)[..., 0]
            largest = np.concatenate([largest, (ends - level[:, None]) * near], axis=1)
            slope = far[np.arange(len(far)), chosen[..., 0]].sum(axis=1) + near.sum()
            spread = np.maximum(size, np.abs(level))
            largest = widened(largest, self.widening)
            bound, step = looked_at(level, largest, slope, least, spread)
            best = np.fmin(best, bound)
            if np.all(np.abs(step) <= 1e-13 * spread):
                break
            level = level + step
        return best


def last_of(form: Form, widening: float) -> Last:
    """That of a network of two layers with one head each.

    Asked are outcome j less b, at j · out + b; then the scores in layer 2 of residuals as keys,
    those below with their signs changed, and so of what the first layer moves, by position and
    token. The weights may be off by factors 1 ± `widening`.
    """
    n, v, width = form.atoms.shape
    moved, grown = form.atoms @ form.values[0, 0], float(form.value_sizes[0, 0])
    size = norms(form.outcomes)[:, None] + norms(form.outcomes)
    raised = (form.gamma * form.atom_size * size + LEAST).reshape(-1)
    own = [differences(form.atoms[-1] @ form.outcomes) + raised]
    read = [differences(moved @ form.outcomes) + raised * grown + LEAST]
    off = 2 * form.atom_size * float(form.score_sizes[1, 0]) * form.gamma * form.atom_size
    for atoms, by in ((form.atoms, 1.0), (moved, grown)):
        apart = (atoms - atoms[(n - 1) // 2, 0]).reshape(n * v, width)
        keys = form.scores[1, 0] @ apart.T
        for lists, made, more in ((own, form.atoms[-1], off * by), (read, moved, off * by * grown)):
            found = made @ keys
            lists += [more + LEAST - found, found + more + LEAST]
    scores = form.atoms[-1] @ form.scores[0, 0] @ form.atoms.reshape(n * v, width).T
    weights = np.exp(scores - scores.max(axis=1, keepdims=True)).reshape(v, n, v)
    values = np.ascontiguousarray(np.concatenate(read, axis=2).transpose(2, 0, 1))
    far = values[:, :-2]
    size = np.maximum(far.max(axis=(1, 2)), -far.min(axis=(1, 2)))
    return Last(np.concatenate(own, axis=1), values, weights, size, widening)
