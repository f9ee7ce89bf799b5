"""Which δ can be used, and choosing it before anything that certifies is drawn (Theorem 4.26)."""

from __future__ import annotations

from numbers import Real
from typing import NamedTuple

import numpy as np

from estimators.proportion import clopper_pearson
from probbound.machine.errors import UserError

LEAST_DELTA = 1e-300  # the shares that δ is split into must be numbers too
CANDIDATES = np.array([float(f"{10 ** (-step / 20):.2e}") for step in range(600, 0, -1)])


def check_delta(delta: float) -> None:
    """Refuse a δ that is no probability, or too small to be split.

    Raises:
        UserError: if it is none, and says from where on it can be used.
    """
    if not isinstance(delta, Real) or not 0 < delta < 1:
        least = f"; the least that can be used is {LEAST_DELTA:g}" if delta == 0 else ""
        raise UserError(f"delta must lie strictly between 0 and 1, got {delta!r}{least}")
    if delta < LEAST_DELTA:
        raise too_small(repr(delta))


def too_small(written: str) -> UserError:
    """What is said of a δ below `LEAST_DELTA`."""
    return UserError(
        f"delta must be at least {LEAST_DELTA:g}, got {written}: a smaller δ cannot be used, since "
        f"it is split into shares that must be numbers too"
    )


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
