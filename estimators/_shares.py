"""The split of δ that minimises a sum of terms, each falling with its own share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

Shares = Float[np.ndarray, " L"]

_STEP = 1e-3
_ITERATIONS = 200
_TOLERANCE = 1e-8
_SMALLEST_SHARE = 1e-6


def best_shares(terms: Callable[[Shares], Shares], count: int, log_delta: float) -> Shares:
    """Shares w > 0, in sum at most one, that make the sum of terms(log w) smallest.

    At the optimum each share is in proportion to minus the slope of its term in the log of the
    share; that is iterated, each time half way in log space, which damps what the slopes change.
    The result is never worse than the even split.
    """
    even = np.full(count, 1.0 / count)
    if count == 1:
        return even
    log_shares = np.log(even)
    step = _STEP * max(1.0, -log_delta)
    for _ in range(_ITERATIONS):
        up, down = np.minimum(log_shares + step, -1e-12), log_shares - step
        slopes = (terms(down) - terms(up)) / (up - down)
        wanted = np.maximum(slopes / max(float(slopes.sum()), 1e-300), _SMALLEST_SHARE)
        moved = 0.5 * (log_shares + np.log(wanted / wanted.sum()))
        moved -= np.log(np.exp(moved).sum())
        change = float(np.max(np.abs(moved - log_shares)))
        log_shares = moved
        if change < _TOLERANCE:
            break
    if terms(log_shares).sum() > terms(np.log(even)).sum():
        return even
    return np.exp(log_shares)
