"""Tolerances that noise keeps for certain, by the bounds of chapter 3 (Remark 4.36)."""

from __future__ import annotations

import numpy as np

from probbound.check.tasks.max_of_k.noise import (
    SPREADS,
    Factors,
    lengths,
    norm_product,
    require_usual,
    row_errors,
    row_norms,
    spectral,
    up,
)
from probbound.check.tasks.max_of_k.structure import PATHS, Structure
from probbound.check.tasks.max_of_k.tolerated import Tolerances

STREAMED = ("exact", "max-diff")
_ROWS = 1 << 8


def certain_tolerances(s: Structure, noise: str) -> Tolerances:
    """Half a row's spread of scores, a spread of the direct path, and rows without diagonals.

    Raises:
        Refused: if the noise is too large or too small for sound arithmetic.
    """
    for path in ("QK", "direct") if noise in STREAMED else PATHS:
        require_usual(list(s.factors[path]))
    vocabulary = len(s.size)
    spreads = {path: SPREADS[noise](list(s.factors[path])) for path in ("QK", "direct")}
    highest, lowest = s.position.max(axis=0), s.position.min(axis=0)
    worst = (s.mean + highest).max() - lowest[:vocabulary]
    if noise in STREAMED:
        low, high = _extremes(s)
        low = low if noise == "exact" else np.maximum(low, high)
        row = s.rows("OV", np.arange(vocabulary)) if noise == "exact" else worst + low
    else:
        low = _without_diagonal(s, *_entry_and_norms(noise, list(s.factors["OV"])))
        row = worst + low
    none = np.zeros(vocabulary)
    return Tolerances(spreads["QK"] / 2, low, row, row, vocabulary, none, spreads["direct"])


def _extremes(s: Structure) -> tuple[np.ndarray, np.ndarray]:
    """-min and max of every row of N_o but for its diagonal, at least 0."""
    left, right = s.factors["OV"]
    low, high = np.empty((2, len(left)))
    for at in range(0, len(left), _ROWS):
        rows = left[at : at + _ROWS] @ right
        each = np.arange(len(rows))
        rows[each, at + each] = 0.0
        low[at : at + _ROWS], high[at : at + _ROWS] = -rows.min(axis=1), rows.max(axis=1)
    return low, high


def _without_diagonal(s: Structure, entry: float, norms: np.ndarray) -> np.ndarray:
    """At least |N_o(t, j)| for every j ≠ t, by Pythagoras."""
    known = np.maximum(np.abs(s.own_value) - 2 * s.output_error, 0.0)
    squares = norms * norms * (1 + 2.0**-50) - known * known
    return np.minimum(entry, up(np.sqrt(np.maximum(squares, 0.0)), 2))


def _entry_and_norms(noise: str, factors: Factors) -> tuple[float, np.ndarray]:
    """At least the largest |entry|, and at least the norm of each row."""
    if noise == "second-moments":
        norms = row_norms(factors)
        return float(norms.max()), norms
    if noise == "svd":
        norms = np.full(len(factors[0]), spectral(factors))
        return float(norms.max()), norms
    left, right = factors
    norms, columns = norm_product(factors), lengths(right.T).max()
    if noise == "frobenius":
        return float(np.minimum(up(lengths(left) * columns, 2), norms).max()), norms
    entry = up(np.abs(left) @ np.abs(right).max(axis=1), right.shape[0])
    norms = up(np.abs(left) @ lengths(right), right.shape[0])
    if noise == "subproduct":
        errors = row_errors(factors)
        entry, norms = up(entry + errors, 2), up(norms + errors, 2)
    return float(entry.max()), norms
