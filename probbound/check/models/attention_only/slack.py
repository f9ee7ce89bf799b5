"""How far rounding can have moved a computed logit, from the weights alone (Theorem 5.4)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from probbound.check.models.attention_only.network import Slack
from probbound.check.models.attention_only.weights import Weights
from probbound.check.norms import gamma

UNDERFLOW, FLOOR = 2.0**-500, 2.0**-600
LARGEST_NORM, LARGEST_ERROR = 2.0**64, 2.0**-7
ABOVE = 1 + 2.0**-40  # more than all roundings of the few sums below


@dataclass(frozen=True)
class Sizes:
    """S + t and L + t of Theorem 5.4, infinite where weights are too large, and M and N."""

    scores: float
    logits: float
    score_steps: int
    logit_steps: int

    @classmethod
    def of(cls, w: Weights) -> Sizes:
        """From the norms of the weights."""
        _, k, d, e, heads, _ = w.sizes
        longest = _norm(w.W_E, 1).max() + _norm(w.W_pos, 1).max()
        output, bias = _norm(w.W_U, 0).max(), _norm(w.b_O[None], 1).max()
        sides = {
            part: longest * _norm(getattr(w, f"W_{part}"), (1, 2))
            + _norm(getattr(w, f"b_{part}"), 1)
            for part in "QKV"
        }
        onward = _norm(w.W_O, (1, 2))
        norms = (longest, output, onward.max(), bias, np.abs(w.b_U).max())
        norms += tuple(_norm(getattr(w, f"W_{p}"), (1, 2)).max() for p in "QKV")
        norms += tuple(_norm(getattr(w, f"b_{p}"), 1).max() for p in "QKV")
        steps = (2 * (d + e) + 16, 2 * (d + heads * (e + k)) + 256)
        if not (max(norms) <= LARGEST_NORM and 1 / LARGEST_NORM <= w.attn_scale <= LARGEST_NORM):
            return cls(math.inf, math.inf, *steps)
        scores = (sides["Q"] * sides["K"]).max() / w.attn_scale
        reached = longest + (sides["V"] * onward).sum() + bias
        logits = reached * output + np.abs(w.b_U).max()
        return cls(ABOVE * float(scores) + UNDERFLOW, ABOVE * float(logits) + UNDERFLOW, *steps)


def slack_of(w: Weights, margin: float) -> Slack:
    """β of Theorem 5.4 and the floor below which a sum is certainly negative (5.5)."""
    sizes, spread = Sizes.of(w), 2 * gamma(w.W_pos.shape[0] + 4)
    steps, error = gamma(sizes.logit_steps), ABOVE * gamma(sizes.score_steps) * sizes.scores
    usual = abs(margin) <= LARGEST_NORM and error <= LARGEST_ERROR and steps <= LARGEST_ERROR
    if not usual:
        return Slack(math.inf, FLOOR, spread)
    moved = ABOVE * 5 * (sizes.logits + abs(margin)) * (steps + 2 * error)
    return Slack(float(moved), FLOOR, spread)


def _norm(values: np.ndarray, axes: int | tuple[int, int]) -> np.ndarray:
    """‖·‖₂ along axes, larger by more than the underflow of squares takes from it."""
    return np.asarray(np.linalg.norm(values, axis=axes)) + UNDERFLOW


def ladder_slack(
    sizes: Sizes,
    largest: float,
    errors: tuple[float, float],
    spread: float,
    margin: float,
    positions: int,
) -> tuple[float, float]:
    """ρ and β' of Theorem 5.7: a relative error of attention, an absolute one of brackets.

    `largest` is Z, `errors` are κ of scores and direct path, `spread` is the direct path's largest.
    """
    exponent = 4 * gamma(sizes.score_steps) * sizes.scores + errors[0] + gamma(8) * largest
    sums = gamma(positions + 64)
    if not (ABOVE * exponent <= LARGEST_ERROR and sums <= LARGEST_ERROR):
        return math.inf, math.inf
    if not abs(margin) <= LARGEST_NORM:
        return math.inf, math.inf
    lift = 10 * gamma(sizes.logit_steps) * sizes.logits + 2 * errors[1]
    lift += gamma(8) * (spread + abs(margin))
    return float(ABOVE * (1.1 * ABOVE * exponent + 2 * sums)), float(ABOVE * lift)
