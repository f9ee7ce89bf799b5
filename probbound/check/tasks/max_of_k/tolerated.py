"""Tolerances, and which inputs are right if their noise keeps to them (Theorems 4.31 and 4.37)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from probbound.check.models.attention_only.slack import FLOOR
from probbound.check.tasks.max_of_k.structure import Structure

_ROUNDING = 2.0**-40  # ρ of Theorem 4.37
_LEAST_SCORE = -400.0
_ROWS = 1 << 14


@dataclass(frozen=True)
class Tolerances:
    """ε, η, τ, τ_far, g, η_d and τ_d of Theorem 4.31, one number for each token but for g."""

    score: np.ndarray
    low: np.ndarray
    row: np.ndarray
    far_row: np.ndarray
    near: int
    direct_low: np.ndarray
    direct_row: np.ndarray

    def of(self, kind: str, path: str) -> np.ndarray:
        """The tolerance of pairs or rows on a path."""
        if kind == "rows":
            return self.row if path == "OV" else self.direct_row
        return {"QK": self.score, "OV": self.low, "direct": self.direct_low}[path]


def far_rows(s: Structure) -> np.ndarray:
    """τ_far: what no row can exceed, by norms."""
    highest, lowest = s.position.max(axis=0), s.position.min(axis=0)
    return (s.mean + highest).max() - lowest[: len(s.size)] + s.value_norm


class Tolerated:
    """The numbers that prices are made of, with rounding counted against the claim.

    `reach[q]` is ε + h, `label[m]` is τ - C, `near[t]` and `far[t]` are b(t) without what label
    and query add, `base[m]` and `extra[q]`.
    """

    def __init__(self, s: Structure, t: Tolerances, margin: float) -> None:
        self.structure, self.tolerances = s, t
        tokens = len(s.size)
        highest, lowest = s.position.max(axis=0)[:tokens], s.position.min(axis=0)[:tokens]
        tables = (t.row, t.far_row, t.low, t.direct_row, t.direct_low)
        slack = 20 * s.output_error + _ROUNDING * sum(float(np.abs(x).max()) for x in tables)
        self.extra = t.direct_row + t.direct_low + slack + (margin + _ROUNDING * abs(margin))
        reach = s.place + t.score + s.score_error
        largest = 2 * np.abs(s.steepness).max() * np.abs(s.size).max()
        self.reach = reach + _ROUNDING * (largest + reach)
        self.base = s.mean[:tokens] + lowest
        self.label = t.row - s.copying
        self.near = np.maximum(t.row, s.copying) + highest + t.low
        self.far = np.maximum(t.far_row, s.copying) + highest + t.low

    def certified(self, tokens: np.ndarray) -> np.ndarray:
        """Which sequences (n, k) meet the condition of Theorem 4.31."""
        parts = [self._certified(tokens[at : at + _ROWS]) for at in range(0, len(tokens), _ROWS)]
        return np.concatenate([np.zeros(0, dtype=bool), *parts])

    def _certified(self, tokens: np.ndarray) -> np.ndarray:
        s, labels, queries = self.structure, tokens.max(axis=1)[:, None], tokens[:, -1:]
        far = labels - tokens >= self.tolerances.near
        bracket = np.where(far, self.far[tokens], self.near[tokens]) - self.base[labels]
        with np.errstate(over="ignore", invalid="ignore"):
            score = s.steepness[queries] * (s.size[tokens] - s.size[labels]) + self.reach[queries]
        gain = self.gain(labels, self.extra[queries], self.reach[queries])
        paid = prices(bracket + self.extra[queries], score, gain)
        own = tokens == labels
        enough = np.where(own, 0.0, paid).sum(axis=1) < own.sum(axis=1)
        return enough & (gain[:, 0] > FLOOR)

    def gain(self, labels: np.ndarray, extra: np.ndarray, reach: np.ndarray) -> np.ndarray:
        """G."""
        with np.errstate(over="ignore", invalid="ignore"):
            return -(self.label[labels] + extra) * np.exp(-reach)


def prices(bracket: np.ndarray, score: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """price(t), infinite where anything about it is in doubt."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        attention = np.exp(np.maximum(score, _LEAST_SCORE))
        price = np.maximum(bracket, 0.0) * attention / gain * (1 + _ROUNDING)
    return np.where((gain > FLOOR) & ~np.isnan(price), price, np.inf)
