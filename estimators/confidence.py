"""δ as users give it and as the code carries it: a natural logarithm."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from estimators._numbers import floats, shown
from estimators.errors import EstimatorError

Delta = ArrayLike | None

_LEAST = -1e100


def resolve_log_delta(
    delta: Delta = None, log_delta: Delta = None
) -> float | Float[np.ndarray, "..."]:
    """log δ from exactly one of `delta` and `log_delta`.

    Raises:
        EstimatorError: if both or neither are given, or δ is not in (0, 1), or below exp(-1e100).
    """
    if (delta is None) == (log_delta is None):
        raise EstimatorError("give exactly one of delta and log_delta")
    if delta is not None:
        values = floats("delta", delta)
        if not np.all((values > 0) & (values < 1)):
            raise EstimatorError(f"delta must lie strictly between 0 and 1, got {shown(delta)}")
        return math.log(delta) if isinstance(delta, (int, float)) else np.log(values)
    values = floats("log_delta", log_delta)
    if not np.all(np.isfinite(values) & (values < 0)):
        raise EstimatorError(f"log_delta must be finite and negative, got {shown(log_delta)}")
    if not np.all(values >= _LEAST):
        raise EstimatorError(f"log_delta must be at least {_LEAST:g}, got {shown(log_delta)}")
    return float(values) if values.ndim == 0 else values


def one_log_delta(delta: Delta = None, log_delta: Delta = None) -> float:
    """log δ where one δ serves all problems.

    Raises:
        EstimatorError: as `resolve_log_delta`, or if several are given.
    """
    log = resolve_log_delta(delta, log_delta)
    if np.ndim(log):
        raise EstimatorError(f"delta must be one number, got an array of shape {np.shape(log)}")
    return float(log)
