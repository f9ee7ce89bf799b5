"""What a row is planned to cost: never less than what it is booked for (Definition 9.7)."""

from __future__ import annotations

import math

from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.arrays import shapes


def float64_price(a: Architecture, length: int) -> int:
    """Of a forward pass over a row of `length` tokens."""
    t, d, e, h, m = length, a.d_model, a.d_head, a.n_heads, a.d_mlp
    within, behind = _entries(a)
    block = t * (33 * d + 5 * _shared(a) * e + 13 * m + 16) + t * t * h * (4 * e + 10)
    ends = t * (9 * d + 4) + 2 * behind + 24 * d + 4 * a.d_out + 8
    return 2 * t * within + a.n_layers * block + ends


def real_price(a: Architecture, length: int) -> int:
    """Of one that keeps radii."""
    t, d, e, h, m, s = length, a.d_model, a.d_head, a.n_heads, a.d_mlp, _shared(a)
    within, behind = _entries(a)
    block = t * (95 * d + 14 * s * e + 33 * s + 25 * m + 213) + t * t * h * (4 * e + 45)
    weights = 40 * d + 8 * s * e + 10 * s + 8 * m + 61
    ends = t * (28 * d + 49) + 8 * behind + 80 * d + 21 * a.d_out + 101
    return 2 * t * within + a.n_layers * (block + weights) + ends


def _shared(a: Architecture) -> int:
    return a.n_heads + a.n_key_value_heads


def _entries(a: Architecture) -> tuple[int, int]:
    """Entries of the matrices of all blocks, and of those behind them."""
    sizes = {n: math.prod(s.axes) for n, s in shapes(a).items() if ".W" in n}
    within = sum(size for name, size in sizes.items() if name.startswith("blocks."))
    behind = sum(size for name, size in sizes.items() if name.startswith(("head.", "unembed.")))
    return within, behind
