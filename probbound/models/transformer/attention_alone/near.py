"""A first layer that looks at the token before: its weights, all others in a hull (10.9)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from jaxtyping import Float

from probbound.machine.errors import UserError
from probbound.models.transformer.attention_alone.form import LEAST, Form

_SLACK = 2.0**-44
FAINT = 2.0**-500  # weights below are not told apart from what underflows


@dataclass(frozen=True)
class Near:
    """The first layer's weights of a position: its own, that before it, and of all others.

    By position and its token y, `before` by the token before it too; `low` and `high` are the
    least and the most that positions further back weigh together.
    """

    own: Float[np.ndarray, "n_ctx now"]
    before: Float[np.ndarray, "n_ctx now earlier"]
    low: Float[np.ndarray, "n_ctx now"]
    high: Float[np.ndarray, "n_ctx now"]
    widening: float

    def means(
        self, at: int, table: Float[np.ndarray, "n_ctx tokens m"]
    ) -> Float[np.ndarray, "now earlier m"]:
        """At least the mean of what a table bounds, by the token there and that before it."""
        v, quantities = table.shape[1:]
        found = self.mean(at, table, np.arange(v)[:, None], np.arange(v)[None])
        return np.broadcast_to(found, (v, v, quantities))

    def mean(
        self, at: int, table: Float[np.ndarray, "n_ctx tokens m"], y: Any, z: Any
    ) -> Float[np.ndarray, "*pairs m"]:
        """The same at some pairs of tokens."""
        size = np.abs(table[: at + 1]).max(axis=(0, 1))
        own, low, high = (np.asarray(each[at, y])[..., None] for each in self._of_one)
        read = [(own, table[at, y])]
        if at:
            read.append((np.asarray(self.before[at, y, z])[..., None], table[at - 1, z]))
        far = table[: at - 1].max(axis=(0, 1)) if at > 1 else np.zeros(1)
        found = np.maximum(*(self._mean_of([*read, (each, far)]) for each in (low, high)))
        certain = _sum(weight for weight, _ in read) + low
        found = np.where(certain >= FAINT, found, size)
        return np.minimum(found + _SLACK * size + LEAST, size)

    def _mean_of(self, read: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        """At least the mean of values by weights, each of these known up to 1 ± `widening`."""
        with np.errstate(invalid="ignore", divide="ignore", under="ignore"):
            whole = _sum(weight for weight, _ in read)
            mean = _sum(weight * value for weight, value in read) / whole
            apart = _sum(weight * np.abs(value - mean) for weight, value in read) / whole
        return mean + self.widening / (1 - self.widening) * (1 + 2.0**-30) * apart

    @property
    def _of_one(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.own, self.low, self.high


def require_two_layers(screen: str, form: Form) -> None:
    """Refuse a network that the tables of neighbouring tokens are not about.

    Raises:
        UserError: if it has not two layers of one head each.
    """
    if (form.n_layers, form.n_heads) != (2, 1):
        raise UserError(
            f"the screen {screen} is for two layers of one head each, {form.name} has "
            f"{form.n_layers} of {form.n_heads}; tree is for any"
        )


def near_weights(form: Form) -> Near:
    """Those of a network whose first layer has one head."""
    n, v, width = form.atoms.shape
    flat = form.atoms.reshape(n * v, width)
    scores = (flat @ form.scores[0, 0] @ flat.T).reshape(n, v, n, v)
    own, before = np.zeros((n, v)), np.zeros((n, v, v))
    low, high = np.zeros((n, v)), np.zeros((n, v))
    y = np.arange(v)
    for p in range(n):
        seen = scores[p, :, : p + 1].copy()
        seen[:, p] = seen[y, p, y][:, None]
        e = np.exp(seen - seen.max(axis=(1, 2), keepdims=True))
        own[p] = e[:, p, 0]
        if p:
            before[p] = e[:, p - 1]
        far = e[:, : max(p - 1, 0)]
        low[p], high[p] = far.min(axis=2).sum(axis=1), far.max(axis=2).sum(axis=1)
    largest = form.atom_size**2 * float(form.score_sizes[0, 0])
    off = form.gamma * largest + 2.0**-50 * largest + 2.0**-43
    return Near(own, before, low, high, float(np.expm1(off)))


def differences(outcomes: Float[np.ndarray, "*at out"]) -> Float[np.ndarray, "*at apart"]:
    """Outcome j less outcome b, at j · out + b."""
    apart = outcomes[..., :, None] - outcomes[..., None, :]
    return apart.reshape(*outcomes.shape[:-1], -1)


def norms(outcomes: Float[np.ndarray, "width out"]) -> Float[np.ndarray, " out"]:
    """At least the length of each column."""
    return np.sqrt((outcomes * outcomes).sum(axis=0)) * (1 + 2.0**-30)


def _sum(summands: Iterable[np.ndarray]) -> np.ndarray:
    """Of arrays of shapes that are broadcast."""
    return reduce(np.add, summands)


def plus(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """At least their sum."""
    return x + y + 2.0**-46 * (np.abs(x) + np.abs(y))
