"""Bounds on a rate, or on the share of a finite population, from k successes among n draws.

Every function broadcasts k, n, the population and δ against each other and solves all problems
at once. Bounds are rounded outward by more than the error of the tails they invert. With
`side="two"` each side spends δ/2; a one-sided interval has 0 or 1 on its other side.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from estimators import _rates
from estimators._check import LOG_TWO, Draw, check_draw, check_side, count, plain
from estimators._numbers import whole
from estimators.confidence import Delta
from estimators.errors import EstimatorError
from estimators.guarantee import Guarantee
from estimators.interval import Interval, Side


def clopper_pearson(
    k: ArrayLike,
    n: ArrayLike,
    *,
    delta: Delta = None,
    log_delta: Delta = None,
    side: Side = "two",
) -> Interval:
    """Exact bound on a Bernoulli rate, for independent draws (Theorem 2.3; fixed-n).

    Args:
        k: successes, whole, 0 <= k <= n; any shape that broadcasts.
        n: draws, whole, at most 2^53, fixed before any was seen. n = 0 gives [0, 1].
        delta: probability of failure, inside (0, 1); `log_delta` its logarithm instead, which
            may lie below the range of doubles.
        side: "lower", "upper" or "two".

    Returns:
        The rate's `Interval`, high-probability, of the shape the arguments broadcast to.

    Raises:
        EstimatorError: on counts that are no whole numbers, k > n, or δ outside (0, 1).
    """
    return _binomial(k, n, delta, log_delta, side, anytime=False)


def hypergeometric(
    k: ArrayLike,
    n: ArrayLike,
    population: ArrayLike,
    *,
    delta: Delta = None,
    log_delta: Delta = None,
    side: Side = "two",
) -> Interval:
    """Exact bound on the share of a finite population, without replacement (Theorem 2.4; fixed-n).

    One-sided bounds are the shortest valid ones. They are whole numbers of members divided by
    the population; the division is rounded to nearest, as the true share would be.

    Args:
        k: marked members among the drawn, whole, 0 <= k <= n; any shape that broadcasts.
        n: different members drawn, fixed before any was seen; n = population gives a point.
        population: its size, whole, from 1 to 2^53.
        delta: probability of failure, inside (0, 1), or `log_delta`, its logarithm. A tail that
            ties with `delta` is settled exactly for n <= 200, and kept (the safe way) otherwise.
        side: "lower", "upper" or "two".

    Returns:
        The share's `Interval`, high-probability, of the shape the arguments broadcast to.

    Raises:
        EstimatorError: on counts that are no whole numbers, k > n, n > population, an empty
            population, or δ outside (0, 1).
    """
    return _finite(k, n, population, delta, log_delta, side, anytime=False)


def anytime(
    k: ArrayLike,
    n: ArrayLike,
    *,
    delta: Delta = None,
    log_delta: Delta = None,
    side: Side = "two",
    population: ArrayLike | None = None,
) -> Interval:
    """Confidence sequence for a rate: with probability 1 - δ it holds at every n (anytime).

    A uniform mixture of likelihood ratios, in closed form: Theorem 2.6 for independent draws,
    Theorem 2.7 for draws without replacement. Evaluate it after any draw, stop when you like;
    bounds from several n may be intersected. The price against a fixed n is at most about
    log(n · bound) nats for the upper, log(n · (1 - bound)) for the lower side.

    Args:
        k: successes among the first n draws; any shape that broadcasts.
        n: draws so far. n = 0 gives [0, 1].
        delta: probability of ever failing, inside (0, 1), or `log_delta`, its logarithm.
        side: "lower", "upper" or "two".
        population: size of the population if draws are without replacement.

    Returns:
        The `Interval` at n, high-probability, of the shape the arguments broadcast to.

    Raises:
        EstimatorError: as `clopper_pearson` and `hypergeometric`.
    """
    if population is None:
        return _binomial(k, n, delta, log_delta, side, anytime=True)
    return _finite(k, n, population, delta, log_delta, side, anytime=True)


def _binomial(
    k: ArrayLike, n: ArrayLike, delta: Delta, log_delta: Delta, side: Side, *, anytime: bool
) -> Interval:
    check_side(side)
    draw = check_draw(k, n, None, delta, log_delta)
    spent = draw.log_delta - LOG_TWO if side == "two" else draw.log_delta
    successes, draws, log = draw.k.ravel(), draw.n.ravel(), spent.ravel()
    lower, upper = np.zeros(draws.shape), np.ones(draws.shape)
    if side != "upper":
        lower = _rates.binomial_bound(successes, draws, log, upper=False, anytime=anytime)
    if side != "lower":
        upper = _rates.binomial_bound(successes, draws, log, upper=True, anytime=anytime)
    method = "beta-binomial mixture" if anytime else "clopper-pearson"
    return _interval(lower, upper, draw, method)


def _finite(
    k: ArrayLike,
    n: ArrayLike,
    population: ArrayLike,
    delta: Delta,
    log_delta: Delta,
    side: Side,
    *,
    anytime: bool,
) -> Interval:
    check_side(side)
    members = whole("population", population)
    if np.any(members == 0):
        raise EstimatorError("population must hold at least one member, got 0")
    draw = check_draw(k, n, population, delta, log_delta)
    spent = draw.log_delta - LOG_TWO if side == "two" else draw.log_delta
    size = np.broadcast_to(members, draw.k.shape).ravel()
    successes, draws, log = draw.k.ravel(), draw.n.ravel(), spent.ravel()
    exact = None
    if delta is not None:
        share = np.asarray(delta, dtype=np.float64) / (2 if side == "two" else 1)
        exact = np.broadcast_to(share, draw.k.shape).ravel()
    lower, upper = np.zeros(size.shape), np.ones(size.shape)
    if side != "upper":
        failures = draws - successes
        rest = _rates.hypergeometric_bound(failures, draws, size, log, exact, anytime=anytime)
        lower = (size - rest) / size
    if side != "lower":
        kept = _rates.hypergeometric_bound(successes, draws, size, log, exact, anytime=anytime)
        upper = kept / size
    method = "uniform-mixture hypergeometric" if anytime else "hypergeometric"
    return _interval(lower, upper, draw, method)


def _interval(
    lower: Float[np.ndarray, "..."], upper: Float[np.ndarray, "..."], draw: Draw, method: str
) -> Interval:
    """The interval of a problem, with plain numbers in place of arrays without axes."""
    return Interval(
        lower=plain(lower.reshape(draw.k.shape)),
        upper=plain(upper.reshape(draw.k.shape)),
        log_delta=plain(draw.log_delta),
        method=method,
        guarantee=Guarantee.HIGH_PROBABILITY,
        n=count(draw.n),
        population=None if draw.population is None else count(draw.population),
    )
