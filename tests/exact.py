"""The network of a model's stored weights, in 200 digits."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import numpy as np

from probbound.models.attention_only.transformer import WEIGHT_SHAPES, Transformer

DIGITS = 200
TIE = mpmath.mpf(10) ** -150  # two numbers this close are equal at 200 digits

exactly = np.vectorize(lambda x: mpmath.mpf(float(x)), otypes=[object])
_exp = np.vectorize(mpmath.exp, otypes=[object])


class ExactModel:
    """Logits, scores and circuits as object arrays of mpmath numbers."""

    def __init__(self, model: Transformer) -> None:
        mpmath.mp.dps = DIGITS
        self.model = model
        self.w = {name: exactly(np.asarray(getattr(model, name))) for name in WEIGHT_SHAPES}
        self.scale = mpmath.mpf(model.attn_scale)

    def scores(self, head: int) -> np.ndarray:
        """s(q, t, p), the key bias left out, [query, position, token]."""
        w = self.w
        queries = (w["W_E"] + w["W_pos"][-1]) @ w["W_Q"][head] + w["b_Q"][head]
        residual = w["W_E"] + w["W_pos"][:, None]
        keys = residual @ w["W_K"][head]
        return np.stack([keys @ query for query in queries]) / self.scale

    def value(self, head: int) -> np.ndarray:
        """V_h(t, j)."""
        w = self.w
        return w["W_E"] @ w["W_V"][head] @ w["W_O"][head] @ w["W_U"]

    def position(self, head: int) -> np.ndarray:
        """P_h(p, j)."""
        w = self.w
        return w["W_pos"] @ w["W_V"][head] @ w["W_O"][head] @ w["W_U"]

    def direct(self) -> np.ndarray:
        """D(q, j)."""
        w = self.w
        bias = sum((b @ o for b, o in zip(w["b_V"], w["W_O"], strict=True)), w["b_O"])
        return (w["W_E"] + w["W_pos"][-1] + bias) @ w["W_U"] + w["b_U"]

    def all_logits(self) -> dict[tuple[int, ...], np.ndarray]:
        """The logits of every sequence."""
        heads, places = range(self.model.n_heads), np.arange(self.model.n_ctx)
        scores = [self.scores(h) for h in heads]
        values, positions = [self.value(h) for h in heads], [self.position(h) for h in heads]
        direct, found = self.direct(), {}
        for tokens in itertools.product(range(self.model.d_vocab), repeat=self.model.n_ctx):
            index = np.array(tokens)
            total = direct[tokens[-1]]
            for h in heads:
                weights = _exp(scores[h][tokens[-1], places, index])
                total = total + weights @ (values[h][index] + positions[h]) / weights.sum()
            found[tokens] = total
        return found

    def losses(self) -> dict[tuple[int, ...], Any]:
        """The cross-entropy of every sequence."""
        return {
            tokens: mpmath.log1p(_exp(np.delete(logits, max(tokens)) - logits[max(tokens)]).sum())
            if len(logits) > 1
            else mpmath.mpf(0)
            for tokens, logits in self.all_logits().items()
        }

    def wrong(self, margin: float = 0.0) -> set[tuple[int, ...]]:
        """The sequences whose label's logit does not exceed every other by more than `margin`."""
        return {
            tokens
            for tokens, logits in self.all_logits().items()
            if len(logits) > 1
            and not np.delete(logits, max(tokens)).max() + margin < logits[max(tokens)] - TIE
        }
