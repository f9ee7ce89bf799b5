"""Choosing δ before anything that certifies is drawn (Theorem 4.26)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from estimators.proportion import clopper_pearson

CANDIDATES = np.array([float(f"{10 ** (-step / 20):.2e}") for step in range(600, 0, -1)])


class Choice(NamedTuple):
    """A δ, and what is foretold for it: the bound, and 1 - the confidence-weighted accuracy."""

    delta: float
    failure_upper: float
    weighted: float


def best_delta(
    expected: int,
    draws: int,
    *,
    share: float,
    proven: float,
    part: float = 1.0,
    candidates: np.ndarray = CANDIDATES,
) -> Choice:
    """The candidate with the best confidence-weighted bound at an expected count of failures.

    The least of those that are equally good.

    Args:
        expected: failures expected among the draws.
        draws: draws of the certifying sample.
        share: of all inputs, what the draws come from.
        proven: the failure rate that is proven without chance, 1 if none is.
        part: of δ, what the draws get.
        candidates: rising values of δ, twenty for each factor of ten from 1e-30 to 0.9 by default.
    """
    interval = clopper_pearson(expected, draws, delta=part * candidates, side="upper")
    failure = share * np.asarray(interval.upper, dtype=float)
    weighted = (1 - candidates) * failure + candidates * proven
    at = int(weighted.argmin())
    return Choice(float(candidates[at]), float(failure[at]), float(weighted[at]))
