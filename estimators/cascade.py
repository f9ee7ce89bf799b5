"""Products of conditional shares: how much of a population a row of screens leaves.

With X = R_0 ⊇ R_1 ⊇ ... ⊇ R_L, the share |R_L| / |X| is the product of the shares
|R_i| / |R_{i-1}|. A level is enumerated, its share known, or sampled, its share bounded.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from estimators import proportion
from estimators._check import broadcast, check_side, plain
from estimators._numbers import floats, number, shown, whole, whole_number
from estimators._shares import best_shares
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
            δ that the level may spend. Even by default; see `split`. They must not be chosen
            from the counts in `levels`.

    Returns:
        A `Cascade`: deterministic if no level is sampled, else high-probability.

    Raises:
        EstimatorError: if there are no levels, a ratio lies outside [0, 1], the shares do not
            fit, or a level's counts or δ are refused by `proportion`.
    """
    check_side(side)
    log = one_log_delta(delta, log_delta)
    _check_levels("levels", levels, "level", (Enumerated, Sampled))
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


def collapsed(survivors: Sequence[ArrayLike], *, population: Count | None = None) -> Sampled:
    """One level in place of several through which the same draws were passed (Theorem 2.12).

    If all survivors of each screen go on to the next, the last count is a binomial (or
    hypergeometric) count of the first draws, and one bound with the whole δ applies to it.

    Args:
        survivors: n, k_1, ..., k_L: the draws, then what each screen in turn left of them.
        population: |R_0| of the first level if its draws were without replacement.

    Returns:
        The `Sampled` level of k_L among n, to be used alone or among others in `product`.

    Raises:
        EstimatorError: if there are fewer than two counts, or one exceeds the one before it.
    """
    if not isinstance(survivors, Sequence) or len(survivors) < 2:
        raise EstimatorError("survivors must hold the draws and at least one count after them")
    counts = broadcast("survivors", *(whole("survivors", count) for count in survivors))
    for before, after in itertools.pairwise(counts):
        if np.any(after > before):
            raise EstimatorError(f"survivors must not increase, got {shown(survivors)}")
    first, last = (c.astype(np.int64) for c in (counts[0], counts[-1]))
    return Sampled(
        k=int(last) if last.ndim == 0 else last,
        n=int(first) if first.ndim == 0 else first,
        population=population,
    )


def split(
    pilot: Sequence[Sampled],
    *,
    delta: Delta = None,
    log_delta: Delta = None,
) -> tuple[float, ...]:
    """The shares of δ that make the upper bound of `product` smallest (Theorem 2.13).

    Args:
        pilot: per sampled level the draws n that are planned and the count k that is expected of
            them, from a pilot. They plan only: the certifying counts have to be fresh, or the
            promise of `product` is void.
        delta: the δ to be split, or `log_delta`, its logarithm.

    Returns:
        One positive share per level, for `product(shares=...)`; they sum to at most one.

    Raises:
        EstimatorError: if there are no levels, or counts or δ are refused by `proportion`.
    """
    _check_levels("pilot", pilot, "sampled level", (Sampled,))
    log = one_log_delta(delta, log_delta)

    planned = [_planned(level) for level in pilot]
    k, n = np.array([k for k, _ in planned]), np.array([n for _, n in planned])

    def log_bounds(log_shares: Float[np.ndarray, " L"]) -> Float[np.ndarray, " L"]:
        interval = proportion.clopper_pearson(k, n, log_delta=log + log_shares, side="upper")
        return np.log(interval.upper)

    return tuple(best_shares(log_bounds, len(pilot), log).tolist())


def _check_levels(
    name: str, levels: Sequence[Level], what: str, kinds: tuple[type[Level], ...]
) -> None:
    if not isinstance(levels, Sequence) or not levels:
        raise EstimatorError(f"{name} must hold at least one {what}, got {shown(levels)}")
    for level in levels:
        if not isinstance(level, kinds):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            raise EstimatorError(f"{name} must hold {wanted} and nothing else, got {shown(level)}")


def _planned(level: Sampled) -> tuple[float, float]:
    """Counts of independent draws that say as much as the level's, without replacement or with."""
    k, n = float(whole_number("k", level.k)), float(whole_number("n", level.n))
    if level.population is None or n == 0:
        return k, n
    size = float(whole_number("population", level.population))
    worth = min(size / max(size - n, 1e-9), 2.0**52 / n)
    return float(round(k * worth)), float(round(n * worth))


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
