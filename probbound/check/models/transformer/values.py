"""The operations of a transformer on float64 numbers, and what other arithmetics have to offer."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from probbound.check.models.transformer.configuration import NONE, Configuration
from probbound.check.models.transformer.functions import (
    ACTIVATIONS,
    capped,
    distances,
    rotated,
    slopes,
)

Numbers = np.ndarray


class Matrix(NamedTuple):
    """One matrix (in, out) or one a head (heads, in, out), in float64, under its name."""

    name: str
    values: Numbers


@runtime_checkable
class Arithmetic(Protocol):
    """What is done with states (rows, positions, numbers), or (rows, heads, positions, numbers)."""

    said: Configuration
    floats: int  # whose memory a number takes

    def exact(self, values: Numbers) -> Any:
        """A state of numbers as they are stored."""
        ...

    def at(self, x: Any, positions: slice) -> Any:
        """A state at some of its positions."""
        ...

    def plus(self, x: Any, y: Any) -> Any:
        """x + y, number by number."""
        ...

    def times(self, x: Any, y: Any) -> Any:
        """x ⊙ y."""
        ...

    def affine(self, x: Any, matrix: Matrix, bias: Numbers | None) -> Any:
        """x W + b."""
        ...

    def normed(self, x: Any, norm: str, weight: Numbers | None, bias: Numbers | None) -> Any:
        """A norm of that kind along the numbers."""
        ...

    def activated(self, x: Any) -> Any:
        """The activation of every number."""
        ...

    def heads(self, x: Any, matrices: Matrix, bias: Numbers | None) -> Any:
        """x W_h + b_h for every head h."""
        ...

    def rotated(self, x: Any) -> Any:
        """Heads turned by their positions."""
        ...

    def attended(self, q: Any, k: Any, z: Any, hidden: Numbers) -> Any:
        """Means of z by the softmax of scores, where positions (query, key) are not hidden."""
        ...

    def joined(self, heads: Any, matrices: Matrix, bias: Numbers | None) -> Any:
        """The sum of o_h W_h over heads, and b."""
        ...

    def outcome(self, x: Any, matrix: Matrix | None, bias: Numbers | None) -> Any:
        """x W + b with its cap, or x with it where there is no matrix."""
        ...


class Values:
    """Arithmetic on numbers alone."""

    floats = 1

    def __init__(self, said: Configuration) -> None:
        self.said = said

    def exact(self, values: Numbers) -> Numbers:
        return values

    def at(self, x: Numbers, positions: slice) -> Numbers:
        return x[:, positions]

    def plus(self, x: Numbers, y: Numbers) -> Numbers:
        return x + y

    def times(self, x: Numbers, y: Numbers) -> Numbers:
        return x * y

    def affine(self, x: Numbers, matrix: Matrix, bias: Numbers | None) -> Numbers:
        return _shifted(x @ matrix.values, bias)

    def normed(
        self, x: Numbers, norm: str, weight: Numbers | None, bias: Numbers | None
    ) -> Numbers:
        if norm == NONE:
            return x
        moved, scale = self.scaled(x, norm)
        found = moved / scale
        return _shifted(found if weight is None else found * weight, bias)

    def scaled(self, x: Numbers, norm: str) -> tuple[Numbers, Numbers]:
        """What a norm divides, x or x less its mean, and by what."""
        moved = x - x.mean(axis=-1, keepdims=True) if norm == "layer" else x
        square = (moved * moved).mean(axis=-1, keepdims=True)
        return moved, np.sqrt(square + self.said.norm_eps)

    def activated(self, x: Numbers) -> Numbers:
        return ACTIVATIONS[self.said.activation](x)

    def heads(self, x: Numbers, matrices: Matrix, bias: Numbers | None) -> Numbers:
        heads, d, e = matrices.values.shape
        found = x @ matrices.values.transpose(1, 0, 2).reshape(d, heads * e)
        found = _shifted(found, None if bias is None else bias.reshape(-1))
        return found.reshape(*x.shape[:2], heads, e).swapaxes(1, 2)

    def rotated(self, x: Numbers) -> Numbers:
        return rotated(x, self.said.rotary_dim, self.said.rotary_base, self.said.rotary_pairs)

    def attended(self, q: Numbers, k: Numbers, z: Numbers, hidden: Numbers) -> Numbers:
        k, z = self.shared(k), self.shared(z)
        return self.pattern(self.scores(q, k), hidden)[0] @ z

    def shared(self, groups: Numbers) -> Numbers:
        """For every head that of keys or values which it reads."""
        return np.repeat(groups, self.said.n_heads // self.said.n_key_value_heads, axis=1)

    def scores(self, q: Numbers, k: Numbers) -> Numbers:
        """(rows, heads, query, key), before the mask."""
        found = capped(q @ k.swapaxes(2, 3) / self.said.attn_scale, self.said.score_cap)
        return found if self.said.positions != "alibi" else found - self.bias(q.shape[2])

    def bias(self, length: int) -> Numbers:
        """What `alibi` takes from the scores, (heads, query, key)."""
        return slopes(self.said.n_heads)[:, None, None] * np.abs(distances(length))

    def pattern(self, scores: Numbers, hidden: Numbers) -> tuple[Numbers, Numbers]:
        """The softmax over keys that are not hidden, and scores less the largest of these."""
        scores = np.where(hidden, -np.inf, scores)
        below = scores - scores.max(axis=-1, keepdims=True)
        found = np.exp(below)
        return found / found.sum(axis=-1, keepdims=True), below

    def joined(self, heads: Numbers, matrices: Matrix, bias: Numbers | None) -> Numbers:
        together = heads.swapaxes(1, 2)
        together = together.reshape(*together.shape[:2], -1)
        return _shifted(together @ matrices.values.reshape(together.shape[-1], -1), bias)

    def outcome(self, x: Numbers, matrix: Matrix | None, bias: Numbers | None) -> Numbers:
        return capped(x if matrix is None else self.affine(x, matrix, bias), self.said.logit_cap)


def _shifted(x: Numbers, bias: Numbers | None) -> Numbers:
    return x if bias is None else x + bias
