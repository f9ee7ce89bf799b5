"""The largest weighted mean over a product set (Theorem 10.5)."""

from __future__ import annotations

from typing import Any

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
    highest = np.where(allowed[:, None], w, -np.inf).max(axis=(2, 3))
    size = np.where(allowed[:, None], np.abs(w), 0.0).max(axis=(2, 3))
    level = highest.copy()
    best = highest.copy()
    for _ in range(STEPS):
        terms = e * (w - level[..., None, None]) + out
        chosen = terms.argmax(axis=3)[..., None]
        largest = np.take_along_axis(terms, chosen, 3)[..., 0]
        slope = np.take_along_axis(np.broadcast_to(e, terms.shape), chosen, 3)[..., 0].sum(axis=2)
        spread = np.maximum(size, np.abs(level))
        terms = widened(largest, widening)
        bound, step = looked_at(level, terms, slope, least[:, None], spread)
        best = np.fmin(best, bound)
        if np.all(np.abs(step) <= 1e-13 * spread):
            break
        level = level + step
    return best


def widened(terms: np.ndarray, widening: float) -> np.ndarray:
    """The largest of E (W - λ) if the E may be off by factors 1 ± `widening`: it grows with it."""
    return terms + widening * np.abs(terms)


def looked_at(
    level: np.ndarray, terms: np.ndarray, slope: np.ndarray, least: Any, spread: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """At least the largest mean, by F(λ) at a level λ, and Newton's step from there.

    `terms` are the largest of each place, on the last axis, `least` is the sum of the least
    weights and `spread` at least |λ| and every |W|. The bound is nan where F says nothing; the
    step aims at where F is less than nothing by twice what it may be off: there λ is the bound.
    """
    f, slack = terms.sum(axis=-1), SLACK * np.abs(terms).sum(axis=-1) + LEAST * (1 + spread)
    total = np.maximum(f + slack, 0.0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        risen = np.where(total > 0, total / least * (1 + 2.0**-40), 0.0)
        bound = level + risen + 2.0**-50 * (np.abs(level) + risen)
        step = (f + 2 * slack) / slope
    return bound, np.where(np.isfinite(step), step, 0.0)
