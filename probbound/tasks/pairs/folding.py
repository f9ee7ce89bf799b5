"""From a pair network to what the screens see: products multiplied out, with what that rounds."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.rounding import gamma, inflated
from probbound.models.pair_mlp.network import PairMLP, in_float64, weights_of
from probbound.tasks.pairs.folded import Folded, Labelling
from probbound.tasks.pairs.rows import Rows, times_flops


def folded(model: PairMLP, labels: Labelling) -> Folded:
    """The network with the right answers of `labels`, and how far it is from what is meant.

    The errors are those of Theorem 8.1: by 3.1 for each product, and a rounding for each sum.
    """
    w = weights_of(in_float64(model))
    first = second = _through(w["W_E"], w.get("W_in"))
    if _untied(w):
        second = _through(w.get("W_E2", w["W_E"]), w.get("W_in2", w.get("W_in")))
    if "b_in" in w:
        second = second.plus(Rows.exactly(np.broadcast_to(w["b_in"], second.values.shape)))
    columns = _through(w["W_U"].T, w["W_out"].T if "W_out" in w else None)
    bias, bias_error = _bias(w)
    first_error, second_error, skip = first.error, second.error, None
    if "W_skip" in w:
        a = _through(w["W_E"], w["W_skip"])
        b = _through(w["W_E2"], w["W_skip"]) if "W_E2" in w else a
        skip = (a.values, b.values, w["W_U"])
        first_error = inflated(first_error + a.error, 1)
        second_error = inflated(second_error + b.error, 1)
    return Folded.of(
        *(first.values, second.values, columns.values.T, labels),
        bias=bias if bias.any() or bias_error.any() else None,
        skip=skip,
        first_error=first_error,
        second_error=second_error,
        out_error=inflated(columns.error + bias_error, 1),
    )


def folding_flops(model: PairMLP) -> int:
    """Operations of `folded`, what it compares apart."""
    w = weights_of(model)
    p, classes = model.d_vocab, model.d_vocab_out
    total = (1 + _untied(w)) * times_flops(w["W_E"], w.get("W_in"))
    total += p * (3 * model.d_mlp + 4) if "b_in" in w else 0
    if "W_skip" in w:
        total += (1 + ("W_E2" in w)) * times_flops(w["W_E"], w["W_skip"]) + 4 * p
    if "W_out" in w:
        total += times_flops(w["W_U"].T, w["W_out"].T)
    if "b_out" in w or "b_U" in w:
        total += classes * (5 * model.d_out + 12)
    return total


def _untied(w: dict[str, np.ndarray]) -> bool:
    """Whether the second operand has weights of its own."""
    return "W_E2" in w or "W_in2" in w


def _through(rows: np.ndarray, matrix: np.ndarray | None) -> Rows:
    """rows · matrix; without a matrix the rows."""
    return Rows.exactly(rows).times(*([] if matrix is None else [matrix]))


def _bias(
    w: dict[str, np.ndarray],
) -> tuple[Float[np.ndarray, " classes"], Float[np.ndarray, " classes"]]:
    """b_out W_U + b_U, and how far each is off."""
    classes = w["W_U"].shape[1]
    bias, size = w.get("b_U", np.zeros(classes)), np.abs(w.get("b_U", np.zeros(classes)))
    if "b_out" not in w:
        return bias, np.zeros(classes)
    through = w["b_out"] @ w["W_U"]
    size = size + np.abs(w["b_out"]) @ np.abs(w["W_U"])
    steps = len(w["b_out"]) + 2
    return through + bias, inflated(gamma(steps) * size, steps + 2)
