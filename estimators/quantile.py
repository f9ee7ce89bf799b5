"""Bounds on quantiles, on the share above a threshold, and on a whole distribution function.

A q-quantile of a population is any x with F(x-) <= q <= F(x), F(x) being the share of values at
most x and F(x-) of those below x. Where ties or steps leave an interval of such x, the bounds
hold for all of it, and so for whichever definition is used.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from estimators import proportion
from estimators._check import LOG_TWO, broadcast, check_side, plain, samples_along_last_axis
from estimators._numbers import number, numbers
from estimators._ranks import first_rejected_rank
from estimators.confidence import Delta, one_log_delta
from estimators.errors import EstimatorError
from estimators.guarantee import Guarantee
from estimators.interval import Interval, Side


def order_statistic(
    samples: ArrayLike,
    q: float,
    *,
    delta: float | None = None,
    log_delta: float | None = None,
    side: Side = "two",
    population: int | None = None,
    low: float = -math.inf,
    high: float = math.inf,
) -> Interval:
    """Order statistics that enclose the q-quantiles of a population (Theorem 2.8; fixed-n).

    Needs no bound on the values, and is valid with any ties. Where n is too small for a rank to
    reach the confidence, the bound is `low` or `high`.

    Args:
        samples: values, draws along the last axis, problems along the others.
        q: level, inside (0, 1). Without replacement the bounds hold for every level within a
            part in 1e12 of q, so that 0.1 of 10 members means one member.
        delta: probability of failure, inside (0, 1), or `log_delta`, its logarithm; δ/2 for
            each side if `side` is "two".
        side: "lower", "upper" or "two".
        population: size of the population if the draws are without replacement.
        low, high: known limits of the values.

    Returns:
        The `Interval` of the quantile, in the units of the samples, of their batch shape.

    Raises:
        EstimatorError: on NaN, q outside (0, 1), samples outside [low, high], n > population, or
            δ outside (0, 1).
    """
    check_side(side)
    values = samples_along_last_axis(samples, population)
    log = one_log_delta(delta, log_delta)
    q, low, high = number("q", q), number("low", low), number("high", high)
    if not 0 < q < 1:
        raise EstimatorError(f"q must lie strictly between 0 and 1, got {q}")
    if not low <= high:
        raise EstimatorError(f"low must not exceed high, got [{low}, {high}]")
    if not np.all((values >= low) & (values <= high)):
        raise EstimatorError(f"samples must lie in [low, high] = [{low}, {high}]")
    spent = log - LOG_TWO if side == "two" else log
    n = values.shape[-1]
    ranked = np.concatenate(
        [
            np.full((*values.shape[:-1], 1), low),
            np.sort(values),
            np.full((*values.shape[:-1], 1), high),
        ],
        axis=-1,
    )
    lower, upper = ranked[..., 0], ranked[..., -1]
    if side != "lower":
        upper = ranked[..., first_rejected_rank(n, q, population, spent, below=True)]
    if side != "upper":
        lower = ranked[..., n + 1 - first_rejected_rank(n, q, population, spent, below=False)]
    return Interval(
        lower=plain(lower),
        upper=plain(upper),
        log_delta=log,
        method="order statistic",
        guarantee=Guarantee.HIGH_PROBABILITY,
        n=n,
        population=population,
    )


def exceedance(
    samples: ArrayLike,
    threshold: float | Float[np.ndarray, "..."],
    *,
    delta: Delta = None,
    log_delta: Delta = None,
    side: Side = "two",
    population: int | None = None,
) -> Interval:
    """The share of a population strictly above a threshold (Theorem 2.9; fixed-n).

    The threshold must have been fixed before the samples were seen; a value that ties with it
    does not exceed it.

    Args:
        samples: values, draws along the last axis, problems along the others.
        threshold: in the units of the samples; broadcasts against their batch shape.
        delta: probability of failure, inside (0, 1), or `log_delta`, its logarithm; δ/2 for
            each side if `side` is "two".
        side: "lower", "upper" or "two".
        population: size of the population if the draws are without replacement.

    Returns:
        The `Interval` of the share, by Clopper-Pearson or, with a population, by hypergeometric
        inversion.

    Raises:
        EstimatorError: on NaN, n > population, or δ outside (0, 1).
    """
    values = samples_along_last_axis(samples, population)
    level = numbers("threshold", threshold)
    first = np.zeros(values.shape[:-1])
    broadcast("problems and threshold", first, level)
    above = np.sum(values > level[..., None], axis=-1)
    n = values.shape[-1]
    if population is None:
        return proportion.clopper_pearson(above, n, delta=delta, log_delta=log_delta, side=side)
    return proportion.hypergeometric(
        above, n, population, delta=delta, log_delta=log_delta, side=side
    )


def dkw(
    samples: ArrayLike,
    at: ArrayLike,
    *,
    delta: float | None = None,
    log_delta: float | None = None,
    side: Side = "two",
) -> Interval:
    """Band that holds F at all points together, for independent draws (Theorem 2.10; fixed-n).

    The points may be chosen after the samples were seen. One-sided bands spend the whole δ, and
    need δ <= 1/2: Massart proves them only there. There is no version here for draws without
    replacement.

    Args:
        samples: values, n >= 1 independent draws along the last axis, problems along the others.
        at: points x, one axis, at which the share F(x) of values at most x is bounded.
        delta: probability that the band fails anywhere, or `log_delta`, its logarithm.
        side: "lower", "upper" or "two".

    Returns:
        An `Interval` of shape (*batch, points) whose entries hold jointly.

    Raises:
        EstimatorError: on NaN, no samples, δ outside (0, 1), or one-sided δ > 1/2.
    """
    check_side(side)
    values, points = samples_along_last_axis(samples), numbers("at", at)
    log = one_log_delta(delta, log_delta)
    if points.ndim != 1:
        raise EstimatorError(f"at must have one axis, got {points.ndim}")
    n = values.shape[-1]
    if n == 0:
        raise EstimatorError("samples must hold at least one draw, got none")
    if side != "two" and log > -LOG_TWO:
        raise EstimatorError(f"a one-sided band needs delta <= 1/2, got {math.exp(log)}")
    half = math.sqrt(((LOG_TWO if side == "two" else 0.0) - log) / (2 * n)) * (1 + 1e-15) + 1e-15
    share = _shares_at(values, points)
    return Interval(
        lower=np.maximum(share - half, 0.0) if side != "upper" else np.zeros_like(share),
        upper=np.minimum(share + half, 1.0) if side != "lower" else np.ones_like(share),
        log_delta=log,
        method="dkw-massart",
        guarantee=Guarantee.HIGH_PROBABILITY,
        n=n,
    )


def _shares_at(
    values: Float[np.ndarray, "*batch n"], points: Float[np.ndarray, " points"]
) -> Float[np.ndarray, "*batch points"]:
    """The share of the values at most each point, by one sort of both together."""
    n = values.shape[-1]
    repeated = np.broadcast_to(points, (*values.shape[:-1], len(points)))
    order = np.argsort(np.concatenate([values, repeated], axis=-1), axis=-1, kind="stable")
    counts = np.empty_like(order)
    np.put_along_axis(counts, order, np.cumsum(order < n, axis=-1), axis=-1)
    return counts[..., n:] / n
