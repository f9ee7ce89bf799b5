"""Activations, caps, rotations and masks of a transformer, as `docs/networks.md` writes them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.special import erf

Numbers = np.ndarray


def _gelu(x: Numbers) -> Numbers:
    return x * (1 + erf(x / math.sqrt(2))) / 2


def _gelu_tanh(x: Numbers) -> Numbers:
    return x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x)))) / 2


def _silu(x: Numbers) -> Numbers:
    return x / (1 + np.exp(-x))


ACTIVATIONS: dict[str, Callable[[Numbers], Numbers]] = {
    "relu": lambda x: np.maximum(x, 0.0),
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "silu": _silu,
}


def capped(x: Numbers, cap: float | None) -> Numbers:
    """c · tanh(x / c), or x where there is no cap."""
    return x if cap is None else cap * np.tanh(x / cap)


def slopes(heads: int) -> Numbers:
    """What `alibi` takes from a score for each position between, one number a head."""
    whole = 1 << (heads.bit_length() - 1)
    first = 2.0 ** (-8 * np.arange(1, whole + 1) / whole)
    between = 2.0 ** (-8 * np.arange(1, 2 * whole + 1, 2) / (2 * whole))
    return np.concatenate([first, between[: heads - whole]])


def distances(length: int) -> Numbers:
    """How many positions each (query, key) lie apart, negative where the key comes later."""
    return np.arange(length)[:, None] - np.arange(length)


def unseen(length: int, window: int | None, *, causal: bool) -> Numbers:
    """Which positions (query, key) a query does not see."""
    before = distances(length)
    hidden = before < 0 if causal else np.zeros_like(before, dtype=bool)
    return hidden if window is None else hidden | (np.abs(before) >= window)


def rotated(x: Numbers, size: int, base: float, pairs: str) -> Numbers:
    """Heads (…, positions, d_head) with their first numbers turned in pairs by their position."""
    half = size // 2
    angles = np.arange(x.shape[-2])[:, None] * base ** (-np.arange(half) / half)
    cosine, sine = np.cos(angles), np.sin(angles)
    first, second = _PAIRS[pairs](size)
    found = x.copy()
    found[..., first] = x[..., first] * cosine - x[..., second] * sine
    found[..., second] = x[..., second] * cosine + x[..., first] * sine
    return found


_PAIRS: dict[str, Callable[[int], tuple[slice, slice]]] = {
    "halves": lambda size: (slice(0, size // 2), slice(size // 2, size)),
    "adjacent": lambda size: (slice(0, size, 2), slice(1, size, 2)),
}
