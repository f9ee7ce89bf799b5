"""The largest mean over a product set, by chords and extrapolation (Theorem 10.5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

_SLACK = 2.0**-42
_TINY = 2.0**-900
_ROUNDS = 60
_AT_ONCE = 1 << 17


class Places(NamedTuple):
    """Positions with what may stand at each: (positions, members, …batch), to be broadcast.

    `low` and `high` hold the weights, at most about 1 the largest, `value` is at least the value.
    The last axis of the batch is 1 long in the weights.
    """

    low: np.ndarray
    high: np.ndarray
    value: np.ndarray


def weights(below: np.ndarray, above: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of exponentials of what lies between, in units of the largest (5.3, 10.5)."""
    low, high = np.exp(below) * (1 - 2.0**-47), np.exp(above) * (1 + 2.0**-47)
    return np.where(low < 2.0**-1000, 0.0, low), np.maximum(high, 2.0**-1000)


def largest_mean(places: Sequence[Places]) -> np.ndarray:
    """At least the largest mean of values by weights, one member a position; (…batch).

    It is the largest value, or a λ at which F, and what rounding takes from it, is not positive:
    nothing is divided by small sums of weights.
    """
    shapes = [np.broadcast_shapes(each.low.shape, each.value.shape) for each in places]
    count = max(shape[-1] for shape in shapes)
    whole = sum(int(np.prod(shape[:-1])) for shape in shapes)
    step = max(1, _AT_ONCE // max(1, whole))
    parts = [
        _largest([each._replace(value=_part(each.value, at, step)) for each in places])
        for at in range(0, count, step)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)


def _part(value: np.ndarray, at: int, step: int) -> np.ndarray:
    return value if value.shape[-1] == 1 else value[..., at : at + step]


def _largest(places: list[Places]) -> np.ndarray:
    top, bottom = (_over(places, np.maximum), _over(places, np.minimum))
    size = np.maximum(np.abs(top), np.abs(bottom))
    shape = np.broadcast_shapes(top.shape, *(each.high.shape[2:] for each in places))

    def f(at: np.ndarray) -> np.ndarray:
        total = sizes = np.zeros(())
        for each in places:
            over = each.value - at
            terms = over * each.high
            over = over * each.low
            chosen = np.maximum(terms, over, out=terms).max(axis=1)
            total, sizes = total + chosen.sum(axis=0), sizes + np.abs(chosen).sum(axis=0)
        return total + _SLACK * sizes + _TINY * (1 + size)

    return least_level(f, np.broadcast_to(bottom, shape), np.broadcast_to(top, shape), size)


def least_level(
    f: Callable[[np.ndarray], np.ndarray], bottom: np.ndarray, top: np.ndarray, size: np.ndarray
) -> np.ndarray:
    """About the least λ between where the falling, convex F is not positive, or `top`.

    Chords and extrapolations, `size` being that of the values whose mean it is.
    """
    low, high = bottom, top
    nudge = size * 2.0**-47
    f_low, f_high = f(low), f(high)
    past, f_past = high, f_high
    for _ in range(_ROUNDS):
        open_ = (high - low > 3 * nudge) & (f_high < 0)
        if not open_.any():
            break
        slope = _quotient(high - low, f_high - f_low)
        at = _between(high - f_high * slope + nudge, low, high)
        f_at = f(at)
        under = f_at <= 0
        past, f_past = np.where(under, high, past), np.where(under, f_high, f_past)
        low, f_low = np.where(under, low, at), np.where(under, f_low, f_at)
        high, f_high = np.where(under, at, high), np.where(under, f_at, f_high)
        slope = _quotient(past - high, f_past - f_high)
        at = _between(high - f_high * slope - nudge, low, high)
        f_at = f(at)
        under = f_at <= 0
        past, f_past = np.where(under, high, past), np.where(under, f_high, f_past)
        low, f_low = np.where(under, low, at), np.where(under, f_low, f_at)
        high, f_high = np.where(under, at, high), np.where(under, f_at, f_high)
        nudge = 2 * nudge
    return np.where(f_high <= 0, high, top)


def _over(places: list[Places], ufunc: np.ufunc) -> np.ndarray:
    """The largest or smallest of all values."""
    found = [ufunc.reduce(ufunc.reduce(each.value, axis=0), axis=0) for each in places]
    total = found[0]
    for each in found[1:]:
        total = ufunc(total, each)
    return total


def _quotient(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    return np.divide(over, under, out=np.full(over.shape, np.nan), where=under != 0)


def _between(at: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """That number where it lies strictly between, the middle elsewhere."""
    return np.where((at > low) & (at < high), at, (low + high) / 2)
