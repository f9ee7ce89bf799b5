"""From a pair network to what the screens see: products multiplied out, with what that rounds."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.factored import FactoredMatrix
from probbound.arithmetic.rounding import gamma, inflated
from probbound.models.pair_mlp.network import PairMLP, in_float64, weights_of
from probbound.noise.norms import lengths_upper, row_errors, row_errors_flops
from probbound.tasks.pairs.folded import Folded, Labelling

Rows = tuple[Float[np.ndarray, "n k"], Float[np.ndarray, " n"]]


def folded(model: PairMLP, labels: Labelling) -> Folded:
    """The network with the right answers of `labels`, and how far it is from what is meant.

    The errors are those of Theorem 8.1: by 3.1 for each product, and a rounding for each sum.
    """
    w = weights_of(in_float64(model))
    first, first_error = second, second_error = _product(w["W_E"], w.get("W_in"))
    if _untied(w):
        second, second_error = _product(w.get("W_E2", w["W_E"]), w.get("W_in2", w.get("W_in")))
    if "b_in" in w:
        second, second_error = _added(second, second_error, w["b_in"])
    columns, out_error = _product(w["W_U"].T, w["W_out"].T if "W_out" in w else None)
    bias, bias_error = _bias(w)
    skip = None
    if "W_skip" in w:
        a, a_error = _product(w["W_E"], w["W_skip"])
        b, b_error = _product(w["W_E2"], w["W_skip"]) if "W_E2" in w else (a, a_error)
        skip = (a, b, w["W_U"])
        first_error = inflated(first_error + a_error, 1)
        second_error = inflated(second_error + b_error, 1)
    return Folded.of(
        *(first, second, columns.T, labels),
        bias=bias if bias.any() or bias_error.any() else None,
        skip=skip,
        first_error=first_error,
        second_error=second_error,
        out_error=inflated(out_error + bias_error, 1),
    )


def folding_flops(model: PairMLP) -> int:
    """Operations of `folded`, what it compares apart."""
    w = weights_of(model)
    p, classes = model.d_vocab, model.d_vocab_out
    total = (1 + _untied(w)) * _product_flops(w["W_E"], w.get("W_in"))
    total += p * (3 * model.d_mlp + 4) if "b_in" in w else 0
    if "W_skip" in w:
        total += (1 + ("W_E2" in w)) * _product_flops(w["W_E"], w["W_skip"]) + 4 * p
    if "W_out" in w:
        total += _product_flops(w["W_U"].T, w["W_out"].T)
    if "b_out" in w or "b_U" in w:
        total += classes * (5 * model.d_out + 12)
    return total


def _untied(w: dict[str, np.ndarray]) -> bool:
    """Whether the second operand has weights of its own."""
    return "W_E2" in w or "W_in2" in w


def _product(rows: np.ndarray, matrix: np.ndarray | None) -> Rows:
    """rows · matrix, and how far each row is off; without a matrix the rows, exactly."""
    if matrix is None:
        return rows, np.zeros(len(rows))
    return rows @ matrix, row_errors(FactoredMatrix(rows, matrix))


def _product_flops(rows: np.ndarray, matrix: np.ndarray | None) -> int:
    if matrix is None:
        return 0
    (n, d), m = np.shape(rows), np.shape(matrix)[1]
    return 2 * n * d * m + row_errors_flops(FactoredMatrix(rows, matrix))


def _added(
    rows: Float[np.ndarray, "n k"], error: Float[np.ndarray, " n"], bias: Float[np.ndarray, " k"]
) -> Rows:
    """Rows with a bias: every sum is off by at most one rounding of itself."""
    found = rows + bias
    return found, inflated(error + gamma(1) * lengths_upper(found), 2)


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
