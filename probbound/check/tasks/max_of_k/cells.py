"""Inputs that are right in tolerated noise, counted by cells of tokens (Theorem 4.32)."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from probbound.check.models.attention_only.slack import FLOOR
from probbound.check.report import Refused
from probbound.check.tasks.max_of_k.structure import Structure
from probbound.check.tasks.max_of_k.tolerated import Tolerated, prices
from probbound.check.tasks.max_of_k.windows import trailing

_PER_UNIT, _EVEN_UNITS, _GROWTH = 8, 3, 1.15
_BUCKETS, _GRID, _NEGLIGIBLE = 8, 24, 1 / 512
_EXACT_BITS = 62


class Cells:
    """Cell c of label m holds the tokens m - g with starts[c] <= g < stops[c].

    A choice that soundness does not depend on, made as the makers of certificates make it.
    """

    def __init__(self, s: Structure) -> None:
        self.vocabulary = len(s.size)
        rise = float(np.abs(s.steepness).mean() * np.ptp(s.size)) / self.vocabulary
        unit = min(1 / max(rise, 1e-9), float(self.vocabulary))
        self.starts: list[int] = []
        following = 1
        while following < self.vocabulary:
            self.starts.append(following)
            width = unit / _PER_UNIT
            if following >= _EVEN_UNITS * unit:
                width = following * (_GROWTH - 1)
            following += max(1, round(width))
        self.stops = [*self.starts[1:], self.vocabulary] if self.starts else []

    def largest(self, table: np.ndarray) -> np.ndarray:
        """The maximum of table[t] over each cell of each label, (label, cell); -inf if empty."""
        found = np.full((self.vocabulary, len(self.starts)), -np.inf)
        for c, (start, stop) in enumerate(zip(self.starts, self.stops, strict=True)):
            ending = trailing(np.maximum, table, stop - start)
            found[start:, c] = ending[: self.vocabulary - start]
        return found

    def totals(self, counts: np.ndarray) -> np.ndarray:
        """The sum of counts[t] over each cell of each label, (label, cell)."""
        below, labels = np.concatenate([[0], counts.cumsum()]), np.arange(self.vocabulary)
        gaps = np.array([*self.starts, self.vocabulary])
        return -np.diff(below[np.maximum(labels[:, None] + 1 - gaps, 0)], axis=1)


def certified_number(tolerated: Tolerated, cells: Cells) -> int:
    """At least so many inputs meet the condition of Theorem 4.31.

    Raises:
        Refused: if the context is too long to count.
    """
    s, near = tolerated.structure, tolerated.tolerances.near
    vocabulary, length, _ = s.shape
    capacity = math.ceil((1 - length * Fraction(_NEGLIGIBLE)) * _GRID) - 1
    if capacity < 0:
        raise Refused(f"a context of {length} is too long to be counted")
    high, low = cells.largest(s.size), -cells.largest(-s.size)
    bracket, far = cells.largest(tolerated.near), cells.largest(tolerated.far)
    reaches = np.array(cells.stops) > near
    bracket[:, reaches] = np.maximum(bracket, far)[:, reaches]
    sizes, total = cells.totals(np.ones(vocabulary, dtype=np.int64)), 0
    for queries in np.array_split(np.argsort(s.steepness, kind="stable"), _BUCKETS):
        if not len(queries):
            continue
        extra, reach = (x[queries].max(keepdims=True) for x in (tolerated.extra, tolerated.reach))
        ends = s.steepness[queries].min(), s.steepness[queries].max()
        with np.errstate(over="ignore", invalid="ignore"):
            corners = [end * (size - s.size[:, None]) for end in ends for size in (low, high)]
            score = np.max(corners, axis=0) + reach
        gain = tolerated.gain(np.arange(vocabulary), extra, reach)
        price = prices(bracket - tolerated.base[:, None] + extra, score, gain[:, None])
        grid = np.ceil(np.minimum(price * _GRID, capacity + 1.0)).astype(np.int64)
        grid = np.where(price <= _NEGLIGIBLE, 0, grid)
        chosen = np.bincount(queries, minlength=vocabulary)
        found = _ways(grid, sizes, cells.totals(chosen), chosen, capacity, length)
        total += int(found[gain > FLOOR].sum())
    return total


def _ways(
    grid: np.ndarray,
    sizes: np.ndarray,
    queries: np.ndarray,
    own: np.ndarray,
    capacity: int,
    length: int,
) -> np.ndarray:
    """Sequences of each label whose grid prices add up to at most the capacity.

    `grid`, `sizes` and `queries` are (label, cell): prices, tokens, and last tokens of the bucket;
    `own` says which labels are in the bucket themselves.
    """
    vocabulary = len(grid)
    whole = np.int64 if vocabulary**length < 1 << _EXACT_BITS else object
    below, last = (_by_price(grid, each, capacity).astype(whole) for each in (sizes, queries))
    free_of_label = _power(below, length - 1)
    below[:, 0] += 1
    any_tokens = _power(below, length - 1)
    with_label = (any_tokens - free_of_label).cumsum(axis=1)[:, ::-1]
    return (last * with_label).sum(axis=1) + own * any_tokens.sum(axis=1)


def _by_price(grid: np.ndarray, counts: np.ndarray, capacity: int) -> np.ndarray:
    found = np.zeros((len(grid), capacity + 1), dtype=np.int64)
    rows, columns = np.nonzero(grid <= capacity)
    np.add.at(found, (rows, grid[rows, columns]), counts[rows, columns])
    return found


def _power(counts: np.ndarray, positions: int) -> np.ndarray:
    """How many tuples of tokens have each price, (label, price)."""
    found = np.zeros_like(counts)
    found[:, 0] = 1
    for _ in range(positions):
        terms = np.zeros_like(counts)
        for price in range(counts.shape[1]):
            terms[:, price:] += counts[:, price, None] * found[:, : counts.shape[1] - price]
        found = terms
    return found
