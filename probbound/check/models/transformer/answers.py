"""Which rows a transformer answers with their label, in real numbers and in float64."""

from __future__ import annotations

import numpy as np

from probbound.check.models.transformer.radii import Outcomes

Numbers = np.ndarray
_U, _T = 2.0**-53, 2.0**-400
AGREEMENT = 2.0**-24


def leads(outcomes: Outcomes, labels: Numbers, margin: float) -> Numbers:
    """Which rows (n, out) certainly have their label ahead of every other by more (Theorem 9.3)."""
    rows, (values, radii) = np.arange(len(labels)), outcomes
    sizes = np.abs(values) + radii
    with np.errstate(all="ignore"):
        least = (values - radii)[rows, labels][:, None]
        slack = 4 * _U * (sizes[rows, labels][:, None] + sizes + abs(margin)) + _T
        return _ahead(least - (values + radii) > margin + slack, labels)


def undecided(outcomes: Outcomes, labels: Numbers, margin: float) -> Numbers:
    """Which rows neither lead so for certain, nor certainly do not."""
    rows, (values, radii) = np.arange(len(labels)), outcomes
    sizes = np.abs(values) + radii
    with np.errstate(all="ignore"):
        most = (values + radii)[rows, labels][:, None]
        slack = 4 * _U * (sizes[rows, labels][:, None] + sizes + abs(margin)) + _T
        behind = most - (values - radii) <= margin - slack
        behind[rows, labels] = False
        return ~leads(outcomes, labels, margin) & ~behind.any(axis=1)


def leads_in_float64(values: Numbers, labels: Numbers, margin: float) -> Numbers:
    """Which rows (n, out) have it so as computed, by more than the agreement (Definition 9.4)."""
    with np.errstate(all="ignore"):
        wanted = margin + AGREEMENT * np.abs(values).max(axis=1, keepdims=True)
        own = values[np.arange(len(labels)), labels][:, None]
        return _ahead(own - values > wanted, labels)


def agreed_outcomes(values: Numbers) -> Outcomes:
    """Outcomes (n, out) as computed, with the radii that `float64` gives them (Theorem 9.9)."""
    with np.errstate(all="ignore"):
        radii = AGREEMENT / 2 * np.abs(values).max(axis=1, keepdims=True)
    return Outcomes(values, np.broadcast_to(radii, values.shape))


def _ahead(certain: Numbers, labels: Numbers) -> Numbers:
    """Whether all are certain but that a label is ahead of itself."""
    certain[np.arange(len(labels)), labels] = True
    return np.all(certain, axis=1)
