"""The means that the sample mean alone rules out (Theorem 2.33).

Only the lower endpoint is computed: the upper one is that of the reflected samples 1 - x.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from estimators._roots import last_nonnegative

PerProblem = Float[np.ndarray, " problems"]
Members = Int[np.ndarray, " problems"]

_EPS = float(np.finfo(np.float64).eps)


def mean_lower_endpoint(
    sample_mean: PerProblem, n: int, log_inverse: PerProblem, population: Members | None
) -> PerProblem:
    """The largest mean that Chernoff's bound, or without replacement Serfling's, rules out.

    `sample_mean` is that of n draws in [0, 1], as computed: its rounding is counted against it.
    `log_inverse` is log(1/δ).
    """
    mean = np.maximum(sample_mean - _EPS * (n + 8), 0.0)
    threshold = raised(log_inverse, n)

    def excess(tried: PerProblem, rows: Int[np.ndarray, " some"]) -> PerProblem:
        marked, rest = mean[rows], 1 - mean[rows]
        divergence = special.rel_entr(marked, tried) + special.rel_entr(rest, 1 - tried)
        return n * divergence - threshold[rows]

    end = last_nonnegative(excess, np.zeros(len(mean)), mean)
    if population is None:
        return end
    return np.maximum(end, mean - np.sqrt(unseen(n, population) * threshold / (2 * n)))


def unseen(n: int, population: Int[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """What n draws without replacement leave of the variance: ρ of Theorem 2.22."""
    members = np.asarray(population, dtype=np.float64)
    return np.minimum(1 - (n - 1) / members, (1 - n / members) * (1 + 1 / n))


def raised(log_inverse: PerProblem, n: int) -> PerProblem:
    """The threshold, above the rounding error of a sum of n log factors, or n times one."""
    return log_inverse + 64 * _EPS * (n + log_inverse)
