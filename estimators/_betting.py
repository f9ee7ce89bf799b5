"""The capital of a gambler who bets on the mean, and the means it rules out (2.25, 2.26, 2.34).

Only the lower endpoint is computed: the upper one is that of the reflected samples 1 - x.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from estimators._chernoff import mean_lower_endpoint, raised
from estimators._roots import last_nonnegative
from estimators._samples import logical_range

TRUNCATION = 0.9
"""Largest share of the capital that one bet may lose (c of Waudby-Smith & Ramdas)."""

_ASIDE = (1e-9, 1 / 20)
"""Limits of the part of δ that the fixed-n bound spends on the sample mean (Theorem 2.34)."""

_FACTORS_PER_LOG = 16
_BLOCK = 1 << 17
_BETWEEN = 4

Samples = Float[np.ndarray, "problems n"]
PerProblem = Float[np.ndarray, " problems"]
Members = Int[np.ndarray, " problems"]
Rows = Int[np.ndarray, " some"] | slice


@dataclass(frozen=True)
class Plan:
    """Bets on the first draws with the share exp(log_share) of the capital, then none."""

    log_share: float
    bets: Samples


def aimed_bets(
    x: Float[np.ndarray, "*batch n"],
    scale: Float[np.ndarray, "... n"],
    weight: Float[np.ndarray, "... n"],
) -> Float[np.ndarray, "*batch n"]:
    """Predictable bets against means below the truth; bet t is a function of x[..., :t] alone.

    Let v and s be the variance and third moment over variance of the draws seen, κ = -s, and r
    the `scale`: sqrt(2 log(1/δ) / n) when the bets aim at n draws. The mean that n such draws
    can just rule out lies d = sqrt(v) r + κ r²/3 below theirs, and against it the
    growth-optimal bet is d / (v + κ d), both to the second order in r. For κ = 0 this is the
    predictable plug-in of Waudby-Smith & Ramdas. `weight` multiplies d.
    """
    variance, skew = moments_before(x)
    deviation = np.sqrt(variance)
    with np.errstate(divide="ignore", over="ignore"):
        turn = np.where(skew > 0, 1.5 * deviation / skew, np.inf)
    reach = np.minimum(scale, turn)
    gap = weight * (deviation * reach - skew * reach**2 / 3)
    return gap / np.maximum(variance - skew * gap, variance / 4)


def moments_before(
    x: Float[np.ndarray, "*batch n"],
) -> tuple[Float[np.ndarray, "*batch n"], Float[np.ndarray, "*batch n"]]:
    """Variance, and third moment over variance, of what was seen before each draw.

    Both start from two imagined draws, at distance 1/2 on the low side of a mean of 1/2: the
    side on which a draw costs the gambler most.
    """
    weight = np.arange(x.shape[-1]) + 2.0
    mean = (1.0 + np.cumsum(x, axis=-1)) / (weight + 1)
    away = (x - mean)[..., :-1]
    first = np.ones((*x.shape[:-1], 1))
    squares = np.concatenate([0.5 * first, away**2], axis=-1).cumsum(axis=-1)
    cubes = np.concatenate([-0.25 * first, away**3], axis=-1).cumsum(axis=-1)
    return squares / weight, cubes / squares


def leverage(n: int, population: Int[np.ndarray, "..."] | None) -> Float[np.ndarray, "... n"]:
    """How far the conditional mean of each draw moves per unit of the hypothesised mean.

    One with replacement; N / (N - t + 1) for the t-th draw without.
    """
    if population is None:
        return np.ones(n)
    members = np.asarray(population, dtype=np.float64)[..., None]
    return members / (members - np.arange(n))


def fixed_lower_endpoint(
    x: Samples, log_inverse: PerProblem, population: Members | None
) -> PerProblem:
    """The largest mean that bets aimed at all n draws, or their mean, rule out (Theorem 2.34).

    `log_inverse` is log(1/δ). Every smaller mean is ruled out too, and the mean returned was
    itself seen to be, or is the least that the samples allow, or their own mean if that is less:
    the safe side of the solver.
    """
    n, mean = x.shape[1], x.mean(1)
    weight = leverage(n, population)
    scale = np.sqrt(2 * log_inverse[:, None] / (weight**2).sum(-1, keepdims=True))
    plan = Plan(0.0, aimed_bets(x, scale, weight))
    aside = np.clip(log_inverse / n, *_ASIDE)
    by_mean = mean_lower_endpoint(mean, n, log_inverse - np.log(aside), population)
    by_bets = _endpoint(x, [plan], raised(log_inverse - np.log1p(-aside), n), population)
    return np.maximum(np.minimum(by_bets, mean), by_mean)


def running_lower_endpoints(
    x: Samples, log_inverse: PerProblem, population: Members | None
) -> Samples:
    """The largest mean seen to be ruled out so far, after every draw (Theorem 2.26).

    Checkpoints, times 10 % apart, are solved for. In between only `_BETWEEN` means between
    their endpoints are tried, so that the cost is linear in n: what is missed is on the safe
    side.
    """
    n = x.shape[1]
    plans = _plans_for_every_size(x, log_inverse)
    threshold = raised(log_inverse, n)
    means = conditional_means(x, population)
    ends = np.zeros(x.shape)
    earlier, end = 0, np.zeros(len(x))
    for time in np.unique(np.ceil(1.1 ** np.arange(np.log(n) / np.log(1.1) + 1)).clip(1, n)):
        time = int(time)
        now = slice(earlier, time)
        later = np.maximum(end, _endpoint(x[:, :time], plans, threshold, population))
        for share in np.arange(1, _BETWEEN + 1) / (_BETWEEN + 1) if time > earlier + 1 else ():
            tried = (end + share * (later - end))[:, None]
            own = means(tried, slice(None))
            own = own if own.shape[1] == 1 else own[:, :time]
            reached = _log_capital_path(x[:, :time], plans, own, earlier)
            won = np.where(reached >= threshold[:, None], tried, 0.0)
            ends[:, now] = np.maximum(ends[:, now], won)
        ends[:, time - 1] = later
        earlier, end = time, later
    return np.maximum.accumulate(ends, axis=1)


def in_blocks(
    solve: Callable[[Samples, PerProblem, Members | None], Float[np.ndarray, "problems ..."]],
    x: Samples,
    log_inverse: PerProblem,
    population: Members | None,
) -> Float[np.ndarray, "problems ..."]:
    """`solve` over as many problems at a time as stay in the processor's cache together."""
    step = max(1, _BLOCK // x.shape[1])
    parts = []
    for start in range(0, max(len(x), 1), step):
        rows = slice(start, start + step)
        members = None if population is None else population[rows]
        parts.append(solve(x[rows], log_inverse[rows], members))
    return np.concatenate(parts)


def capital_factors(
    x: Float[np.ndarray, "..."], bets: Float[np.ndarray, "..."], mean: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """1 + min(bet, c/mean)(x - mean), where `mean` is the mean of that draw given the past."""
    with np.errstate(divide="ignore", over="ignore"):
        return 1.0 + np.minimum(bets, TRUNCATION / mean) * (x - mean)


def _plans_for_every_size(x: Samples, log_inverse: PerProblem) -> list[Plan]:
    """Shares 1/((j+1)(j+2)) of the capital for bets aimed at 4^(j+1) draws, then held.

    Shares aimed at more than four times the draws there are count as lost.
    """
    plans: list[Plan] = []
    while 4 ** len(plans) < 4 * x.shape[1]:
        j = len(plans)
        size = 4 ** (j + 1)
        log_share = -np.log((j + 1.0) * (j + 2.0))
        seen = x[:, :size]
        scale = np.sqrt(2 * (log_inverse[:, None] - log_share) / size)
        plans.append(Plan(log_share, aimed_bets(seen, scale, np.ones(seen.shape[1]))))
    return plans


def _log_capital_path(
    x: Samples, plans: list[Plan], own: Float[np.ndarray, "problems _"], since: int
) -> Samples:
    """The log of the plans' joint capital after every draw later than the first `since`.

    `own` is the mean of each draw given the past, as in `capital_factors`.
    """
    n = x.shape[1]
    paths = []
    for plan in plans:
        size = min(plan.bets.shape[1], n)
        mean = own if own.shape[1] == 1 else own[:, :size]
        logs = np.log(capital_factors(x[:, :size], plan.bets[:, :size], mean))
        before = plan.log_share + logs[:, :since].sum(axis=1, keepdims=True)
        moving = logs[:, since:].cumsum(axis=1)
        held = ((0, 0), (0, n - max(since, size)))
        paths.append(before + np.pad(moving, held, mode="edge" if moving.size else "constant"))
    return np.logaddexp.reduce(paths, axis=0)


def _endpoint(
    x: Samples, plans: list[Plan], threshold: PerProblem, population: Members | None
) -> PerProblem:
    """The largest mean at which the plans' joint log capital was seen to reach `threshold`."""
    total, n = x.sum(1), x.shape[1]
    bets = [_whole_groups(plan.bets[:, :n]) for plan in plans]
    x = _whole_groups(x)
    means = conditional_means(x, population)
    lo, hi = np.zeros(len(x)), np.ones(len(x))
    if population is not None:
        lo, hi = logical_range(total, n, population)

    def excess(mean: PerProblem, rows: Int[np.ndarray, " some"]) -> PerProblem:
        pick = slice(None) if len(rows) == len(x) else rows
        own, drawn = means(mean[:, None], pick), x[pick]
        logs = []
        for plan, stakes in zip(plans, bets, strict=True):
            size = stakes.shape[1]
            mine = own if own.shape[1] == 1 else own[:, :size]
            factors = capital_factors(drawn[:, :size], stakes[pick], mine)
            grouped = factors.reshape(len(rows), _FACTORS_PER_LOG, size // _FACTORS_PER_LOG)
            logs.append(np.log(grouped.prod(axis=1)).sum(axis=1) + plan.log_share)
        return np.logaddexp.reduce(logs, axis=0) - threshold[rows]

    return last_nonnegative(excess, lo, hi)


def _whole_groups(draws: Samples) -> Samples:
    """Zeros after the draws, up to a whole number of groups: a bet of zero changes nothing."""
    return np.pad(draws, ((0, 0), (0, -draws.shape[1] % _FACTORS_PER_LOG)))


def conditional_means(
    x: Samples, population: Members | None
) -> Callable[[Float[np.ndarray, "... 1"], Rows], Float[np.ndarray, "... n"]]:
    """A function from a mean of the population, and rows, to the mean of each draw given the past.

    With replacement they are the same. Without, the t-th draw comes from the N - t + 1 members
    left, whose mean is (N mean - x_1 - ... - x_{t-1}) / (N - t + 1).
    """
    if population is None:
        return lambda mean, rows: mean
    left = np.maximum(population[:, None] - np.arange(x.shape[1]), 1)
    slope = population[:, None] / left
    offset = (np.cumsum(x, axis=1) - x) / left
    return lambda mean, rows: np.clip(mean * slope[rows] - offset[rows], 0.0, 1.0)
