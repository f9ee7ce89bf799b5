"""Bounds on the cross-entropy of rows, from outcomes and their radii (Theorem 9.9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from probbound.arithmetic.log_sum import log_sum_exp_upper
from probbound.models.transformer.answering import Answering, Arithmetic

_U = 2.0**-53
_AT_ONCE = 1 << 21  # numbers of outcomes; of as many several arrays are made


@dataclass(frozen=True)
class RowLosses:
    """The y of each row: at least its loss (real), or what its loss is (float64), in nats."""

    answering: Answering
    arithmetic: Arithmetic
    labels: Callable[[Int[np.ndarray, "n length"]], Int[np.ndarray, " n"]]
    flops: int
    name: str = "forward pass"

    def upper(self, rows: Int[np.ndarray, "n length"]) -> Float[np.ndarray, " n"]:
        """Of each row; NaN or infinite where nothing is known."""
        spread = self.answering(rows[:, :-1], 0.0)
        return losses_upper(spread.values, self.arithmetic.radii(spread), self.labels(rows))


def losses_upper(
    values: Float[np.ndarray, "n out"],
    radii: Float[np.ndarray, "n out"],
    labels: Int[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    """At least log Σ_j e^{l_j - l_label} of all l within the radii of the values (Theorem 9.9).

    NaN or infinite where one of either is.
    """
    found = np.empty(len(values))
    for some in in_parts(len(values), values.shape[1]):
        found[some] = _upper(values[some], radii[some], labels[some])
    return found


def loss_flops(outputs: int) -> int:
    """Operations of `losses_upper` for a row of so many outcomes."""
    return 9 * outputs + 10


def in_parts(rows: int, outputs: int) -> list[slice]:
    """Rows to be looked at together, so that arrays of their outcomes stay small."""
    step = max(1, _AT_ONCE // outputs)
    return [slice(start, start + step) for start in range(0, rows, step)]


def _upper(
    values: Float[np.ndarray, "n out"],
    radii: Float[np.ndarray, "n out"],
    labels: Int[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    at = labels[:, None]
    with np.errstate(invalid="ignore", over="ignore"):
        own = np.take_along_axis(values, at, axis=1) - np.take_along_axis(radii, at, axis=1)
        gaps = values + radii - own
        np.put_along_axis(gaps, at, 0.0, axis=1)
        sizes = 2 * np.abs(values).max(axis=1) + 2 * radii.max(axis=1)
        return np.asarray(log_sum_exp_upper(gaps, np)) + 16 * _U * sizes
