"""How far float64 can put the logits of a pair network from the real ones, known beforehand."""

from __future__ import annotations

import math

import numpy as np

from probbound.arithmetic.rounding import gamma, inflated
from probbound.models.pair_mlp.network import AnyArray, PairMLP, weights_of
from probbound.noise.norms import lengths_upper, stored_norm_upper

UNDERFLOW = 2.0**-500  # t of Theorem 5.14
LARGEST_NORM = 2.0**64


def logit_slack(model: PairMLP, margin: float = 0.0) -> float:
    """β of Theorem 5.14: a computed margin of at most `margin` + β counts as not above `margin`.

    Infinite where the weights are too large to say anything.
    """
    size = logit_size(model)
    if not (size < math.inf and abs(margin) <= LARGEST_NORM):
        return math.inf
    return inflated(3 * (size + abs(margin)) * gamma(forward_steps(model)), 4)


def logit_size(model: PairMLP) -> float:
    """L + t of Theorem 5.14: no logit is larger, with what underflows."""
    weights = {name: np.asarray(x, dtype=np.float64) for name, x in weights_of(model).items()}
    norms = {name: _norm(values) for name, values in weights.items()}
    longest = {name: _longest(weights[name]) for name in ("W_E", "W_E2") if name in weights}
    answer = _longest(weights["W_U"].T)
    if not all(norm <= LARGEST_NORM for norm in (*norms.values(), answer)):
        return math.inf
    first, second = longest["W_E"], longest.get("W_E2", longest["W_E"])
    into = norms.get("W_in", 1.0)
    neurons = first * into + second * norms.get("W_in2", into) + norms.get("b_in", 0.0)
    out = neurons * norms.get("W_out", 1.0) + norms.get("b_out", 0.0)
    out += (first + second) * norms.get("W_skip", 0.0)
    return inflated(out * answer + norms.get("b_U", 0.0), 16) + UNDERFLOW


def forward_steps(model: PairMLP) -> int:
    """N of Theorem 5.14: no summand of a logit goes through more roundings."""
    return model.d_model + model.d_mlp + model.d_out + 32


def forward_error_flops(model: PairMLP) -> int:
    """Operations of `logit_slack`: squares and sums, for embeddings and W_U twice."""
    sizes = {name: np.size(values) for name, values in weights_of(model).items()}
    twice = sizes["W_E"] + sizes.get("W_E2", 0) + sizes["W_U"]
    return 2 * (sum(sizes.values()) + twice)


def _norm(values: AnyArray) -> float:
    """‖·‖₂ of a vector, ‖·‖_F of a matrix."""
    with np.errstate(over="ignore"):
        return stored_norm_upper(np.asarray(values).reshape(1, -1)) + UNDERFLOW


def _longest(rows: AnyArray) -> float:
    """The largest ‖·‖₂ of a row."""
    with np.errstate(over="ignore"):
        return float(lengths_upper(np.asarray(rows)).max()) + UNDERFLOW
