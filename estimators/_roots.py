"""Roots of many nonincreasing functions at once, from the safe side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

_TOLERANCE = 1e-13

PerProblem = Float[np.ndarray, " problems"]


def last_nonnegative(
    f: Callable[[PerProblem, Int[np.ndarray, " some"]], PerProblem], lo: PerProblem, hi: PerProblem
) -> PerProblem:
    """Points of [lo, hi] at which each nonincreasing f was seen nonnegative, next to its root.

    `f(points, rows)` evaluates the problems `rows`. Where f(lo) < 0 the answer is lo, where
    f(hi) >= 0 it is hi. Chandrupatla's bracketing iteration, all problems at once.
    """
    rows = np.arange(len(lo))
    answer = lo.copy()
    f_lo, f_hi = f(lo, rows), f(hi, rows)
    answer[f_hi >= 0] = hi[f_hi >= 0]
    rows = rows[(f_lo >= 0) & (f_hi < 0)]
    new, old, older = hi[rows], lo[rows], hi[rows]
    f_new, f_old, f_older = f_hi[rows], f_lo[rows], f_hi[rows]
    share = np.full(len(rows), 0.5)
    while len(rows):
        point = new + share * (old - new)
        value = f(point, rows)
        same = (value >= 0) == (f_new >= 0)
        older, f_older = np.where(same, new, old), np.where(same, f_new, f_old)
        old, f_old = np.where(same, old, new), np.where(same, f_old, f_new)
        new, f_new = point, value
        good = np.where(f_new >= 0, new, old)
        answer[rows] = good
        gap = np.abs(new - old)
        open_ = gap > _TOLERANCE
        state = (rows, new, old, older, f_new, f_old, f_older, gap)
        rows, new, old, older, f_new, f_old, f_older, gap = (part[open_] for part in state)
        share = _next_share(new, old, older, f_new, f_old, f_older, gap)
    return answer


def _next_share(
    new: PerProblem,
    old: PerProblem,
    older: PerProblem,
    f_new: PerProblem,
    f_old: PerProblem,
    f_older: PerProblem,
    gap: PerProblem,
) -> PerProblem:
    """Where to look next between `new` (0) and `old` (1): interpolated if safe, else halfway."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        xi = (new - old) / (older - old)
        phi = (f_new - f_old) / (f_older - f_old)
        inverse = f_new / (f_old - f_new) * f_older / (f_old - f_older) + (older - new) / (
            old - new
        ) * f_new / (f_older - f_new) * f_old / (f_older - f_old)
        safe = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi) & np.isfinite(inverse)
    edge = 0.4 * _TOLERANCE / gap
    return np.clip(np.where(safe, inverse, 0.5), edge, 1 - edge)
