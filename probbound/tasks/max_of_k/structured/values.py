"""The noise of single pairs of tokens and of whole rows, as the numbers that tolerances bound."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from probbound.machine.parallel import parallel_map
from probbound.tasks.max_of_k.structured.parts import Parts, Sizes

PathName = Literal["QK", "OV", "direct"]
Values = Float[np.ndarray, " n"]
Tokens = Int[np.ndarray, " n"]

_BLOCK_BYTES = 1 << 23


def pair_values(parts: Parts, path: PathName, i: Tokens, j: Tokens) -> Values:
    """The noise of one path at pairs of different tokens, one entry each.

    Of the OV and direct paths -inf where i > j: j is then not the label of a sequence with i.
    """
    if path == "QK":
        return np.abs(parts.scores.entries(i, j))
    matrix = parts.direct if path == "direct" else parts.values
    found = np.full(len(i), -np.inf)
    below = i < j
    found[below] = -matrix.entries(i[below], j[below])
    return found


def pair_flops(sizes: Sizes) -> int:
    """Operations of one pair on one path."""
    return 2 * sizes.d_model + 3


def row_values(parts: Parts, path: PathName, tokens: Tokens) -> Values:
    """The worst case of each row over every output but the token itself.

    d_vocab_out entries a row.
    """
    matrix = parts.direct if path == "direct" else parts.values
    left, right = matrix.factors
    block = max(1, _BLOCK_BYTES // (8 * right.shape[1]))

    def worst(start: int) -> Values:
        rows = tokens[start : start + block]
        each = np.arange(len(rows))
        found = left[rows] @ right
        if path == "direct":
            found[each, rows] = -np.inf
            return found.max(axis=1)
        found += parts.mean
        found[each, rows] = -np.inf
        places = [(found + p).max(axis=1) - p[rows] for p in parts.position]
        return np.max(places, axis=0)

    blocks = list(parallel_map(worst, range(0, len(tokens), block), f"{path} rows"))
    return np.concatenate([np.empty(0), *blocks])


def row_flops(sizes: Sizes, path: PathName) -> int:
    """Operations of one row."""
    per_output = 2 * sizes.d_model + (1 if path == "direct" else 1 + 2 * sizes.n_ctx)
    return sizes.d_vocab_out * per_output
