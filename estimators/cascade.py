"""Products of conditional shares: how much of a population a row of screens leaves.

With X = R_0 ⊇ R_1 ⊇ ... ⊇ R_L, the share |R_L| / |X| is the product of the shares
|R_i| / |R_{i-1}|. A level is enumerated, its share known, or sampled, its share bounded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from estimators import proportion
from estimators._check import broadcast, check_side, plain
from estimators._numbers import floats, number, shown
from estimators.confidence import Delta, one_log_delta
from estimators.errors import EstimatorError
from estimators.guarantee import Guarantee
from estimators.interval import Count, Interval, Side

_SHARE_SLACK = 1e-12
_ROUNDING = 2.0**-51
"""More than a product of two quotients rounded to nearest can be off by, 3 · 2^-53."""


@dataclass(frozen=True)
class Enumerated:
    """A level whose share |R_i| / |R_{i-1}| is known; nothing is spent on it.

    `ratio` lies in [0, 1]. If it is itself a computed bound it has to be one on the safe side.
    """

    ratio: float


@dataclass(frozen=True)
class Sampled:
    """A level of which n draws from R_{i-1} were seen, k of them left by the screen.

    The draws are independent, or without replacement from the `population` = |R_{i-1}| members.
    """

    k: Count
    n: Count
    population: Count | None = None


Level = Enumerated | Sampled


@dataclass(frozen=True)
class Cascade:
    """The bound on the product, and what each level contributed to it, for a ledger.

    `levels` holds one interval per level in order; its `log_delta` is what the level spent,
    -inf for an enumerated one. The spends add up to at most exp(total.log_delta).
    """

    total: Interval
    levels: tuple[Interval, ...]


def product(
    levels: Sequence[Level],
    *,
    delta: Delta = None,
    log_delta: Delta = None,
    side: Side = "upper",
    shares: Sequence[float] | None = None,
) -> Cascade:
    """Bound on the product of the shares of all levels (Theorem 2.11; fixed-n at every level).

    Args:
        levels: at least one, in order. The number of draws and the share of δ of a level may
            depend on earlier levels' samples, never on the level's own.
        delta: probability that any level fails, inside (0, 1), or `log_delta`, its logarithm.
        side: "lower", "upper" or "two"; with "two" every level spends half on each side.
        shares: one positive number per sampled level, in order, in sum at most one: the part of
            δ that the level may spend. Even by default. They must not be chosen from
            the counts in `levels`.

    Returns:
        A `Cascade`: deterministic if no level is sampled, else high-probability.

    Raises:
        EstimatorError: if there are no levels, a ratio lies outside [0, 1], the shares do not
            fit, or a level's counts or δ are refused by `proportion`.
    """
    check_side(side)
    log = one_log_delta(delta, log_delta)
    _check_levels(levels)
    sampled = sum(isinstance(level, Sampled) for level in levels)
    spends = iter(log + np.log(_checked_shares(shares, sampled)))
    parts = tuple(
        _sampled(level, float(next(spends)), side)
        if isinstance(level, Sampled)
        else _enumerated(level)
        for level in levels
    )
    broadcast("the counts of the levels", *(part.upper for part in parts))
    lower, upper = np.asarray(parts[0].lower), np.asarray(parts[0].upper)
    for part in parts[1:]:
        lower = np.maximum(np.nextafter(lower * part.lower * (1 - _ROUNDING), -1.0), 0.0)
        raw = upper * part.upper
        raised = np.minimum(np.nextafter(raw * (1 + _ROUNDING), 2.0), 1.0)
        upper = np.where((upper == 1) | (part.upper == 1), raw, raised)
    total = Interval(
        lower=0.0 if side == "upper" and sampled else plain(lower),
        upper=1.0 if side == "lower" and sampled else plain(upper),
        log_delta=log if sampled else -math.inf,
        method="product of levels",
        guarantee=Guarantee.HIGH_PROBABILITY if sampled else Guarantee.DETERMINISTIC,
        n=sum(part.n for part in parts),
    )
    return Cascade(total, parts)


def _check_levels(levels: Sequence[Level]) -> None:
    if not isinstance(levels, Sequence) or not levels:
        raise EstimatorError(f"levels must hold at least one level, got {shown(levels)}")
    for level in levels:
        if not isinstance(level, Enumerated | Sampled):
            raise EstimatorError(
                f"levels must hold Enumerated or Sampled and nothing else, got {shown(level)}"
            )


def _checked_shares(shares: Sequence[float] | None, sampled: int) -> Float[np.ndarray, " L"]:
    """The parts of δ, even by default, scaled down if rounding took their sum above one."""
    if shares is None:
        return np.full(sampled, (1 - _SHARE_SLACK) / max(sampled, 1) if sampled > 1 else 1.0)
    array = floats("shares", shares)
    if array.shape != (sampled,):
        raise EstimatorError(
            f"shares must have one entry per sampled level ({sampled}), got {array.size}"
        )
    total = float(array.sum())
    if not (np.all(array > 0) and total <= 1 + _SHARE_SLACK):
        raise EstimatorError(f"shares must be positive and sum to at most 1, got {shown(shares)}")
    return array / (max(total, 1.0) * (1 + 1e-15)) if sampled > 1 else np.minimum(array, 1.0)


def _sampled(level: Sampled, log_delta: float, side: Side) -> Interval:
    if level.population is None:
        return proportion.clopper_pearson(level.k, level.n, log_delta=log_delta, side=side)
    return proportion.hypergeometric(
        level.k, level.n, level.population, log_delta=log_delta, side=side
    )


def _enumerated(level: Enumerated) -> Interval:
    ratio = number("ratio", level.ratio)
    if not 0 <= ratio <= 1:
        raise EstimatorError(f"ratio must lie in [0, 1], got {ratio}")
    return Interval(
        lower=ratio,
        upper=ratio,
        log_delta=-math.inf,
        method="enumerated",
        guarantee=Guarantee.DETERMINISTIC,
        n=0,
    )
