"""The mean of a bounded value under one law, from draws under another."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from estimators._check import broadcast
from estimators._numbers import number, numbers
from estimators._samples import take
from estimators.errors import EstimatorError
from estimators.interval import Interval, Side
from estimators.mean import betting


def importance(
    samples: ArrayLike,
    target: ArrayLike,
    proposal: ArrayLike,
    *,
    weight_max: float,
    delta: ArrayLike | None = None,
    log_delta: ArrayLike | None = None,
    low: float = 0.0,
    high: float = 1.0,
    anchor: float | None = None,
    side: Side = "two",
    planned: int | None = None,
) -> Interval:
    """Interval for E_p[f], from independent draws of q with known p and q (Theorem 2.30).

    High-probability, fixed n. The weights are formed here as p / q, from the probability of
    each drawn *member* under either law: the mass of a stratum in place of the probability of
    the draw within it is the classical bias. With anchor a the estimate is
    a + mean(p/q · (f - a)), unbiased for every a since q covers p and both sum to one; choose
    a, the value that f takes most often, before drawing. δ is halved over two sides.

    Args:
        samples: f at the draws, in [low, high], shape (*batch, n).
        target: p at the draws, nonnegative, of a shape that broadcasts with the samples.
        proposal: q at the draws, positive, likewise. Every member with p > 0 must have q > 0.
        weight_max: a bound on p / q over all members, drawn or not; at least 1.
        anchor: in [low, high]; `low` if not given.
        planned: the number of draws planned; a sample of another size is refused.

    Raises:
        EstimatorError: if a probability is negative or not a number, if a weight exceeds
            `weight_max`, or as `estimators._samples.take` says.
    """
    given = take(
        samples, delta=delta, log_delta=log_delta, low=low, high=high, side=side, planned=planned
    )
    low, high, weight_max = given.low, given.high, number("weight_max", weight_max)
    weights = _weights(target, proposal, weight_max)
    anchor = low if anchor is None else number("anchor", anchor)
    if not low <= anchor <= high:
        raise EstimatorError(f"anchor must lie in [{low}, {high}], got {anchor}")
    values = numbers("samples", samples)
    try:
        draws = np.broadcast_shapes(weights.shape, values.shape)[-1]
    except ValueError:
        draws = None
    if draws != values.shape[-1]:  # one sample stretched over many weights is not many draws
        raise EstimatorError(
            f"samples have shape {values.shape}, their probabilities {weights.shape}"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        weighted = anchor + weights * (values - anchor)
    found = betting(
        weighted,
        log_delta=given.log_delta,
        low=anchor + weight_max * (low - anchor),
        high=anchor + weight_max * (high - anchor),
        side=side,
    )
    return Interval(
        lower=np.clip(found.lower, low, high),
        upper=np.clip(found.upper, low, high),
        log_delta=found.log_delta,
        method="importance",
        guarantee=found.guarantee,
        n=found.n,
    )


def _weights(target: ArrayLike, proposal: ArrayLike, weight_max: float) -> np.ndarray:
    p, q = numbers("target", target), numbers("proposal", proposal)
    if not (np.all(np.isfinite(p) & (p >= 0)) and np.all(np.isfinite(q) & (q > 0))):
        raise EstimatorError("target must be nonnegative and proposal positive, both finite")
    if not (np.isfinite(weight_max) and weight_max >= 1):
        raise EstimatorError(f"weight_max must be finite and at least 1, got {weight_max}")
    p, q = broadcast("target and proposal", p, q)
    with np.errstate(over="ignore", under="ignore"):
        weights = p / q
    if weights.size and weights.max() > weight_max * (1 + 1e-12):
        raise EstimatorError(
            f"the weight target / proposal reaches {weights.max()}, above weight_max {weight_max}"
        )
    return np.minimum(weights, weight_max)
