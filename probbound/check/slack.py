"""How far rounding can have moved a computed logit, from the weights alone (Theorem 5.4)."""

from __future__ import annotations

import math

import numpy as np

from probbound.check.network import Slack
from probbound.check.weights import Weights

_UNDERFLOW, _FLOOR = 2.0**-500, 2.0**-600
_LARGEST_NORM, _LARGEST_ERROR = 2.0**64, 2.0**-7
_ABOVE = 1 + 2.0**-40  # more than all roundings of the few sums below


def slack_of(w: Weights, margin: float) -> Slack:
    """β of Theorem 5.4 and the floor below which a sum is certainly negative (5.5)."""
    _, k, d, e, heads, _ = w.sizes
    norm = np.linalg.norm
    longest = norm(w.W_E, axis=1).max() + norm(w.W_pos, axis=1).max()
    output = norm(w.W_U, axis=0).max()
    sides = {
        part: longest * norm(getattr(w, f"W_{part}"), axis=(1, 2))
        + norm(getattr(w, f"b_{part}"), axis=1)
        for part in "QKV"
    }
    onward = norm(w.W_O, axis=(1, 2))
    norms = (longest, output, onward.max(), norm(w.b_O), np.abs(w.b_U).max())
    norms += tuple(norm(getattr(w, f"W_{p}"), axis=(1, 2)).max() for p in "QKV")
    norms += tuple(norm(getattr(w, f"b_{p}"), axis=1).max() for p in "QKV")
    scores = _ABOVE * (sides["Q"] * sides["K"]).max() / w.attn_scale + _UNDERFLOW
    reached = longest + (sides["V"] * onward).sum() + norm(w.b_O)
    logits = _ABOVE * (reached * output + np.abs(w.b_U).max()) + _UNDERFLOW + abs(margin)
    steps = _gamma(2 * (d + heads * (e + k)) + 256)
    error = _ABOVE * _gamma(2 * d + 2 * e + 16) * scores
    spread = 2 * _gamma(k + 4)
    usual = max(norms) <= _LARGEST_NORM and abs(margin) <= _LARGEST_NORM
    usual = usual and 1 / _LARGEST_NORM <= w.attn_scale <= _LARGEST_NORM
    if not (usual and error <= _LARGEST_ERROR and steps <= _LARGEST_ERROR):
        return Slack(math.inf, _FLOOR, spread)
    return Slack(float(_ABOVE * 5 * logits * (steps + 2 * error)), _FLOOR, spread)


def _gamma(roundings: int) -> float:
    return _ABOVE * roundings / (2**53 - roundings)
