"""Tails of the binomial and hypergeometric laws in log space, for counts up to 2^53.

Both laws are contingency tables with fixed margins: stepping down the tail takes one from every
`falling` cell and adds one to every `rising` cell. All cells deviate from their expectation by
the same number, and the exponent is a sum of non-negative terms in that deviation, so nothing
cancels (Theorem 2.1). A tail is its first term times a sum of ratios, added up one by one where
the terms die out fast and by a Gauss rule for sums where they do not.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import special

Array = Float[np.ndarray, "..."]

_DIRECT_TERMS = 256
_LOG_NEGLIGIBLE = -38.0
_RULE_NODES = 40
_RULE_STEPS = 66
_HALF_LOG_TWO_PI = 0.9189385332046727

ABSOLUTE_ERROR = 2e-13
RELATIVE_ERROR = 2e-14


class Table(NamedTuple):
    """A law at one point of its support; cells along the first axis, problems along the second.

    `deviation` is observed minus expected of the falling cells, and minus that of the rising.
    `margins` is the part of the log-probability that does not change down the tail; `odds` is
    the factor on the ratio of successive terms beside the cells.
    """

    falling: Float[np.ndarray, "f batch"]
    rising: Float[np.ndarray, "r batch"]
    expected_falling: Float[np.ndarray, "f batch"]
    expected_rising: Float[np.ndarray, "r batch"]
    deviation: Float[np.ndarray, " batch"]
    margins: Float[np.ndarray, " batch"]
    odds: Float[np.ndarray, " batch"]

    def take(self, where: np.ndarray) -> Table:
        """The problems at `where`."""
        return Table(*(field[..., where] for field in self))

    def beyond(self) -> Table:
        """The complementary tail: the table one step up, to be walked upwards."""
        return Table(
            falling=self.rising - 1,
            rising=self.falling + 1,
            expected_falling=self.expected_rising,
            expected_rising=self.expected_falling,
            deviation=-self.deviation - 1,
            margins=self.margins,
            odds=1 / self.odds,
        )


def _two_product(x: Array, y: Array) -> tuple[Array, Array]:
    """x·y as an unevaluated sum, exact (Dekker 1971)."""
    product = x * y
    x_high = 134217729.0 * x
    x_high = x_high - (x_high - x)
    y_high = 134217729.0 * y
    y_high = y_high - (y_high - y)
    x_low, y_low = x - x_high, y - y_high
    error = x_low * y_low - (((product - x_high * y_high) - x_low * y_high) - x_high * y_low)
    return product, error


def _stirling_remainder(m: Array) -> Array:
    """log m! - m log m + m, for real m >= 0."""
    small = m < 16
    x = np.where(small, 16.0, m)
    square = 1 / (x * x)
    series = 1 / 12 - square * (
        1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square * (1 / 1188 - square / 521.5)))
    )
    value = _HALF_LOG_TWO_PI + 0.5 * np.log(x) + series / x
    if small.any():
        few = m[small]
        value[small] = special.gammaln(few + 1) - special.xlogy(few, few) + few
    return value


def _excess(cell: Array, deviation: Array, expected: Array) -> Array:
    """x log(x/M) - x + M for cell x, expectation M and x - M, without cancellation."""
    total = cell + expected
    v = deviation / np.where(total > 0, total, 1.0)
    w = v * v
    tail = 1 / 9 + w * (1 / 11 + w * (1 / 13 + w * (1 / 15 + w / 17)))
    near = deviation * v + 2 * cell * v * w * (1 / 3 + w * (1 / 5 + w * (1 / 7 + w * tail)))
    far = np.abs(v) >= 0.1
    if far.any():
        x, m = cell[far], expected[far]
        near[far] = special.xlogy(x, x / np.where(m > 0, m, 1.0)) - deviation[far]
    return near


def log_mass(table: Table, steps: Array | float = 0.0) -> Array:
    """Log-probability `steps` (real, broadcast against the batch) down the tail."""
    value = table.margins
    deviation = table.deviation - steps
    groups = (
        (table.falling, table.expected_falling, 1.0),
        (table.rising, table.expected_rising, -1.0),
    )
    for cells, expectations, sign in groups:
        for cell, expected in zip(cells, expectations, strict=True):
            x, d, m = np.broadcast_arrays(cell - sign * steps, sign * deviation, expected)
            value = value - _excess(x, d, m) - _stirling_remainder(x)
    return value


def binomial(a: Array, b: Array, rate: Array, *, of_rising: bool = False) -> Table:
    """The table of P(X <= a), X ~ Bin(a + b, rate); the rate is that of b if `of_rising`."""
    n = a + b
    other = 1 - rate
    product, error = _two_product(n, rate)
    deviation = (product - b) + error if of_rising else (a - product) - error
    rate_a, rate_b = (other, rate) if of_rising else (rate, other)
    margins = _stirling_remainder(n)
    return Table(
        a[None],
        b[None],
        (n * rate_a)[None],
        (n * rate_b)[None],
        deviation,
        margins,
        rate_b / rate_a,
    )


def hypergeometric(k: Array, n: Array, population: Array, marked: Array) -> Table:
    """The table of P(X <= k), X the marked among n drawn from a population without replacement."""
    rest, undrawn = population - marked, population - n
    a, b, c, e = k, marked - k, n - k, undrawn - (marked - k)
    high, low = _two_product(a, e)
    high_other, low_other = _two_product(b, c)
    deviation = ((high - high_other) + (low - low_other)) / population
    remainder = _stirling_remainder
    margins = (
        (remainder(n) + remainder(undrawn))
        + (remainder(marked) + remainder(rest))
        - remainder(population)
    )
    return Table(
        np.stack([a, e]),
        np.stack([b, c]),
        np.stack([marked * (n / population), rest * (undrawn / population)]),
        np.stack([marked * (undrawn / population), rest * (n / population)]),
        deviation,
        margins,
        np.ones_like(deviation),
    )


@functools.cache
def _sum_rules() -> tuple[Array, Array, Array]:
    """Lengths J, nodes and weights of the Gauss rules for the sums over 0, ..., J - 1.

    They are those of the discrete Chebyshev polynomials, by Golub and Welsch (Theorem 2.1).
    """
    lengths = np.round(2.0 ** (np.arange(16, _RULE_STEPS) / 2))
    i = np.arange(1, _RULE_NODES)
    nodes, weights = [], []
    for length in lengths:
        off = np.sqrt((1 - (i / length) ** 2) / (4 * (4 - 1 / i**2)))
        values, vectors = np.linalg.eigh(np.diag(off, 1) + np.diag(off, -1))
        nodes.append(values * length + (length - 1) / 2)
        weights.append(vectors[0] ** 2 * length)
    return lengths, np.array(nodes), np.array(weights)


def _added_up(table: Table) -> Array:
    """Sum of the terms over the first, term by term."""
    total = np.ones_like(table.deviation)
    active = np.arange(total.size)
    term, part = np.ones_like(total), np.ones_like(total)
    falling, rising, odds = table.falling, table.rising, table.odds
    for step in range(_DIRECT_TERMS):
        ratio = odds * ((falling[0] - step) / (rising[0] + (step + 1)))
        if len(falling) > 1:
            ratio = ratio * ((falling[1] - step) / (rising[1] + (step + 1)))
        term = term * ratio
        part = part + term
        if step % 8 == 7:
            keep = term > 1e-18 * part
            total[active] = part
            if not keep.any():
                return total
            if not keep.all():
                active, term, part, odds = active[keep], term[keep], part[keep], odds[keep]
                falling, rising = falling[:, keep], rising[:, keep]
    total[active] = part
    return total


def _by_rule(table: Table, first: Array) -> Array:
    """Sum of the terms over the first, by the shortest Gauss rule that leaves nothing out."""
    lengths, nodes, weights = _sum_rules()
    reach = np.min(table.falling, axis=0)
    low = np.zeros(first.size, dtype=int)
    high = np.full(first.size, len(lengths) - 1)
    while np.any(low < high):
        middle = (low + high) // 2
        steps = np.minimum(lengths[middle], reach)
        enough = log_mass(table, steps) - first <= _LOG_NEGLIGIBLE
        high = np.where(enough, middle, high)
        low = np.where(enough, low, middle + 1)
        low = np.minimum(low, high)
    terms = np.exp(log_mass(table, nodes[high].T) - first)
    return np.sum(weights[high].T * terms, axis=0)


def _descending_tail(table: Table) -> tuple[Array, Array]:
    """Log-tail and log of its first term, where the point lies at or below the mean."""
    first = log_mass(table)
    reach = np.min(table.falling, axis=0)
    long = reach > _DIRECT_TERMS
    if long.any():
        steps = np.full(int(long.sum()), float(_DIRECT_TERMS))
        part = table.take(long)
        long[long] = log_mass(part, steps) - first[long] > _LOG_NEGLIGIBLE
    total = np.empty_like(first)
    if not long.all():
        total[~long] = _added_up(table.take(~long))
    if long.any():
        total[long] = _by_rule(table.take(long), first[long])
    return first + np.log(total), first


def log_tail(table: Table) -> tuple[Array, Array]:
    """Log of the tail that starts at the table and walks down, and log of its first term.

    The tail is exact to `ABSOLUTE_ERROR` + `RELATIVE_ERROR` |log tail| (Theorem 2.1).
    """
    above = table.deviation > 0
    if not above.any():
        return _descending_tail(table)
    tail, first = np.zeros_like(table.deviation), np.empty_like(table.deviation)
    tail[~above], first[~above] = _descending_tail(table.take(~above))
    first[above] = log_mass(table.take(above))
    some = above & np.all(table.rising > 0, axis=0)
    beyond, _ = _descending_tail(table.take(some).beyond())
    tail[some] = np.log1p(-np.minimum(np.exp(beyond), 1.0 - 2.0**-53))
    return tail, first
