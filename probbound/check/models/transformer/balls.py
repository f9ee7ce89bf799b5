"""The operations of a transformer on balls of real numbers, by python-flint (Theorem 9.14).

A state is a list with one matrix of balls for each row, positions by numbers; of heads, a list of
such for each row. What is the same in all rows stands once, and what is the same at all positions
is a matrix of one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import chain
from typing import Any

import numpy as np

from probbound.check.models.transformer.configuration import NONE, Configuration
from probbound.check.models.transformer.functions import distances
from probbound.check.models.transformer.radii import Outcomes
from probbound.check.models.transformer.values import Matrix, Numbers
from probbound.check.report import Unusable

_MOST_ENTRIES = 1 << 20


@contextmanager
def in_balls(said: Configuration, bits: int) -> Iterator[Balls]:
    """The arithmetic, whose numbers have so many bits as long as this lasts.

    Raises:
        Unusable: if python-flint is not installed.
    """
    flint = library()
    with flint.ctx.workprec(bits):
        yield Balls(said, flint.arb, flint.arb_mat)


def library() -> Any:
    """python-flint, which nothing else here needs.

    Raises:
        Unusable: if it is not installed.
    """
    try:
        return import_module("flint")
    except ImportError as error:
        raise Unusable(
            "rows that were decided by balls cannot be answered again without python-flint: "
            "pip install python-flint"
        ) from error


class Balls:
    """Arithmetic on balls."""

    floats = 16

    def __init__(self, said: Configuration, ball: Any, matrix: Any) -> None:
        self.said, self._ball, self._matrix = said, ball, matrix

    def exact(self, values: Numbers) -> Any:
        if values.ndim == 3:
            return [self._stored(each) for each in values]
        return [self._stored(np.atleast_2d(values))]

    def at(self, x: Any, positions: slice) -> Any:
        return [self._made(each.table()[positions]) for each in x]

    def plus(self, x: Any, y: Any) -> Any:
        return [a + b for a, b in zip(x, self._beside(x, y), strict=True)]

    def times(self, x: Any, y: Any) -> Any:
        return [
            self._each(a, b, lambda one, two: one * two)
            for a, b in zip(x, self._beside(x, y), strict=True)
        ]

    def affine(self, x: Any, matrix: Matrix, bias: Numbers | None) -> Any:
        """Rows below one another, by some columns of the matrix at a time."""
        below = self._made(list(chain.from_iterable(each.table() for each in x)))
        step = max(1, _MOST_ENTRIES // len(matrix.values))
        table: list[list[Any]] = [[] for _ in range(below.nrows())]
        for start in range(0, matrix.values.shape[1], step):
            part = below * self._stored(matrix.values[:, start : start + step])
            for row, more in zip(table, part.table(), strict=True):
                row.extend(more)
        lengths, found, start = [each.nrows() for each in x], [], 0
        for length in lengths:
            found.append(self._made(table[start : start + length]))
            start += length
        return found if bias is None else self.plus(found, self.exact(bias))

    def normed(self, x: Any, norm: str, weight: Numbers | None, bias: Numbers | None) -> Any:
        if norm == NONE:
            return x
        found = [self._made([self._unit(row, norm) for row in each.table()]) for each in x]
        found = found if weight is None else self.times(found, self.exact(weight))
        return found if bias is None else self.plus(found, self.exact(bias))

    def _unit(self, row: list[Any], norm: str) -> list[Any]:
        """One vector over the root of its mean square."""
        if norm == "layer":
            mean = self._sum(row) / len(row)
            row = [number - mean for number in row]
        square = self._sum(number * number for number in row) / len(row)
        root = (square + self._ball(self.said.norm_eps)).sqrt()
        return [number / root for number in row]

    def activated(self, x: Any) -> Any:
        function = _ACTIVATIONS[self.said.activation](self._ball)
        return [self._of_each(each, function) for each in x]

    def heads(self, x: Any, matrices: Matrix, bias: Numbers | None) -> Any:
        """One product, whose columns are then shared out."""
        count, _, size = matrices.values.shape
        beside = Matrix(matrices.name, np.concatenate(matrices.values, axis=1))
        found = self.affine(x, beside, None if bias is None else bias.reshape(-1))
        parts = [slice(at, at + size) for at in range(0, count * size, size)]
        return [
            [self._made([row[part] for row in each.table()]) for part in parts] for each in found
        ]

    def rotated(self, x: Any) -> Any:
        said, half = self.said, self.said.rotary_dim // 2
        speed = [(-self._ball(said.rotary_base).log() * j / half).exp() for j in range(half)]
        places = (
            [(j, j + half) for j in range(half)]
            if said.rotary_pairs == "halves"
            else [(2 * j, 2 * j + 1) for j in range(half)]
        )

        def turned(heads: Any) -> Any:
            table = heads.table()
            for position, row in enumerate(table):
                for j, (one, two) in enumerate(places):
                    angle = position * speed[j]
                    cosine, sine, a, b = angle.cos(), angle.sin(), row[one], row[two]
                    row[one], row[two] = a * cosine - b * sine, a * sine + b * cosine
            return self._made(table)

        return [[turned(head) for head in row] for row in x]

    def attended(self, q: Any, k: Any, z: Any, hidden: Numbers) -> Any:
        together = self.said.n_heads // self.said.n_key_value_heads
        falls = self._falls(len(hidden)) if self.said.positions == "alibi" else None
        found = []
        for queries, keys, values in zip(q, k, z, strict=True):
            heads = []
            for head, query in enumerate(queries):
                scores = self._scores(query, keys[head // together])
                scores = scores if falls is None else scores - falls[head]
                pattern = self._pattern(scores, hidden)
                heads.append(pattern * values[head // together])
            found.append(heads)
        return found

    def _scores(self, query: Any, key: Any) -> Any:
        scale = self._ball(self.said.attn_scale)
        scores = self._of_each(query * key.transpose(), lambda score: score / scale)
        return self._capped(scores, self.said.score_cap)

    def _falls(self, length: int) -> list[Any]:
        """What `alibi` takes from the scores of each head."""
        heads = self.said.n_heads
        whole = 1 << (heads.bit_length() - 1)
        apart = np.abs(distances(length)).tolist()
        halvings = [self._ball(8 * (h + 1)) / whole for h in range(whole)]
        halvings += [self._ball(8 * (2 * h + 1)) / (2 * whole) for h in range(heads - whole)]
        slopes = [(-power * self._ball(2).log()).exp() for power in halvings]
        return [
            self._made([[slope * distance for distance in row] for row in apart])
            for slope in slopes
        ]

    def _pattern(self, scores: Any, hidden: Numbers) -> Any:
        table = []
        for row, unseen in zip(scores.table(), hidden.tolist(), strict=True):
            powers = [
                self._ball(0) if left else score.exp()
                for score, left in zip(row, unseen, strict=True)
            ]
            total = self._sum(powers)
            table.append([power / total for power in powers])
        return self._made(table)

    def joined(self, heads: Any, matrices: Matrix, bias: Numbers | None) -> Any:
        """Σ_h o_h W_h: heads side by side times their matrices below one another."""
        below = Matrix(matrices.name, np.concatenate(matrices.values, axis=0))
        beside = []
        for row in heads:
            tables = zip(*(head.table() for head in row), strict=True)
            beside.append(self._made([list(chain.from_iterable(parts)) for parts in tables]))
        return self.affine(beside, below, bias)

    def outcome(self, x: Any, matrix: Matrix | None, bias: Numbers | None) -> Outcomes:
        """Floats, and how far each is at most from all of its ball."""
        found = x if matrix is None else self.affine(x, matrix, bias)
        found = [self._capped(each, self.said.logit_cap) for each in found]
        pairs = np.array(
            [[[self._float(ball) for ball in row] for row in each.table()] for each in found]
        )
        return Outcomes(pairs[..., 0], pairs[..., 1])

    def _float(self, ball: Any) -> tuple[float, float]:
        if not ball.is_finite():
            return 0.0, math.inf
        value = float(ball.mid())
        if math.isinf(value):
            return 0.0, math.inf
        lower, upper = ball.lower() - self._ball(value), ball.upper() - self._ball(value)
        farthest = max(float(lower.abs_upper()), float(upper.abs_upper()))
        return value, math.nextafter(farthest, math.inf)

    def _capped(self, x: Any, cap: float | None) -> Any:
        if cap is None:
            return x
        most = self._ball(cap)
        return self._of_each(x, lambda number: (number / most).tanh() * most)

    def _beside(self, x: Any, y: Any) -> Iterator[Any]:
        """The second of two states as large as the first."""
        for row, one in enumerate(x):
            other = y[row] if len(y) > 1 else y[0]
            if other.nrows() < one.nrows():
                other = self._made(other.table() * one.nrows())
            yield other

    def _stored(self, values: Numbers) -> Any:
        return self._matrix(*values.shape, values.reshape(-1).tolist())

    def _made(self, table: list[list[Any]]) -> Any:
        return self._matrix(len(table), len(table[0]), list(chain.from_iterable(table)))

    def _of_each(self, x: Any, function: Callable[[Any], Any]) -> Any:
        return self._matrix(x.nrows(), x.ncols(), [function(ball) for ball in x.entries()])

    def _each(self, x: Any, y: Any, function: Callable[[Any, Any], Any]) -> Any:
        found = [function(a, b) for a, b in zip(x.entries(), y.entries(), strict=True)]
        return self._matrix(x.nrows(), x.ncols(), found)

    def _sum(self, numbers: Iterable[Any]) -> Any:
        return sum(numbers, self._ball(0))


def _gelu(ball: Any) -> Callable[[Any], Any]:
    root = ball(2).sqrt()
    return lambda x: x * (-x / root).erfc() / 2


def _gelu_tanh(ball: Any) -> Callable[[Any], Any]:
    """(1 + tanh y)/2 = 1/(1 + e^(-2y))."""
    twice, part = (8 / ball.pi()).sqrt(), ball(44715) / 10**6
    return lambda x: x / (1 + (-twice * (x + part * x**3)).exp())


_ACTIVATIONS: dict[str, Callable[[Any], Callable[[Any], Any]]] = {
    "relu": lambda ball: lambda x: x.max(ball(0)),
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "silu": lambda ball: lambda x: x / (1 + (-x).exp()),
}
