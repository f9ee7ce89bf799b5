"""Norms of a matrix from its products with independent standard normal columns.

Nothing is assumed of the matrix, and every entry enters every product, so that norms, which are
maxima, can be bounded. All bounds are upper bounds, and fixed-k: the number of columns was
chosen before any was seen. A bound of products with an error is the bound of their norm plus it.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import special

from estimators._numbers import number, numbers, whole_number
from estimators.confidence import Delta, one_log_delta
from estimators.errors import EstimatorError
from estimators.guarantee import Guarantee
from estimators.interval import Bound, Interval

_INVERSION_SLACK = 1e-9
_SMALLEST_LOG = -600.0
_LARGEST_LOG = 700.0
_LARGEST_PROBABILITY = 1 - 1e-6


def row_norms(
    norms: ArrayLike, columns: int, *, delta: Delta = None, log_delta: Delta = None
) -> Interval:
    """Upper bounds on the norms of all rows of R at once, from those of R Ω (Theorem 3.25).

    Args:
        norms: ‖(R Ω)_i‖₂ for every row; one axis. The columns of Ω are shared by all rows.
        columns: number of columns of Ω, at least 1.
        delta: probability that any row's bound fails, inside (0, 1), or `log_delta`, its
            logarithm; each row gets an equal part.

    Returns:
        An `Interval` of the shape of `norms`, in its units.

    Raises:
        EstimatorError: on negative norms or NaN, no columns, or δ outside (0, 1).
    """
    values, columns = _checked(norms, columns)
    log = one_log_delta(delta, log_delta)
    pivot = chi_square_floor(columns, log - math.log(max(values.size, 1)))
    scale = math.sqrt(pivot)
    with np.errstate(over="ignore"):
        upper = values / scale * (1 + 1e-15) if pivot else np.full_like(values, math.inf)
    return _upper(upper, log, "chi-square pivot", columns)


def frobenius_norm(
    norm: float, columns: int, *, delta: Delta = None, log_delta: Delta = None
) -> Interval:
    """Upper bound on ‖R‖_F from ‖R Ω‖_F (Theorem 3.26).

    Args:
        norm: ‖R Ω‖_F, Ω with `columns` >= 1 columns.
        delta: probability of failure, inside (0, 1), or `log_delta`, its logarithm.

    Raises:
        EstimatorError: on a negative norm or NaN, no columns, or δ outside (0, 1).
    """
    values, columns = _checked(number("norm", norm), columns)
    log = one_log_delta(delta, log_delta)
    goal = 2 * log / columns
    least, most = goal - 1, min(0.0, goal / 2)  # of log r, r e^(1-r) = δ^(2/k): below is safe
    for _ in range(200):
        middle = (least + most) / 2
        least, most = (middle, most) if middle + 1 - math.exp(middle) < goal else (least, middle)
    log_scale = 0.5 * (math.log(columns) + least)
    scale = math.exp(-log_scale) if -log_scale < _LARGEST_LOG else math.inf
    upper = float(values) * scale * (1 + 1e-12) if scale < math.inf else math.inf
    return _upper(upper, log, "chernoff", columns)


def spectral_pivot(columns: int, *, delta: Delta = None, log_delta: Delta = None) -> float:
    """g such that ‖M‖₂ g <= ‖M Ω‖₂, except with probability δ, for any M (Theorem 3.27).

    Raises:
        EstimatorError: on no columns, or δ outside (0, 1).
    """
    columns = whole_number("columns", columns, least=1)
    return math.sqrt(chi_square_floor(columns, one_log_delta(delta, log_delta)))


def chi_square_floor(degrees: int, log_probability: float) -> float:
    """x >= 0 with P(χ² <= x) at most exp(log_probability), as large as can be told.

    For tiny probabilities from P(χ²_k <= x) <= (x/2)^(k/2) / Γ(k/2 + 1), which is nearly sharp
    there; zero where that x is below the range of doubles.

    Raises:
        EstimatorError: if `degrees` is no whole number from 1, or the logarithm is not negative.
    """
    degrees = whole_number("degrees", degrees, least=1)
    log_probability = number("log_probability", log_probability)
    if not log_probability < 0:
        raise EstimatorError(f"log_probability must be negative, got {log_probability}")
    half = degrees / 2
    if log_probability < _SMALLEST_LOG * min(half, 1.0):
        log_x = (log_probability + special.gammaln(half + 1)) / half + math.log(2)
        return math.exp(log_x) * (1 - _INVERSION_SLACK) if log_x > _SMALLEST_LOG else 0.0
    probability = min(math.exp(log_probability), _LARGEST_PROBABILITY)
    x = 2 * float(special.gammaincinv(half, probability)) * (1 - _INVERSION_SLACK)
    step = _INVERSION_SLACK
    while special.gammainc(half, x / 2) * (1 + 1e-10) > probability:
        x, step = x * (1 - step), min(2 * step, 0.5)
    return x


def _checked(norms: ArrayLike, columns: int) -> tuple[Float[np.ndarray, "..."], int]:
    values = numbers("norms", norms)
    if np.any(values < 0):
        raise EstimatorError(f"norms must not be negative, got {values.min()}")
    return values, whole_number("columns", columns, least=1)


def _upper(upper: Bound, log_delta: float, method: str, columns: int) -> Interval:
    return Interval(
        lower=np.zeros_like(upper) if isinstance(upper, np.ndarray) else 0.0,
        upper=upper,
        log_delta=log_delta,
        method=method,
        guarantee=Guarantee.HIGH_PROBABILITY,
        n=columns,
    )
