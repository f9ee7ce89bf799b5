"""A pair network's forward pass in float64, and what rounding takes from its margins (5.14)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from probbound.check.models.pair_mlp.rounding import LARGEST, UNDERFLOW, above, gamma, lengths
from probbound.check.models.pair_mlp.weights import Weights

_NUMBERS_AT_ONCE = 1 << 21


@dataclass(frozen=True)
class Network:
    """A network whose answer is right where it leads by more than `margin` (Theorem 1.8).

    `most` operations may be spent on inputs that only a screen can show to be left.
    """

    weights: Weights
    margin: float = 0.0
    most: float = math.inf

    @cached_property
    def slack(self) -> float:
        """β of Theorem 5.14, infinite where norms are too large."""
        w = self.weights.arrays
        norm = {name: float(lengths(values.reshape(1, -1))[0]) for name, values in w.items()}
        first = float(lengths(w["W_E"]).max())
        second = float(lengths(w["W_E2"]).max()) if "W_E2" in w else first
        into, out = norm.get("W_in", 1.0), norm.get("W_out", 1.0)
        hidden = first * into + second * norm.get("W_in2", into) + norm.get("b_in", 0.0)
        residual = hidden * out + (first + second) * norm.get("W_skip", 0.0)
        residual += norm.get("b_out", 0.0)
        logit = above(residual * float(lengths(w["W_U"].T).max()) + norm.get("b_U", 0.0))
        size, margin = self.weights.sizes, abs(self.margin)
        error = gamma(size["d_model"] + size["d_mlp"] + size["d_out"] + 32)
        if not (logit < math.inf and margin <= LARGEST and error <= 2.0**-7):
            return math.inf
        return above(3 * error * (logit + UNDERFLOW + margin))

    @cached_property
    def operands(self) -> tuple[np.ndarray, np.ndarray]:
        """What each value of the two operands gives to the neurons; the bias is in the second."""
        w = self.weights.arrays
        first, second = w["W_E"], w.get("W_E2", w["W_E"])
        if "W_in" in w:
            first, second = first @ w["W_in"], second @ w.get("W_in2", w["W_in"])
        return first, second + w["b_in"] if "b_in" in w else second

    def logits(self, tokens: np.ndarray) -> np.ndarray:
        """The forward pass of rows (n, 2), (n, out)."""
        w = self.weights.arrays
        a, b = tokens.T
        first, second = self.operands
        found = np.maximum(first[a] + second[b], 0.0)
        if "W_out" in w:
            found = found @ w["W_out"]
        if "W_skip" in w:
            found = found + (w["W_E"][a] + w.get("W_E2", w["W_E"])[b]) @ w["W_skip"]
        if "b_out" in w:
            found = found + w["b_out"]
        found = found @ w["W_U"]
        return found + w["b_U"] if "b_U" in w else found

    def wrong(self, tokens: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Which rows (n, 2) are not certainly answered with their label by the margin."""
        sizes = self.weights.sizes
        step = max(1, _NUMBERS_AT_ONCE // (2 * sizes["d_mlp"] + sizes["d_vocab_out"]))
        parts = [
            self._wrong(tokens[at : at + step], labels[at : at + step])
            for at in range(0, len(tokens), step)
        ]
        return np.concatenate([np.zeros(0, dtype=bool), *parts])

    def _wrong(self, tokens: np.ndarray, labels: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return not_ahead(self.logits(tokens), labels, self.margin + self.slack)


def not_ahead(values: np.ndarray, labels: np.ndarray, lead: np.ndarray | float) -> np.ndarray:
    """Which rows (n, classes) do not have their label above every other by the lead.

    Overwrites the values. NaN and ties are not ahead; one class alone always is.
    """
    rows = np.arange(len(values))
    own = values[rows, labels] - lead
    if values.shape[1] == 1:
        return np.zeros(len(values), dtype=bool)
    values[rows, labels] = -np.inf
    return ~(values.max(axis=1) < own)
