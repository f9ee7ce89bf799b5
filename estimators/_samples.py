"""Samples of a bounded population as every mean estimator takes them, and the way back."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from estimators._check import (
    LOG_TWO,
    broadcast,
    check_side,
    count,
    plain,
    samples_along_last_axis,
)
from estimators._numbers import number, shown, whole, whole_number
from estimators.confidence import Delta, resolve_log_delta
from estimators.errors import EstimatorError
from estimators.guarantee import Guarantee
from estimators.interval import Interval, Side

Unit = Float[np.ndarray, "..."]
_EPS = float(np.finfo(np.float64).eps)
_LEAST = float(np.finfo(np.float64).smallest_subnormal)


@dataclass(frozen=True)
class Sample:
    """Checked samples rescaled to [0, 1].

    `x` has shape (*batch, n); `log_delta` and `population` broadcast against the batch.
    """

    x: Float[np.ndarray, "*batch n"]
    low: float
    high: float
    side: Side
    log_delta: Float[np.ndarray, "..."]
    population: Int[np.ndarray, "..."] | None

    @property
    def n(self) -> int:
        """Samples in each problem."""
        return self.x.shape[-1]

    @property
    def log_inverse_tail(self) -> Unit:
        """log(1/δ) for one side: δ is halved when both sides are asked for."""
        return -self.log_delta + (LOG_TWO if self.side == "two" else 0.0)

    def interval(
        self,
        method: str,
        bounds: Callable[[Sample], tuple[Unit, Unit]],
        guarantee: Guarantee = Guarantee.HIGH_PROBABILITY,
    ) -> Interval:
        """`bounds(self)`, on the unit scale, as an interval on the user's.

        With no samples `bounds` is not called. Without replacement the result is cut to what
        the seen samples allow whatever the rest may be (Theorem 2.20). Ends are moved outward
        by the a-priori rounding error of a sum of n terms.
        """
        batch = np.broadcast_shapes(self.x.shape[:-1], np.shape(self.log_delta))
        lower, upper = bounds(self) if self.n else (np.zeros(batch), np.ones(batch))
        if self.population is not None:
            least, most = logical_range(self.x.sum(-1), self.n, self.population)
            lower, upper = np.maximum(lower, least), np.minimum(upper, most)
        return self.rescaled(method, lower, upper, self.n, guarantee)

    def rescaled(
        self,
        method: str,
        lower: Unit,
        upper: Unit,
        n: int | Int[np.ndarray, " n"],
        guarantee: Guarantee = Guarantee.HIGH_PROBABILITY,
    ) -> Interval:
        """The interval with these unit ends, the side not asked for made trivial."""
        lower, upper = np.minimum(lower, upper), np.maximum(lower, upper)
        span = self.high - self.low
        farthest = max(abs(self.low), abs(self.high))
        slack = _EPS * (self.n + 8) * span + 4 * _EPS * farthest + 4 * _LEAST
        with np.errstate(over="ignore"):
            below = np.clip(self.low + span * lower - slack, self.low, self.high)
            above = np.clip(self.low + span * upper + slack, self.low, self.high)
        if self.side == "upper":
            below = np.full_like(below, self.low)
        if self.side == "lower":
            above = np.full_like(above, self.high)
        return Interval(
            lower=plain(below),
            upper=plain(above),
            log_delta=plain(self.log_delta),
            method=method,
            guarantee=guarantee,
            n=n,
            population=None if self.population is None else count(self.population),
        )


def take(
    samples: ArrayLike,
    *,
    delta: Delta,
    log_delta: Delta,
    low: float,
    high: float,
    side: Side,
    population: ArrayLike | None = None,
    planned: int | None = None,
) -> Sample:
    """Check what the caller gave and rescale it to [0, 1].

    Raises:
        EstimatorError: if a sample is not a number in [low, high], if there are more samples
            than members of the population, if δ is not inside (0, 1), if `side` is unknown, or
            if the number of samples is not the one that was `planned`.
    """
    check_side(side)
    x = samples_along_last_axis(samples)
    low, high = number("low", low), number("high", high)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise EstimatorError(f"low must be below high and both finite, got [{low}, {high}]")
    if not math.isfinite(high - low):
        raise EstimatorError(f"high - low must not exceed the range of doubles: [{low}, {high}]")
    if x.size and not (x.min() >= low and x.max() <= high):
        raise EstimatorError(
            f"samples must lie in [{low}, {high}], got values from {x.min()} to {x.max()}"
        )
    n = x.shape[-1]
    if planned is not None and whole_number("planned", planned) != n:
        raise EstimatorError(
            f"this bound is for a sample size fixed beforehand: {planned} samples were planned"
            f" and {n} came; to stop early use betting_sequence"
        )
    log = np.asarray(resolve_log_delta(delta, log_delta), dtype=np.float64)
    members = None if population is None else _population_array(population, n)
    first = np.zeros(x.shape[:-1])
    broadcast("problems, delta and population", first, log, 0 if members is None else members)
    return Sample(
        x=np.clip((x - low) / (high - low), 0.0, 1.0),
        low=low,
        high=high,
        side=side,
        log_delta=log,
        population=members,
    )


def logical_range(
    total: Unit, n: int | Int[np.ndarray, "..."], population: Int[np.ndarray, "..."]
) -> tuple[Unit, Unit]:
    """What the unit mean can be when n members sum to `total` (Theorem 2.20)."""
    return total / population, (total + (population - n)) / population


def _population_array(population: ArrayLike, n: int) -> Int[np.ndarray, "..."]:
    members = whole("population", population)
    if np.any(members < max(n, 1)):
        raise EstimatorError(
            f"population must hold at least one member and all {n} samples, got {shown(population)}"
        )
    return members.astype(np.int64)
