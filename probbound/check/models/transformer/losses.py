"""The cross-entropy of rows, from outcomes and their radii (Theorem 9.9)."""

from __future__ import annotations

import numpy as np

from probbound.check.models.transformer.radii import Outcomes
from probbound.check.norms import gamma

Numbers = np.ndarray
_U, _LEAST = 2.0**-53, 2.0**-900


def cross_entropies(outcomes: Outcomes, labels: Numbers) -> Numbers:
    """A number that the loss of each row (n, out) does not exceed, in nats, (n,).

    No number, or infinite, where outcomes or radii are so.
    """
    (values, radii), rows = outcomes, np.arange(len(labels))
    with np.errstate(all="ignore"):
        gaps = (values + radii) - (values - radii)[rows, labels][:, None]
        gaps[rows, labels] = 0.0
        top = gaps.max(axis=1)
        gaps[rows, gaps.argmax(axis=1)] = -np.inf
        computed = top + np.log1p(np.exp(gaps - top[:, None]).sum(axis=1))
        sizes = 2 * np.abs(values).max(axis=1) + 2 * radii.max(axis=1)
        raised = (computed + _LEAST) * (1 + 2 * gamma(values.shape[1] + 82))
        return raised + 16 * _U * sizes
