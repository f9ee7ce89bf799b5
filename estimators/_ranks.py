"""The rank of the order statistic that bounds a quantile."""

from __future__ import annotations

import math

import numpy as np

from estimators import _tails

_LEVEL_SLACK = 1e-12


def first_rejected_rank(
    n: int, q: float, population: int | None, log_delta: float, *, below: bool
) -> int:
    """The least r with P(r or more of n draws fall below a q-quantile) <= δ; n + 1 if none.

    At most a share q of the population lies below; if not `below`, the same for the draws above
    it, at most a share 1 - q. What the error of the tail cannot tell from δ counts as larger.
    """
    threshold = log_delta - (_tails.ABSOLUTE_ERROR - _tails.RELATIVE_ERROR * log_delta)
    kept, rejected = 0, n + 1
    while rejected - kept > 1:
        rank = (kept + rejected) // 2
        if population is None:
            failures, draws = np.array([float(n - rank)]), np.array([float(rank)])
            table = _tails.binomial(failures, draws, np.array([q]), of_rising=below)
            log_tail = _tails.log_tail(table)[0].item()
        else:
            share = q if below else 1 - q
            most = math.floor(share * population * (1 + _LEVEL_SLACK))
            log_tail = _log_tail_without_replacement(rank, n, population, most)
        if log_tail <= threshold:
            rejected = rank
        else:
            kept = rank
    return rejected


def _log_tail_without_replacement(rank: int, n: int, population: int, most: int) -> float:
    """log P(X >= rank) for X the draws, of n, among `most` members of the population."""
    rest = population - most
    if most < rank:
        return -math.inf
    if n - rank >= rest:
        return 0.0
    counts = (np.array([float(count)]) for count in (n - rank, n, population, rest))
    return _tails.log_tail(_tails.hypergeometric(*counts))[0].item()
