"""Norms of matrices and largest eigenvalues, rounded up (Theorems 3.9 and 5.2)."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np

T = TypeVar("T", float, np.ndarray)

_STEPS = 64
_ABOVE = 1 + 2.0**-40  # more than the roundings of γ


def gamma(roundings: int) -> float:
    """γ of Theorem 5.2, rounded up."""
    return _ABOVE * roundings / (2**53 - roundings)


def up(value: T, roundings: int) -> T:
    """At least the exact value of a sum of non-negative products (Theorem 5.2)."""
    return value * (1 + 2 * gamma(roundings + 2))


def norm(matrix: np.ndarray) -> float:
    """‖·‖_F."""
    return up(float(np.linalg.norm(matrix)), matrix.size + 1)


def largest_eigenvalue(symmetric: np.ndarray) -> float:
    """At least the largest eigenvalue, or 0 (Theorem 3.9 a)."""
    size = len(symmetric)
    vectors = np.linalg.eigh(symmetric)[1]
    square = norm(vectors) ** 2
    turned = np.abs(vectors.T @ symmetric @ vectors)
    skew = np.abs(vectors.T @ vectors - np.eye(size)).sum(axis=1).max()
    skew += gamma(2 * size + 4) * (math.sqrt(size) * square + 1)
    sums = float(max(turned.sum(axis=0).max(), turned.sum(axis=1).max()))
    largest = up(sums, size) + gamma(2 * size + 2) * math.sqrt(size) * square * norm(symmetric)
    return up(largest / float(1 - skew), _STEPS) if skew < 1 else math.inf


def spectral(matrix: np.ndarray) -> float:
    """‖A‖₂, from the smaller of its Gram matrices (Theorem 3.9 b with T the identity)."""
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    gram = wide @ wide.T
    if not np.isfinite(gram).all():
        return math.inf
    largest = largest_eigenvalue((gram + gram.T) / 2)
    largest += gamma(wide.shape[1] + 4) * norm(wide) ** 2
    return up(math.sqrt(up(largest, _STEPS)), _STEPS)
