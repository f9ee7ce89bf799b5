"""Bounds on the Kullback-Leibler divergence of rows, from outcomes and radii (Theorem 9.11)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.rounding import gamma
from probbound.tasks.next_token.losses import in_parts

_U = 2.0**-53
_RAISED, _LEAST = 1 + 2.0**-30, 2.0**-900


def divergences_upper(
    reference: Float[np.ndarray, "n out"],
    radii_of_reference: Float[np.ndarray, "n out"],
    values: Float[np.ndarray, "n out"],
    radii: Float[np.ndarray, "n out"],
) -> Float[np.ndarray, " n"]:
    """At least K(softmax of the reference, softmax of the values) in nats, for all outcomes within
    the radii of both (Theorem 9.11).

    NaN or infinite where an outcome or a radius is.
    """
    found = np.empty(len(values))
    for some in in_parts(len(values), values.shape[1]):
        found[some] = _upper(
            *(reference[some], radii_of_reference[some].max(axis=1)),
            *(values[some], radii[some].max(axis=1)),
        )
    return found


def divergence_flops(outputs: int) -> int:
    """Operations of `divergences_upper` for a row of so many outcomes."""
    return 22 * outputs + 18


def _upper(
    reference: Float[np.ndarray, "n out"],
    r: Float[np.ndarray, " n"],
    values: Float[np.ndarray, "n out"],
    s: Float[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    outputs = values.shape[1]
    with np.errstate(invalid="ignore", over="ignore"):
        sizes = np.abs(reference).max(axis=1) + np.abs(values).max(axis=1)
        rounding = 4 * gamma(outputs + 512) + 32 * _U * sizes
        log_p = _log_softmax(reference)
        apart = log_p - _log_softmax(values)
        weighted = np.exp(log_p) * apart
        moved = np.expm1(2 * r + rounding) + gamma(outputs + 16)
        off = moved * np.abs(weighted).sum(axis=1) + (2 * r + 2 * s + rounding)
        return weighted.sum(axis=1) + _RAISED * off + _LEAST


def _log_softmax(x: Float[np.ndarray, "n out"]) -> Float[np.ndarray, "n out"]:
    below = x - x.max(axis=1, keepdims=True)
    return below - np.log(np.exp(below).sum(axis=1, keepdims=True))
