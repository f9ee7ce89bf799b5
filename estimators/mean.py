"""Intervals for the mean of a bounded population, from samples along the last axis.

`betting` is the one to use when the sample size is fixed beforehand, `betting_sequence` when it
is not; the others are the classical references. Every function takes exactly one of `delta`
and `log_delta`, samples of shape (*batch, n) in [low, high], and returns an `Interval` whose
ends have the batch shape. `low`, `high` and the ends are in the unit of the samples.

All but `betting_sequence` are fixed-n: n is chosen before a sample is seen. Stopping early and
calling one on what there is voids the guarantee, and no function can see that from the samples
alone; give the size you planned as `planned` and a sample of another size is refused. With
`population` the samples are draws without replacement, in the order drawn, from that many
members. Every function raises `EstimatorError` as said at `estimators._samples.take`: samples
that are NaN or outside [low, high], more samples than members, δ outside (0, 1), an unknown side,
a sample that is not the size planned.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from estimators._betting import fixed_lower_endpoint, in_blocks, running_lower_endpoints
from estimators._chernoff import unseen
from estimators._samples import Sample, Unit, logical_range, take
from estimators.interval import Interval, Side


def hoeffding(
    samples: ArrayLike,
    *,
    delta: ArrayLike | None = None,
    log_delta: ArrayLike | None = None,
    low: float = 0.0,
    high: float = 1.0,
    side: Side = "two",
    planned: int | None = None,
) -> Interval:
    """Hoeffding's interval; draws with replacement, fixed n (Theorem 2.21).

    It looks at the sample mean alone. δ is halved over two sides.
    """
    sample = take(
        samples, delta=delta, log_delta=log_delta, low=low, high=high, side=side, planned=planned
    )
    return sample.interval(
        "hoeffding", lambda s: _around(s, np.sqrt(s.log_inverse_tail / (2 * s.n)))
    )


def hoeffding_serfling(
    samples: ArrayLike,
    *,
    population: ArrayLike,
    delta: ArrayLike | None = None,
    log_delta: ArrayLike | None = None,
    low: float = 0.0,
    high: float = 1.0,
    side: Side = "two",
    planned: int | None = None,
) -> Interval:
    """Hoeffding's interval for draws without replacement; fixed n (Theorem 2.22).

    It looks at the sample mean alone. δ is halved over two sides.
    """
    sample = take(
        samples,
        delta=delta,
        log_delta=log_delta,
        low=low,
        high=high,
        side=side,
        population=population,
        planned=planned,
    )

    def bounds(s: Sample) -> tuple[Unit, Unit]:
        left = unseen(s.n, np.asarray(s.population))
        return _around(s, np.sqrt(left * s.log_inverse_tail / (2 * s.n)))

    return sample.interval("hoeffding-serfling", bounds)


def empirical_bernstein(
    samples: ArrayLike,
    *,
    delta: ArrayLike | None = None,
    log_delta: ArrayLike | None = None,
    low: float = 0.0,
    high: float = 1.0,
    side: Side = "two",
    population: ArrayLike | None = None,
    planned: int | None = None,
) -> Interval:
    """Maurer & Pontil's empirical Bernstein interval; fixed n (Theorem 2.23).

    With or without replacement. δ is split evenly between the variance and each side asked for.
    One sample says nothing of the variance and gives the trivial interval.
    """
    sample = take(
        samples,
        delta=delta,
        log_delta=log_delta,
        low=low,
        high=high,
        side=side,
        population=population,
        planned=planned,
    )

    def bounds(s: Sample) -> tuple[Unit, Unit]:
        if s.n == 1:
            return _around(s, np.ones(()))
        log_inverse = np.log(3.0 if s.side == "two" else 2.0) - s.log_delta
        variance = s.x.var(axis=-1, ddof=1)
        if s.population is not None:
            variance = variance * (1 - 1 / s.population)
        radius = np.sqrt(2 * variance * log_inverse / s.n) + 7 * log_inverse / (3 * (s.n - 1))
        return _around(s, radius)

    return sample.interval("empirical-bernstein", bounds)


def empirical_bernstein_serfling(
    samples: ArrayLike,
    *,
    population: ArrayLike,
    delta: ArrayLike | None = None,
    log_delta: ArrayLike | None = None,
    low: float = 0.0,
    high: float = 1.0,
    side: Side = "two",
    planned: int | None = None,
) -> Interval:
    """Bardenet & Maillard's empirical Bernstein interval; fixed n (Theorem 2.24).

    Draws without replacement. δ is split into the five events of their theorem, seven for two
    sides: it gains on `empirical_bernstein` only where much of the population is sampled.
    """
    sample = take(
        samples,
        delta=delta,
        log_delta=log_delta,
        low=low,
        high=high,
        side=side,
        population=population,
        planned=planned,
    )

    def bounds(s: Sample) -> tuple[Unit, Unit]:
        members = np.asarray(s.population, dtype=np.float64)
        log_inverse = np.log(7.0 if s.side == "two" else 5.0) - s.log_delta
        left = np.where(
            s.n <= members / 2, 1 - (s.n - 1) / members, (1 - s.n / members) * (1 + 1 / s.n)
        )
        spread = np.sqrt(2 * left * s.x.var(axis=-1) * log_inverse / s.n)
        return _around(s, spread + (7 / 3 + 3 / np.sqrt(2)) * log_inverse / s.n)

    return sample.interval("empirical-bernstein-serfling", bounds)


def betting(
    samples: ArrayLike,
    *,
    delta: ArrayLike | None = None,
    log_delta: ArrayLike | None = None,
    low: float = 0.0,
    high: float = 1.0,
    side: Side = "two",
    population: ArrayLike | None = None,
    planned: int | None = None,
) -> Interval:
    """The means against which no gambler got rich; fixed n (Theorem 2.34).

    Waudby-Smith & Ramdas's hedged capital with bets aimed at n draws (Theorem 2.25), and beside
    it Chernoff's bound from the sample mean alone, for a small part of δ: docs/estimators.md says
    where the ends may be further out than those of the simpler bounds, and how far. With or
    without replacement. δ is halved over two sides. The samples are in the order drawn.
    """
    sample = take(
        samples,
        delta=delta,
        log_delta=log_delta,
        low=low,
        high=high,
        side=side,
        population=population,
        planned=planned,
    )

    def bounds(s: Sample) -> tuple[Unit, Unit]:
        return (
            _by_problem(s, s.x, fixed_lower_endpoint),
            1 - _by_problem(s, 1 - s.x, fixed_lower_endpoint),
        )

    return sample.interval("betting", bounds)


def betting_sequence(
    samples: ArrayLike,
    *,
    delta: ArrayLike | None = None,
    log_delta: ArrayLike | None = None,
    low: float = 0.0,
    high: float = 1.0,
    side: Side = "two",
    population: ArrayLike | None = None,
) -> Interval:
    """An interval after every draw, all of them valid at once; anytime (Theorem 2.26).

    Ends have shape (*batch, n), entry t from the first t + 1 draws; they are running
    intersections, so they never widen, and `Interval.n` is 1, ..., n. With or without
    replacement. δ is halved over two sides. The means ruled out at times 10 % apart are solved
    for; in between a few means are tried and the ends may lag, on the safe side.
    """
    s = take(
        samples,
        delta=delta,
        log_delta=log_delta,
        low=low,
        high=high,
        side=side,
        population=population,
    )
    times = np.arange(1, s.n + 1)

    def lower(x: Unit) -> Unit:
        if not s.n:
            return np.zeros((*np.broadcast_shapes(x.shape[:-1], s.log_delta.shape), 0))
        ends = _by_problem(s, x, running_lower_endpoints)
        if s.population is None:
            return ends
        return np.maximum(ends, logical_range(x.cumsum(-1), times, s.population[..., None])[0])

    return s.rescaled("betting-sequence", lower(s.x), 1 - lower(1 - s.x), times)


def _around(sample: Sample, radius: Unit) -> tuple[Unit, Unit]:
    mean = sample.x.mean(axis=-1)
    return mean - radius, mean + radius


def _by_problem(
    sample: Sample, x: Unit, solve: Callable[..., Float[np.ndarray, "problems ..."]]
) -> Unit:
    """`solve` over the problems in one flat row, and its answer in the shape of the batch."""
    members, log_inverse = sample.population, sample.log_inverse_tail
    given = () if members is None else members.shape
    batch = np.broadcast_shapes(x.shape[:-1], np.shape(log_inverse), given)
    ends = in_blocks(
        solve,
        np.broadcast_to(x, (*batch, sample.n)).reshape(-1, sample.n),
        np.broadcast_to(log_inverse, batch).ravel(),
        None if members is None else np.broadcast_to(members, batch).ravel(),
    )
    return ends.reshape(batch + ends.shape[1:])
