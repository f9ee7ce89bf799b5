"""A nearly uniform transformer folded: attention is in the errors of its rows (Theorem 8.14)."""

from __future__ import annotations

from functools import reduce

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.rounding import inflated
from probbound.models.uniform_pair.network import UniformPair, weights_of
from probbound.models.uniform_pair.stating import sizes_of
from probbound.tasks.pairs.folded import Folded, Labelling
from probbound.tasks.pairs.rows import Rows

Weights = dict[str, Float[np.ndarray, "..."]]


def folded_uniform(model: UniformPair, labels: Labelling) -> Folded:
    """The network with the right answers of `labels`, and how far it is from what is meant.

    Every head attends by 1 - c/2 to both operands, and is off by at most c/2 of their difference,
    whatever its scores are. What overflows certifies nothing.
    """
    with np.errstate(all="ignore"):
        return _folded(model, labels)


def _folded(model: UniformPair, labels: Labelling) -> Folded:
    w: Weights = {name: np.asarray(x, np.float64) for name, x in weights_of(model).items()}
    half = model.attn_coeff / 2
    into = np.hstack([w["W_in"], np.eye(len(w["W_in"]))])
    gates = w["W_in"].shape[1]
    tokens = w["W_E"], w.get("W_E2", w["W_E"])
    operands = [_placed(rows, place) for rows, place in zip(tokens, w["W_pos"], strict=True)]
    heads = [_heads(w, rows, into) for rows in operands]
    first, second = (_sum(each).scaled(1 - half) for each in heads)
    loose = [inflated(half * _reach(each), 4) for each in heads]
    bias = np.append(w["b_in"], np.zeros(len(w["W_in"])))
    second = second.plus(operands[1].times(into))
    second = second.plus(Rows.exactly(np.broadcast_to(bias, second.values.shape)))
    columns = Rows.exactly(w["W_U"].T).times(w["W_out"].T)
    classes = Rows.exactly(w["W_U"].T).times(w["b_out"][:, None])
    return Folded.of(
        *(first.values[:, :gates], second.values[:, :gates], columns.values.T, labels),
        bias=classes.values[:, 0],
        skip=(first.values[:, gates:], second.values[:, gates:], w["W_U"]),
        first_error=inflated(first.error + loose[0], 1),
        second_error=inflated(second.error + loose[1], 1),
        out_error=inflated(columns.error + classes.error, 1),
    )


def folding_flops_uniform(model: UniformPair) -> int:
    """Operations of `folded_uniform`: products with their errors, sums and norms of rows."""
    size = sizes_of(model)
    p, d, e, classes = (size[name] for name in ("d_vocab", "d_model", "d_head", "d_vocab_out"))
    width = size["d_mlp"] + d
    chain = 2 * p * (2 * d * e + d * width) + 2 * p * d + 2 * (4 * d * e + 2 * d * width)
    each = size["n_heads"] * (chain + 5 * p * width) + 3 * p * width + 3 * p * d
    own = 2 * p * d * width + 2 * p * d + 4 * d * width + 6 * p * width
    columns = 2 * classes * d * (size["d_mlp"] + 3) + 2 * d * size["d_mlp"]
    return 2 * each + own + columns


def _placed(tokens: Float[np.ndarray, "n d"], place: Float[np.ndarray, " d"]) -> Rows:
    return Rows.exactly(tokens).plus(Rows.exactly(np.broadcast_to(place, tokens.shape)))


def _heads(w: Weights, rows: Rows, into: Float[np.ndarray, "d k"]) -> list[Rows]:
    """What a token adds through each head that attends to it by 1."""
    return [rows.times(v, o, into) for v, o in zip(w["W_V"], w["W_O"], strict=True)]


def _sum(parts: list[Rows]) -> Rows:
    return reduce(Rows.plus, parts)


def _reach(heads: list[Rows]) -> Float[np.ndarray, " n"]:
    """Σ over heads of the length of what a token adds through each, rounded up."""
    return inflated(np.sum([head.lengths for head in heads], axis=0), len(heads))
