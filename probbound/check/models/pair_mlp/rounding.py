"""Numbers that are rounded up: norms, γ, and the results of a few operations."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

UNDERFLOW, LARGEST = 2.0**-500, 2.0**64
_FEW = 1 + 2.0**-44  # more than some hundred roundings
Numbers = TypeVar("Numbers", float, np.ndarray)


def above(computed: Numbers) -> Numbers:
    """At least the exact value of what a hundred operations on non-negative numbers gave."""
    return computed * _FEW


def gamma(roundings: int) -> float:
    """γ of Theorem 5.2, rounded up."""
    return above(roundings / (2.0**53 - roundings))


def lengths(rows: np.ndarray) -> np.ndarray:
    """‖·‖₂ of every row, rounded up and raised by what underflows; infinite above 2^64 (8.1)."""
    with np.errstate(all="ignore"):
        found = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        found = above(found * (1 + gamma(rows.shape[1] + 8))) + UNDERFLOW
    return np.where(found <= LARGEST, found, np.inf)
