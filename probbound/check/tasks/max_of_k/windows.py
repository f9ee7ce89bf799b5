"""Extremes over windows of a row of numbers."""

from __future__ import annotations

import numpy as np


def trailing(extreme: np.ufunc, values: np.ndarray, width: int) -> np.ndarray:
    """The extreme of the `width` values that end at each place, of fewer near the start."""
    if width >= len(values):
        return extreme.accumulate(values)
    found, reach = values, 1
    while reach < width:
        step = min(reach, width - reach)
        found = np.concatenate([found[:step], extreme(found[step:], found[:-step])])
        reach += step
    return found
