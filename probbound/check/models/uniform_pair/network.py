"""The logits of a nearly uniform transformer of pairs in float64; no claim rests on them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from probbound.check.models.uniform_pair.weights import Weights


@dataclass(frozen=True)
class Network:
    """A network whose answer is right where it leads by more than `margin`.

    `most` operations may be spent on inputs that only a screen can show to be left.
    """

    weights: Weights
    margin: float = 0.0
    most: float = math.inf

    def logits(self, tokens: np.ndarray) -> np.ndarray:
        """With their attention, of rows (n, 2), (n, out)."""
        w, c = self.weights.arrays, self.weights.coefficient
        own = w["W_E"][tokens[:, 0]] + w["W_pos"][0]
        last = w.get("W_E2", w["W_E"])[tokens[:, 1]] + w["W_pos"][1]
        end = last.copy()
        for q, k, v, o in zip(w["W_Q"], w["W_K"], w["W_V"], w["W_O"], strict=True):
            asked = last @ q
            apart = ((own - last) @ k * asked).sum(axis=1) / math.sqrt(q.shape[1])
            first = np.exp(-np.logaddexp(0, -apart))[:, None]
            end += ((c * first + 1 - c) * own + (c * (1 - first) + 1 - c) * last) @ v @ o
        hidden = np.maximum(end @ w["W_in"] + w["b_in"], 0)
        return (end + hidden @ w["W_out"] + w["b_out"]) @ w["W_U"]
