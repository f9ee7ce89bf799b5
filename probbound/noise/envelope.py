"""What is known of each row of the noise, and every quantity that follows from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.rounding import inflated, ratio_up
from probbound.noise.contract import Quantity, QuantityName
from probbound.noise.inputs import input_share
from probbound.noise.norms import frobenius_upper
from probbound.noise.term import NoiseTerm

Vector = Float[np.ndarray, " m"]
_BISECTIONS = 60

FROM_ENTRIES: frozenset[QuantityName] = frozenset(
    ("share-above", "quantile", "largest-entry", "input-share")
)
FROM_SPREADS: frozenset[QuantityName] = frozenset(("row-spread-share", "largest-row-spread"))
FROM_NORMS: frozenset[QuantityName] = frozenset(("rms", "row-norms", "frobenius-norm"))


@dataclass(frozen=True)
class Envelope:
    """Upper bounds for every row i of N (m × n).

    `entry[i]` >= max_j |N_ij|, `spread[i]` >= max_j N_ij - min_j N_ij, `norm[i]` >= ‖N_i‖₂,
    `spectral` >= ‖N‖₂, `frobenius` >= ‖N‖_F; `counted[τ][i]` >= #{j: |N_ij| > τ}
    where it was counted.
    """

    term: NoiseTerm
    entry: Vector
    spread: Vector
    norm: Vector
    spectral: float = math.inf
    frobenius: float = math.inf
    counted: Mapping[float, Vector] = field(default_factory=dict)

    def counts(self, threshold: float) -> Vector:
        """At least #{j: |N_ij| > threshold}, for every row (Theorem 3.5)."""
        n = self.term.shape[1]
        if threshold in self.counted:
            return self.counted[threshold]
        counts = np.where(self.entry <= threshold, 0.0, float(n))
        chebyshev = _chebyshev(self.norm, threshold)
        return np.where(chebyshev <= counts, chebyshev, counts)

    def total_count(self, threshold: float) -> int:
        """At least the number of all |N_ij| > threshold (Theorem 3.5)."""
        total = float(self.counts(threshold).sum())
        chebyshev = float(_chebyshev(self.total_norm, threshold))
        return int(chebyshev if chebyshev < total else total)

    @property
    def total_norm(self) -> float:
        """At least ‖N‖_F."""
        return min(self.frobenius, frobenius_upper(self.norm))

    def bound(self, quantity: Quantity) -> float:
        """An upper bound on the quantity; inf where an overflow leaves nothing to say."""
        bound = _DEDUCE[quantity.name](self, quantity)
        return math.inf if math.isnan(bound) else bound


def _chebyshev(norm: float | Vector, threshold: float) -> np.ndarray:
    """⌊(norm / threshold)²⌋, rounded up: how many numbers of that 2-norm can exceed it.

    inf or NaN at a threshold of zero, which bounds no count.
    """
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        ratio = np.asarray(norm) / threshold
        return np.asarray(np.floor(inflated(ratio * ratio, 4)))


def _share_above(env: Envelope, quantity: Quantity) -> float:
    return ratio_up(env.total_count(quantity.threshold or 0.0), env.term.remainder.size)


def _quantile(env: Envelope, quantity: Quantity) -> float:
    """The least threshold found to be exceeded by a share of at most 1 - level (Theorem 3.6)."""
    size = env.term.remainder.size
    allowed = size - math.ceil(Fraction(quantity.level or 1.0) * size)
    low, high = 0.0, float(env.entry.max())
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if env.total_count(middle) <= allowed:
            high = middle
        else:
            low = middle
    return 0.0 if env.total_count(0.0) <= allowed else high


def _row_spread_share(env: Envelope, quantity: Quantity) -> float:
    threshold = quantity.threshold or 0.0
    large = len(env.spread) - int(np.count_nonzero(env.spread <= threshold))
    chebyshev = float(_chebyshev(inflated(math.sqrt(2) * env.total_norm, 2), threshold))
    return ratio_up(int(chebyshev if chebyshev < large else large), len(env.spread))


def _input_share(env: Envelope, quantity: Quantity) -> float:
    threshold = quantity.threshold or 0.0
    counts, total = env.counts(threshold), env.total_count(threshold)
    return input_share(env.term, counts, total, threshold, quantity.n_ctx or 1)


def _rms(env: Envelope, _: Quantity) -> float:
    return inflated(env.total_norm / math.sqrt(env.term.remainder.size), 4)


_DEDUCE: dict[QuantityName, Callable[[Envelope, Quantity], float]] = {
    "share-above": _share_above,
    "quantile": _quantile,
    "row-spread-share": _row_spread_share,
    "input-share": _input_share,
    "rms": _rms,
    "row-norms": lambda env, _: float(env.norm.max()),
    "largest-row-spread": lambda env, _: float(env.spread.max()),
    "largest-entry": lambda env, _: float(env.entry.max()),
    "spectral-norm": lambda env, _: min(env.spectral, env.total_norm),
    "frobenius-norm": lambda env, _: env.total_norm,
}
