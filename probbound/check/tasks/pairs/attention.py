"""A nearly uniform transformer folded, its attention counted as an error (Theorem 8.14)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from probbound.check.models.pair_mlp.rounding import above, gamma, lengths
from probbound.check.models.uniform_pair.weights import Weights
from probbound.check.tasks.pairs.folded import HALF_ULP, Arrays, Folded, kappa


def folded_attention(weights: Weights) -> Folded:
    """Of the weights of a network; what overflows certifies nothing."""
    with np.errstate(all="ignore"):
        return _folded(weights)


def _folded(weights: Weights) -> Folded:
    w, even = weights.arrays, 1 - weights.coefficient / 2
    width, gates = w["W_in"].shape
    into = np.concatenate([w["W_in"], np.eye(width)], axis=1)
    norm = _frobenius(into)
    tokens = [w["W_E"] + w["W_pos"][0], w.get("W_E2", w["W_E"]) + w["W_pos"][1]]
    heads = [_heads(w, operand, into) for operand in tokens]
    first, second = (even * each.total for each in heads)
    errors = [above(each.error + weights.coefficient / 2 * each.reach) for each in heads]
    own = tokens[1] @ into
    second = second + own + np.concatenate([w["b_in"], np.zeros(width)])
    sums = lengths(second) + 2 * lengths(own) + heads[1].reach
    product = gamma(width + 4) * lengths(tokens[1]) * norm
    errors[1] = above(errors[1] + product + 4 * HALF_ULP * sums)
    columns, bias = lengths(w["W_U"].T), w["b_out"] @ w["W_U"]
    off = gamma(width) * columns * (_frobenius(w["W_out"]) + lengths(w["b_out"][None])[0])
    first = np.concatenate([first, np.ones((len(first), 1))], axis=1)
    second = np.concatenate([second, np.zeros((len(second), 1))], axis=1)
    out = np.concatenate([w["W_out"] @ w["W_U"], w["W_U"], bias[None]])
    moved, longest = float(above(off).max()), float(lengths(out.T).max())
    return Folded(
        *(first, second, out, gates),
        off_first=kappa(errors[0], first, longest, moved),
        off_second=kappa(errors[1], second, longest, moved),
    )


@dataclass(frozen=True)
class _Heads:
    """What all heads add up to, each attending by 1; how far that is off; Σ of their lengths."""

    total: np.ndarray
    error: np.ndarray
    reach: np.ndarray


def _heads(w: Arrays, operand: np.ndarray, into: np.ndarray) -> _Heads:
    """Of the tokens of one operand, whose rows are sums that were rounded once.

    The error holds the sum over heads and a factor that is rounded once, and its product.
    """
    length, norm = lengths(operand), _frobenius(into)
    total = np.zeros((len(operand), into.shape[1]))
    error, reach = np.zeros(len(operand)), np.zeros(len(operand))
    for v, o in zip(w["W_V"], w["W_O"], strict=True):
        head = operand @ v @ o @ into
        off = gamma(2 * len(into) + v.shape[1] + 4) * length * _frobenius(v) * _frobenius(o) * norm
        total, error = total + head, above(error + off)
        reach = above(reach + lengths(head) + off)
    return _Heads(total, above(error + gamma(len(w["W_V"]) + 4) * reach), reach)


def _frobenius(matrix: np.ndarray) -> float:
    return float(lengths(matrix.reshape(1, -1))[0])
