"""δ as users give it and as the code carries it: a natural logarithm."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float


class EstimatorError(ValueError):
    """An input for which no interval can be promised; the message is one sentence."""


def resolve_log_delta(
    delta: float | Float[np.ndarray, "..."] | None = None,
    log_delta: float | Float[np.ndarray, "..."] | None = None,
) -> float | Float[np.ndarray, "..."]:
    """log δ from exactly one of `delta` and `log_delta`.

    Raises:
        EstimatorError: if both or neither are given, or δ is not inside (0, 1).
    """
    if (delta is None) == (log_delta is None):
        raise EstimatorError("give exactly one of delta and log_delta")
    if log_delta is None:
        if not np.all((np.asarray(delta) > 0) & (np.asarray(delta) < 1)):
            raise EstimatorError(f"delta must lie strictly between 0 and 1, got {delta}")
        if isinstance(delta, (int, float)):
            return math.log(delta)
        return np.log(np.asarray(delta, dtype=np.float64))
    if not np.all(np.isfinite(log_delta) & (np.asarray(log_delta) < 0)):
        raise EstimatorError(f"log_delta must be finite and negative, got {log_delta}")
    return log_delta
