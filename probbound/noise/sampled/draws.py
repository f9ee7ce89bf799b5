"""Exact random draws from the words of a stream."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from probbound.draws.random_streams import Stream


def distinct(stream: Stream, count: int, population: int) -> Int[np.ndarray, " count"]:
    """`count` different numbers below `population`, every ordered choice equally likely.

    Where they are few, repeats among independent draws are passed over; where they are many, a
    random permutation is cut off. Memory is linear in `count`.
    """
    if 8 * count > population:
        return _permutation(stream, population)[:count]
    kept, used = np.empty(0, dtype=np.int64), 0
    while len(kept) < count:
        missing = count - len(kept)
        more = missing + missing * count // population + 16
        fresh = stream.integers(used, used + more, population)
        kept, used = _first_occurrences(np.concatenate([kept, fresh])), used + more
    return kept[:count]


def _first_occurrences(drawn: Int[np.ndarray, " n"]) -> Int[np.ndarray, " k"]:
    """Without later repeats, in order; faster than `np.unique` where repeats are few."""
    ranked = np.sort(drawn)
    repeated = np.unique(ranked[1:][ranked[1:] == ranked[:-1]])
    if not len(repeated):
        return drawn
    nearest = np.minimum(np.searchsorted(repeated, drawn), len(repeated) - 1)
    suspects = np.flatnonzero(repeated[nearest] == drawn)
    first = np.unique(drawn[suspects], return_index=True)[1]
    return np.delete(drawn, np.delete(suspects, first))


def _permutation(stream: Stream, population: int) -> Int[np.ndarray, " population"]:
    """The order of random words; words with a tie, which would favour an order, are redrawn."""
    words = stream.words(0, population)
    order = np.argsort(words)
    ranked = words[order]
    if np.any(ranked[1:] == ranked[:-1]):
        return _permutation(stream.fold_in("tie"), population)
    return order


def gaussian(stream: Stream, rows: int, columns: int) -> Float[np.ndarray, "rows columns"]:
    """Independent standard normal numbers: the normal quantile of the middle of 2^-52 cells.

    Entry i (in rows) uses word i alone. The law is the normal one rounded to 2^52 equally
    probable values, whose largest is about 8.2.
    """
    cells = stream.words(0, rows * columns) >> np.uint64(12)
    return special.ndtri((cells.astype(np.float64) + 0.5) * 2.0**-52).reshape(rows, columns)
