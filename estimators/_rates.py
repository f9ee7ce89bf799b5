"""The one-sided inversions behind `proportion`, on checked and flattened arrays.

Everything is an upper bound on the cell that grows, or the mirror image of one: the lower bound
on successes is what the upper bound on failures leaves.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
from jaxtyping import Float

from estimators import _tails
from estimators._invert import last_kept, rejected_rate, score_start

Array = Float[np.ndarray, "..."]

_MOST_DRAWS_SETTLED_EXACTLY = 200


def _margin(log_delta: Array) -> Array:
    return _tails.ABSOLUTE_ERROR - _tails.RELATIVE_ERROR * log_delta


def _start_level(log_delta: Array, n: Array, anytime: bool) -> Array:
    """The fixed-n level whose bound is near: a sequence pays about the log of a deviation."""
    price = 0.5 * np.log(n + 1) + 0.7 if anytime else 0.0
    return np.maximum(log_delta - price, -1e8)


def binomial_bound(k: Array, n: Array, log_delta: Array, *, upper: bool, anytime: bool) -> Array:
    """One-sided bound on a rate from k of n, fixed-n (Theorem 2.3) or anytime (Theorem 2.6)."""
    bound = np.full(k.shape, 1.0 if upper else 0.0)
    some = (k < n) if upper else (k > 0)
    end = (k == 0) if upper else (k == n)
    if not anytime:
        closed = some & end
        bound[closed] = _closed_form(log_delta[closed] / n[closed], upper)
        some = some & ~end
    falling, rising, log = (
        (k if upper else n - k)[some],
        (n - k if upper else k)[some],
        log_delta[some],
    )
    total, margin = falling + rising, _margin(log)
    size = 3 * margin if anytime else margin

    def test(rate: Array, index: np.ndarray) -> tuple[Array, Array]:
        evaluate = _anytime_rate if anytime else _tail_rate
        h, slope = evaluate(falling[index], rising[index], rate, not upper)
        return h - log[index] + size[index], slope

    observed = falling + 2 / 3 if upper else rising - 1 / 3
    level = _start_level(log, total, anytime)
    start = score_start(observed, total + 1 / 3, level, upper=upper)
    bound[some] = rejected_rate(test, start, size, upper=upper)
    return bound


def _closed_form(log_root: Array, upper: bool) -> Array:
    """1 - δ^(1/n), or δ^(1/n) for a lower bound, moved outward by more than its rounding."""
    if upper:
        bound = -np.expm1(log_root)
        return np.minimum(bound + 4 * np.spacing(bound), 1.0)
    bound = np.exp(log_root)
    return np.maximum(bound - (4 - 2 * log_root) * np.spacing(bound), 0.0)


def _tail_rate(a: Array, b: Array, rate: Array, of_rising: bool) -> tuple[Array, Array]:
    """log P(X <= a) at the rate, and its slope in the log-odds of the rate."""
    tail, first = _tails.log_tail(_tails.binomial(a, b, rate, of_rising=of_rising))
    share = 1 - rate if of_rising else rate
    slope = share * b * np.exp(np.minimum(first - tail, 0.0))
    return tail, slope if of_rising else -slope


def _anytime_rate(a: Array, b: Array, rate: Array, of_rising: bool) -> tuple[Array, Array]:
    """Minus the log of the mixture martingale of Theorem 2.6, and its slope in log-odds."""
    n = a + b
    mass = _tails.log_mass(_tails.binomial(a, b, rate, of_rising=of_rising))
    tail, _ = _tails.log_tail(_tails.binomial(b, a + 1, rate, of_rising=not of_rising))
    share, other = (1 - rate, rate) if of_rising else (rate, 1 - rate)
    wealth = tail - np.log((n + 1) * share) - mass
    slope = n * share - a - other * (1 - np.exp(-np.maximum(wealth, -50.0)))
    return -wealth, slope if of_rising else -slope


def hypergeometric_bound(
    k: Array, n: Array, population: Array, log_delta: Array, delta: Array | None, *, anytime: bool
) -> Array:
    """The largest number of marked that is kept, from k marked of n drawn (Theorems 2.4, 2.7).

    Where `delta` itself is given, fixed-n ties of a tail with it are settled in whole numbers.
    """
    undrawn = population - n
    bound = k + undrawn
    open_ = (k < n) & (undrawn > 0)
    k, n, population, log = k[open_], n[open_], population[open_], log_delta[open_]
    exact = None if delta is None else delta[open_]
    undrawn, margin = undrawn[open_], _margin(log) * (3 if anytime else 1)

    def test(marked: Array, index: np.ndarray) -> tuple[Array, Array]:
        evaluate = _anytime_marked if anytime else _tail_marked
        value, slope = evaluate(k[index], n[index], population[index], marked)
        h = value - log[index] + margin[index]
        if exact is not None and not anytime:
            near = (h > 0) & (h <= 2 * margin[index]) & (n[index] <= _MOST_DRAWS_SETTLED_EXACTLY)
            where = index[near]
            reject = _rejects(k[where], n[where], population[where], marked[near], exact[where])
            h[near] = np.where(reject, -h[near], h[near])
        return h, slope

    effective = n * (population / undrawn)
    observed = (k + 2 / 3) / (n + 1 / 3) * effective
    level = _start_level(log, n, anytime)
    start = score_start(observed, effective, level, upper=True) * population
    bound[open_] = last_kept(test, start, k, k + undrawn + 1)
    return bound


def _rejects(k: Array, n: Array, population: Array, marked: Array, delta: Array) -> np.ndarray:
    """Whether P(X <= k) <= delta, in whole numbers, once for every different problem."""
    problems = np.stack([k, n, population, marked, delta], axis=-1)
    different, inverse = np.unique(problems, axis=0, return_inverse=True)
    answers = np.empty(len(different), dtype=bool)
    for row, (*counts, level) in enumerate(different.tolist()):
        drawn_marked, drawn, size, successes = map(int, counts)
        ways = sum(
            comb(successes, x) * comb(size - successes, drawn - x) for x in range(drawn_marked + 1)
        )
        answers[row] = ways <= Fraction(level) * comb(size, drawn)
    return answers[inverse.ravel()]


def _tail_marked(k: Array, n: Array, population: Array, marked: Array) -> tuple[Array, Array]:
    """log P(X <= k), and its change as one more is marked."""
    tail, first = _tails.log_tail(_tails.hypergeometric(k, n, population, marked))
    rest = np.maximum(population - marked, 0.5)
    lost = np.exp(np.minimum(first - tail, 0.0)) * (n - k) / rest
    return tail, np.log1p(-np.minimum(lost, 0.999))


def _anytime_marked(k: Array, n: Array, population: Array, marked: Array) -> tuple[Array, Array]:
    """Minus the log of the mixture martingale of Theorem 2.7, and its change per one marked."""
    mass = _tails.log_mass(_tails.hypergeometric(k, n, population, marked))
    tail, _ = _tails.log_tail(
        _tails.hypergeometric(n - k, n + 1, population + 1, population - marked)
    )
    wealth = tail + np.log((population + 1) / ((n + 1) * (marked + 1))) - mass
    left = np.maximum(population - marked - (n - k), 0.01)
    ratio = (marked + 1) / (marked + 1 - k) * (left / (population - marked))
    gain = np.log1p(ratio * np.exp(-np.maximum(wealth, -50.0)) / (marked + 1))
    slope = np.log((marked + 1) / (marked + 2)) - np.log(ratio) + gain
    return -wealth, -slope
