"""Numbers of a transformer's matrices that radii are made of, worked out once (Theorem 9.2)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from probbound.check.models.transformer.configuration import Configuration
from probbound.check.models.transformer.values import Matrix
from probbound.check.norms import norm, spectral, up

_LONGEST, _LARGEST, _LEAST_SCALE = 1 << 20, 2.0**64, 2.0**-64
_LARGEST_BASE = 2.0**32
_UNDERFLOW = 2.0**-480
_TABLES = ("embed.W_E", "pos_embed.W_pos")


class Size(NamedTuple):
    """σ and α, at least ‖W‖₂ and ‖|W|‖₂: a number each, or one for each head."""

    spectral: np.ndarray
    absolute: np.ndarray


class Sizes:
    """Those of matrices by their names."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bool], Size] = {}

    def of(self, matrix: Matrix) -> Size:
        """Of a matrix, or of each of one for every head (heads, in, out)."""
        return self._kept((matrix.name, False), matrix.values)

    def of_whole(self, matrices: Matrix) -> Size:
        """Of one for every head, below one another."""
        values = matrices.values
        return self._kept((matrices.name, True), values.reshape(-1, values.shape[-1]))

    def _kept(self, key: tuple[str, bool], values: np.ndarray) -> Size:
        if key not in self._known:
            several = values.reshape(-1, *values.shape[-2:])
            found = np.array([_size(each) for each in several])
            self._known[key] = Size(*(part.reshape(values.shape[:-2]) for part in found.T))
        return self._known[key]


def _size(matrix: np.ndarray) -> tuple[float, float]:
    entries = np.abs(matrix)
    sums = [up(float(entries.sum(axis=axis).max()), matrix.shape[axis]) for axis in (0, 1)]
    absolute = min(up(math.sqrt(sums[0] * sums[1]), 4), norm(matrix)) + _UNDERFLOW
    return min(spectral(matrix) + _UNDERFLOW, absolute), absolute


def usual(said: Configuration, arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether sizes are as Assumption 9.1 has them, or smaller."""
    sizes = (said.d_model, said.d_head * said.n_heads, said.d_mlp, said.d_vocab, said.d_out)
    caps = [cap for cap in (said.score_cap, said.logit_cap) if cap is not None]
    base = said.rotary_base
    return (
        max(*sizes, said.n_ctx) <= _LONGEST
        and max(caps, default=0.0) <= _LARGEST
        and said.attn_scale >= _LEAST_SCALE
        and (said.positions != "rotary" or 1 <= base <= _LARGEST_BASE)
        and all(_bounded(values) for name, values in arrays.items() if name not in _TABLES)
    )


def _bounded(values: np.ndarray) -> bool:
    """Whether even the root of the sum of squares is at most 2^64."""
    largest = max(float(values.max()), -float(values.min()))
    return largest * math.sqrt(values.size) <= _LARGEST / 2
