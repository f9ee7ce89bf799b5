"""How far a network's answer to a row is from another's, in nats (Theorem 9.11)."""

from __future__ import annotations

import numpy as np

from probbound.check.models.transformer.radii import Outcomes
from probbound.check.norms import gamma

Numbers = np.ndarray
_U, _LEAST, _ABOVE = 2.0**-53, 2.0**-900, 1 + 2.0**-30


def divergences(reference: Outcomes, network: Outcomes) -> Numbers:
    """What K(reference ‖ network) does not exceed at each row (n, out), (n,).

    Infinite where an outcome has no finite radius, or nothing is known.
    """
    n = reference.values.shape[1]
    with np.errstate(all="ignore"):
        ours, theirs = reference.radii.max(axis=1), network.radii.max(axis=1)
        sizes = np.abs(reference.values).max(axis=1) + np.abs(network.values).max(axis=1)
        rounded = 4 * gamma(n + 512) + 32 * _U * sizes
        logs = _log_softmax(reference.values)
        apart, shares = logs - _log_softmax(network.values), np.exp(logs)
        off = np.expm1(2 * ours + rounded) + gamma(n + 16)
        more = off * (shares * np.abs(apart)).sum(axis=1) + (2 * ours + 2 * theirs + rounded)
        found = (shares * apart).sum(axis=1) + _ABOVE * more + _LEAST
    known = np.isfinite(ours) & np.isfinite(theirs) & ~np.isnan(found)
    return np.where(known, found, np.inf)


def _log_softmax(values: Numbers) -> Numbers:
    below = values - values.max(axis=1, keepdims=True)
    return below - np.log(np.exp(below).sum(axis=1, keepdims=True))
