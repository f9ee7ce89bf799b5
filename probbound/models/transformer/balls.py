"""The forward pass in balls of python-flint, each number with how far off it is (Theorem 9.14)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np
from jaxtyping import Array, Bool, Float, Int

from probbound.machine.errors import UserError
from probbound.models.transformer.architecture import (
    Activation,
    Norm,
    RotaryPairs,
    alibi_exponents,
)
from probbound.models.transformer.parts import Affine, Heads, Scaling, Together

STEP, MOST_BITS = 64, 4096
ENTRIES = 1 << 20  # of a matrix, made into balls at once
Numbers = np.ndarray  # of arb, or of floats, which are exact


def require_balls(bits: Any) -> int:
    """So many bits, if balls may have them and python-flint is there.

    Raises:
        UserError: if not.
    """
    if type(bits) is not int or bits % STEP or not STEP <= bits <= MOST_BITS:
        raise UserError(
            f"balls have a multiple of {STEP} bits, at most {MOST_BITS}: 192 for six layers or so, "
            f"got {bits!r}"
        )
    _library()
    return bits


def _library() -> Any:
    """python-flint, an optional extra, loaded where balls are asked for."""
    try:
        return import_module("flint")
    except ImportError as error:
        raise UserError(
            "balls take python-flint, which is not installed: pip install 'probbound[balls]'"
        ) from error


@contextmanager
def balls_of(bits: int) -> Iterator[Balls]:
    """Arithmetic whose results have so many bits, while this lasts.

    Raises:
        UserError: if python-flint is not installed.
    """
    flint = _library()
    with flint.ctx.workprec(bits):
        yield Balls(flint.arb, flint.arb_mat)


class Balls:
    """Activations are arrays of arb, (rows, positions, …); weights are exact."""

    def __init__(self, arb: Any, arb_mat: Any) -> None:
        self._arb, self._matrix = arb, arb_mat
        self._each = {
            "relu": lambda x: x.max(0),
            "gelu": lambda x: x * (1 + (x / arb(2).sqrt()).erf()) / 2,
            "gelu_tanh": _gelu_tanh((2 / arb.pi()).sqrt(), arb(44715) / 1_000_000),
            "silu": lambda x: x / (1 + (-x).exp()),
        }

    def read(self, table: Float[Array, "rows width"], at: Int[Array, "*places"]) -> Numbers:
        """Rows as stored, exact."""
        return self._exact(np.asarray(table)[np.asarray(at)])

    def add(self, x: Numbers, y: Numbers) -> Numbers:
        """Their sum."""
        return x + y

    def shift(self, x: Numbers, b: Array | None) -> Numbers:
        """With a bias, if there is one."""
        return x if b is None else x + self._exact(np.asarray(b))

    def linear(self, x: Numbers, by: Affine) -> Numbers:
        """x W + b."""
        return self.shift(self._product(x, np.asarray(by.W)), by.b)

    def heads(self, x: Numbers, by: Heads) -> Numbers:
        """x W_h + b_h of every head, as one product."""
        heads, width, columns = by.W.shape
        beside = np.asarray(by.W).transpose(1, 0, 2).reshape(width, -1)
        found = self._product(x, beside)
        return self.shift(found.reshape(*x.shape[:-1], heads, columns), by.b)

    def together(self, x: Numbers, by: Together) -> Numbers:
        """The heads' sum, as one product."""
        flat = x.reshape(*x.shape[:2], -1)
        return self.shift(self._product(flat, np.asarray(by.W).reshape(flat.shape[-1], -1)), by.b)

    def normed(self, x: Numbers, kind: Norm, epsilon: float, by: Scaling) -> Numbers:
        """The norm of every position."""
        found, n = x, x.shape[-1]
        if kind != "none":
            z = x - x.sum(axis=-1, keepdims=True) / n if kind == "layer" else x
            squares = (z * z).sum(axis=-1, keepdims=True) / n + self._arb(epsilon)
            found = z * self._mapped(squares, lambda square: square.rsqrt())
        found = found if by.w is None else found * self._exact(np.asarray(by.w))
        return self.shift(found, by.b)

    def activated(self, x: Numbers, kind: Activation) -> Numbers:
        """The activation of every number."""
        return self._mapped(x, self._each[kind])

    def times(self, x: Numbers, y: Numbers) -> Numbers:
        """Number by number."""
        return x * y

    def rotated(self, x: Numbers, dim: int, base: float, pairs: RotaryPairs, start: int) -> Numbers:
        """Every head turned by its position."""
        half = dim // 2
        speeds = [self._arb(base) ** (-self._arb(j) / half) for j in range(half)]
        turns = [
            [(p * speed).sin_cos() for speed in speeds] for p in range(start, start + x.shape[1])
        ]
        sin, cos = (
            self._array([turn[i] for row in turns for turn in row], (x.shape[1], 1, half))
            for i in (0, 1)
        )
        adjacent = pairs == "adjacent"
        one, two = (
            (slice(0, dim, 2), slice(1, dim, 2)) if adjacent else (slice(half), slice(half, dim))
        )
        found = x.copy()
        found[..., one] = x[..., one] * cos - x[..., two] * sin
        found[..., two] = x[..., two] * cos + x[..., one] * sin
        return found

    def following(self, past: Numbers, x: Numbers) -> Numbers:
        """Behind those that all rows begin with."""
        return np.concatenate([np.repeat(past, len(x), axis=0), x], axis=1)

    def alibi(self, heads: int, length: int) -> Numbers:
        """Slopes times distances, taken away, as balls."""
        apart = np.abs(np.arange(length)[:, None] - np.arange(length)[None])
        slopes = [self._arb(2) ** self._arb(exponent) for exponent in alibi_exponents(heads)]
        return -self._array(slopes, (heads, 1, 1)) * apart.astype(object)

    def attended(
        self,
        q: Numbers,
        k: Numbers,
        z: Numbers,
        seen: Bool[Array, "t t"],
        bias: Numbers | None,
        scale: float,
        cap: float | None,
    ) -> tuple[Numbers, dict[str, Any]]:
        """Means of z under softmax of scores, row by row and head by head."""
        found, visible = np.empty_like(q), np.asarray(seen)
        shared = q.shape[2] // k.shape[2]
        for row, head in np.ndindex(q.shape[0], q.shape[2]):
            keys, values = k[row, :, head // shared], z[row, :, head // shared]
            scores = self._of_balls(q[row, :, head], keys.T) / self._arb(scale)
            scores = self._capped(scores, cap)
            scores = scores if bias is None else scores + bias[head]
            raised = self._mapped(scores, lambda score: score.exp())
            raised = np.where(visible, raised, self._arb(0))
            pattern = raised / raised.sum(axis=-1, keepdims=True)
            found[row, :, head] = self._of_balls(pattern, values)
        return found, {}

    def outcomes(self, x: Numbers, W: Array | None, b: Array | None, cap: float | None) -> Numbers:
        """The numbers that come out."""
        return self._capped(self.shift(x if W is None else self._product(x, np.asarray(W)), b), cap)

    def at(self, x: Numbers, places: Numbers) -> Numbers:
        """One position of each row alone."""
        return x[np.arange(len(x)), places]

    def with_radii(
        self, x: Numbers
    ) -> tuple[Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"]]:
        """The nearest floats, and how far off each may be; infinity where nothing is known."""
        found = [self._as_float(ball) for ball in x.ravel().tolist()]
        values, radii = np.array(found, dtype=np.float64).reshape(-1, 2).T
        return values.reshape(x.shape), radii.reshape(x.shape)

    def _as_float(self, ball: Any) -> tuple[float, float]:
        value = float(ball) if ball.is_finite() else math.inf
        if not math.isfinite(value):
            return 0.0, math.inf
        far = float((ball - self._arb(value)).abs_upper())
        return value, math.nextafter(far, math.inf)

    def _capped(self, x: Numbers, cap: float | None) -> Numbers:
        if cap is None:
            return x
        size = self._arb(cap)
        return self._mapped(x, lambda number: size * (number / size).tanh())

    def _product(self, x: Numbers, W: Float[np.ndarray, "rows columns"]) -> Numbers:
        """Of balls with a matrix of floats, some of its columns at a time."""
        rows, columns = W.shape
        left = self._matrix(x.size // rows, rows, x.ravel().tolist())
        step = max(1, ENTRIES // rows)
        parts = []
        for at in range(0, columns, step):
            part = W[:, at : at + step]
            found = left * self._matrix(*part.shape, part.ravel().tolist())
            parts.append(self._array(found.entries(), (*x.shape[:-1], part.shape[1])))
        return np.concatenate(parts, axis=-1)

    def _of_balls(self, x: Numbers, y: Numbers) -> Numbers:
        found = self._matrix(*x.shape, x.ravel().tolist()) * self._matrix(
            *y.shape, y.ravel().tolist()
        )
        return self._array(found.entries(), (x.shape[0], y.shape[1]))

    def _exact(self, values: Float[np.ndarray, "*shape"]) -> Numbers:
        return self._array([self._arb(value) for value in values.ravel().tolist()], values.shape)

    def _mapped(self, x: Numbers, function: Callable[[Any], Any]) -> Numbers:
        return self._array([function(number) for number in x.ravel().tolist()], x.shape)

    def _array(self, numbers: list[Any], shape: tuple[int, ...]) -> Numbers:
        found = np.empty(len(numbers), dtype=object)
        found[:] = numbers
        return found.reshape(shape)


def _gelu_tanh(root: Any, cubic: Any) -> Callable[[Any], Any]:
    return lambda x: x * (1 + (root * (x + cubic * x * x * x)).tanh()) / 2
