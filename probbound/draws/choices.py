"""Choices in proportion to whole numbers of any size, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from jaxtyping import Bool, Int, UInt64

from probbound.draws.random_streams import Stream

_WORD = 64


def chosen(stream: Stream, start: int, stop: int, weights: Sequence[int]) -> Int[np.ndarray, " n"]:
    """Choices number `start` to `stop` - 1: number j with probability weights[j] / Σ weights.

    With W = Σ weights and k words more than W fills, that is ⌊bits of W / 64⌋ + 1, let c =
    ⌊2^{64k} / W⌋. Choice i is read from the number of words ik … ik + k − 1, highest first: it is
    the least j with that number below c · (weights[0] + … + weights[j]), and drawn anew, from the
    stream folded with "retry", where there is none. Weights are at least 0 and not all 0; where
    one alone is not, no word is read.
    """
    possible = [j for j, weight in enumerate(weights) if weight]
    if len(possible) == 1:
        return np.full(stop - start, possible[0], dtype=np.int64)
    ends = list(accumulate(weights))
    each = ends[-1].bit_length() // _WORD + 1
    scale = (1 << _WORD * each) // ends[-1]
    found = np.full(stop - start, len(weights), dtype=np.int64)
    missing = np.ones(stop - start, dtype=bool)
    while missing.any():
        words = stream.words(start * each, stop * each).reshape(-1, each)[missing]
        found[missing] = sum(_at_least(words, scale * end) for end in ends)
        missing = found == len(weights)
        stream = stream.fold_in("retry")
    return found


def _at_least(words: UInt64[np.ndarray, "n each"], bound: int) -> Bool[np.ndarray, " n"]:
    """Whether the number of each row of words, highest first, is at least a bound."""
    each = words.shape[1]
    if bound >= 1 << _WORD * each:
        return np.zeros(len(words), dtype=bool)
    found = np.ones(len(words), dtype=bool)
    for k, column in enumerate(reversed(words.T)):
        digit = np.uint64(bound >> _WORD * k & (1 << _WORD) - 1)
        found = (column > digit) | ((column == digit) & found)
    return found
