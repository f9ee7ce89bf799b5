"""The largest weighted mean over a product set (Theorem 10.5)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from probbound.models.transformer.attention_alone.form import LEAST

STEPS = 12
SLACK = 2.0**-42


def largest_mean(
    weights: Float[np.ndarray, "sets places choices"],
    allowed: Bool[np.ndarray, "sets places choices"],
    values: Float[np.ndarray, "quantities places choices"],
    widening: float,
) -> Float[np.ndarray, "sets quantities"]:
    """At least Σ E W / Σ E wherever one choice is made at each place, for every set and quantity.

    `weights` are the E, at most 1 and each known up to a factor 1 ± `widening`; `values` are upper
    bounds of the W. Each place has an allowed choice in every set; there are at most 512.
    """
    e = np.where(allowed, weights, 0.0)[:, None]
    w = values[None]
    out = np.where(allowed, 0.0, -np.inf)[:, None]
    least = np.where(allowed, weights, np.inf).min(axis=2).sum(axis=1) * (1 - widening)
    most = e.max(axis=3).sum(axis=2)[:, 0]
    highest = np.where(allowed[:, None], w, -np.inf).max(axis=(2, 3))
    size = np.where(allowed[:, None], np.abs(w), 0.0).max(axis=(2, 3))
    level = highest.copy()
    best = highest.copy()
    for _ in range(STEPS):
        terms = e * (w - level[..., None, None]) + out
        chosen = terms.argmax(axis=3)[..., None]
        f = np.take_along_axis(terms, chosen, 3)[..., 0].sum(axis=2)
        slope = np.take_along_axis(np.broadcast_to(e, terms.shape), chosen, 3)[..., 0].sum(axis=2)
        spread = np.maximum(size, np.abs(level))
        above = np.maximum(f, 0.0) + (SLACK + 2 * widening) * most[:, None] * spread
        above = above + LEAST * (1 + spread)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            risen = above / least[:, None] * (1 + 2.0**-40)
            found = level + risen + 2.0**-50 * (np.abs(level) + risen)
            best = np.fmin(best, found)
            step = f / slope
        stepped = level + np.where(np.isfinite(step), step, 0.0)
        if np.all(np.abs(stepped - level) <= 1e-13 * spread):
            break
        level = stepped
    return best
