"""What a forward pass and the sizes of matrices are planned to cost (Definition 9.7, 10.14)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from probbound.check.models.transformer.weights import Weights

_KRYLOV = 40
_TABLES = ("W_E", "W_pos")


def row_price(weights: Weights, length: int) -> int:
    """Of a row of so many tokens (Definition 9.7)."""
    entries = 0
    for name, values in weights.arrays.items():
        last = name.rpartition(".")[2]
        if last.startswith("W") and last not in _TABLES:
            entries += 2 * values.size * (length if name.startswith("blocks.") else 1)
    return max(entries, 1)


def radii_price(weights: Weights, length: int) -> int:
    """Of a row with radii (Definition 10.14)."""
    said = weights.configuration
    state = said.d_model + said.n_heads * said.d_head + said.d_mlp
    scores = said.n_layers * said.n_heads * length**2 * (4 * said.d_head + 40)
    return row_price(weights, length) + scores + 16 * length * (said.n_layers + 1) * state


def sizes_price(weights: Weights) -> int:
    """Of the sizes of all matrices of blocks and head (Definition 10.14)."""
    return sum(_size_price(*shape) for shape in _shapes(weights))


def _shapes(weights: Weights) -> Iterator[tuple[int, int]]:
    """Of each matrix, of each head's by itself, and of each W_O once more as a whole."""
    for name, values in weights.arrays.items():
        last = name.rpartition(".")[2]
        if not (name.startswith(("blocks.", "head.")) and last.startswith("W")):
            continue
        rows, columns = values.shape[-2:]
        heads = int(np.prod(values.shape[:-2], dtype=np.int64))
        yield from [(rows, columns)] * heads
        if last == "W_O":
            yield heads * rows, columns


def _size_price(rows: int, columns: int) -> int:
    d, long = sorted((rows, columns))
    k = min(d, _KRYLOV)
    vectors = 6 * k * k * d + 4 * k * d * d + 3 * k * d + 4 * k**3 // 3
    return 2 * long * d * d + 10 * long * d + vectors + d**3 // 3 + 2 * d**3 + 9 * d * d
