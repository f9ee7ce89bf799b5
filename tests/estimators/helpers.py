"""What the estimator tests share."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from estimators import Interval


def bounds(interval: Interval) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """Both ends of an interval as arrays, whatever its shape."""
    return np.asarray(interval.lower), np.asarray(interval.upper)
