"""Default estimates that promise nothing: what you would guess if noise were independent.

They are for planning and for comparison, never for a certificate: their `Interval` carries
`Guarantee.HEURISTIC`. Both raise `EstimatorError` as `estimators._samples.take` says.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from estimators._check import broadcast, plain
from estimators._numbers import numbers, whole_number
from estimators._samples import Sample, Unit, take
from estimators.errors import EstimatorError
from estimators.guarantee import Guarantee
from estimators.interval import Interval, Side


def normal_mean(
    samples: ArrayLike,
    *,
    delta: ArrayLike | None = None,
    log_delta: ArrayLike | None = None,
    low: float = 0.0,
    high: float = 1.0,
    side: Side = "two",
    population: ArrayLike | None = None,
) -> Interval:
    """Mean of the samples, of shape (*batch, n), give or take normal quantiles (Remark 2.32).

    A heuristic: on a rare spike it misses far more often than δ. Without replacement the
    standard error has the finite-population factor. A single sample gives the whole range.
    """
    sample = take(
        samples,
        delta=delta,
        log_delta=log_delta,
        low=low,
        high=high,
        side=side,
        population=population,
    )

    def bounds(s: Sample) -> tuple[Unit, Unit]:
        mean = s.x.mean(axis=-1)
        if s.n == 1:
            return mean - 1, mean + 1
        left = 1.0 if s.population is None else 1 - s.n / s.population
        error = np.sqrt(left * s.x.var(axis=-1, ddof=1) / s.n)
        radius = _quantile(s.log_inverse_tail) * error
        return mean - radius, mean + radius

    return sample.interval("normal-mean", bounds, Guarantee.HEURISTIC)


def independent_sum(
    entries: ArrayLike,
    count: int,
    *,
    delta: ArrayLike | None = None,
    log_delta: ArrayLike | None = None,
    side: Side = "two",
) -> Interval:
    """Sum of `count` noise entries, were they independent and normal (Remark 2.32).

    A heuristic: entries of one matrix product share rows and are not independent, and noise
    aligned with a direction adds up in proportion to `count`, not to its root.

    Args:
        entries: entries seen, real numbers of any size, shape (*batch, n) with n >= 2.
        count: how many entries are summed, at least 1.

    Returns:
        count · mean ± quantile · sqrt(count) · standard deviation, the side not asked for
        infinite.
    """
    x, count = numbers("entries", entries), whole_number("count", count, least=1)
    if x.ndim == 0 or x.shape[-1] < 2 or not np.isfinite(x).all():
        raise EstimatorError("entries must be at least two finite numbers along the last axis")
    whole = take([], delta=delta, log_delta=log_delta, low=0.0, high=1.0, side=side)
    broadcast("problems and delta", np.zeros(x.shape[:-1]), whole.log_delta)
    with np.errstate(over="ignore", invalid="ignore"):
        centre = count * x.mean(axis=-1)
        radius = _quantile(whole.log_inverse_tail) * np.sqrt(count) * x.std(axis=-1, ddof=1)
    if not np.all(np.isfinite(centre) & np.isfinite(radius)):
        raise EstimatorError("entries must be small enough for their sum to be a double")
    lower, upper = np.asarray(centre - radius), np.asarray(centre + radius)
    return Interval(
        lower=plain(np.full_like(lower, -np.inf) if side == "upper" else lower),
        upper=plain(np.full_like(upper, np.inf) if side == "lower" else upper),
        log_delta=plain(whole.log_delta),
        method="independent-sum",
        guarantee=Guarantee.HEURISTIC,
        n=x.shape[-1],
    )


def _quantile(log_inverse_tail: Unit) -> Unit:
    """The normal quantile exceeded with probability exp(-log_inverse_tail)."""
    return -special.ndtri_exp(-log_inverse_tail)
