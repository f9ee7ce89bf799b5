"""What rounding can do to the ladder's bounds (Theorem 5.7)."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.rounding import gamma, inflated
from probbound.models.attention_only.forward_error import LARGEST_ERROR, LARGEST_NORM, ForwardError
from probbound.tasks.max_of_k.screens.paths import Known


def attention_error(
    error: ForwardError, scores: Known, positions: Float[np.ndarray, "d_vocab n_ctx"]
) -> float:
    """ρ: the relative error of an attention bound, and of the terms and sums it enters."""
    largest = np.abs(scores.known).max() + scores.spread.max() + np.abs(positions).max()
    of_scores = 4 * gamma(error.score_steps) * error.scores + scores.error
    exponent = inflated(float(of_scores + gamma(8) * largest), 8)
    sums = gamma(positions.shape[1] + 64)
    if not max(exponent, sums) <= LARGEST_ERROR:
        return math.inf
    return inflated(1.1 * exponent + 2 * sums, 4)


def bracket_error(error: ForwardError, direct: Known, margin: float) -> float:
    """β': the error of a bracket's upper bound, in units of the logits."""
    if not abs(margin) <= LARGEST_NORM:
        return math.inf
    added = gamma(8) * (float(direct.spread.max()) + abs(margin))
    return inflated(10 * error.logit + 2 * direct.error + added, 8)
