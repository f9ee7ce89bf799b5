"""A one-head model as a structured part, known exactly, and the noise of three paths (4.30)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.factored import FactoredMatrix
from probbound.arithmetic.rounding import gamma, inflated
from probbound.contract.cost import CostMeter
from probbound.machine.errors import UserError
from probbound.models.attention_only.forward_error import (
    UNDERFLOW,
    ForwardError,
    forward_error_flops,
)
from probbound.models.attention_only.transformer import Transformer, in_float64
from probbound.tasks.max_of_k.screens.paths import position_score_flops, position_scores

_STEPS = 4
_COLUMNS = 512

Vector = Float[np.ndarray, " d_vocab"]


@runtime_checkable
class Sizes(Protocol):
    """What prices depend on: a model's sizes, of which `Parts` keeps these."""

    @property
    def d_vocab(self) -> int:
        """Number of input tokens."""
        ...

    @property
    def d_vocab_out(self) -> int:
        """Number of outputs."""
        ...

    @property
    def n_ctx(self) -> int:
        """Number of positions."""
        ...

    @property
    def d_model(self) -> int:
        """Width of the residual stream, the inner dimension of every noise matrix."""
        ...


@dataclass(frozen=True)
class Parts:
    """Structure and noise of scores and logits, up to what no comparison of logits sees.

    With position p, tokens q (last) and t, and outputs j:

    - s(q, t, p) = c_q + steepness[q] · size[t] + scores[q, t] + a number within ±place[q];
    - the value of t at p for j is mean[j] + values[t, j] + position[p, j], the diagonal of
      `values` being the copying strength, known exactly: copying[t] = mean[t] + values[t, t];
    - the direct path adds direct[q, j].

    `own_score` and `own_direct` are the diagonals of `scores` and `direct`; no entry of row t of
    `values` is above value_norm[t], none of row q of `direct` above direct_norm[q].
    Scores as above are off by at most `score_error`, numbers of outputs by `output_error` (4.37).
    `row_scale` is about the root mean square of each row of `values`: tolerances are set in it.
    """

    steepness: Vector
    size: Vector
    place: Vector
    mean: Float[np.ndarray, " d_vocab_out"]
    position: Float[np.ndarray, "n_ctx d_vocab_out"]
    copying: Vector
    row_scale: Vector
    scores: FactoredMatrix
    values: FactoredMatrix
    direct: FactoredMatrix
    own_score: Vector
    own_direct: Vector
    value_norm: Vector
    direct_norm: Vector
    score_error: float
    output_error: float

    @property
    def d_vocab(self) -> int:
        """Number of tokens."""
        return len(self.size)

    @property
    def d_vocab_out(self) -> int:
        """Number of outputs."""
        return len(self.mean)

    @property
    def n_ctx(self) -> int:
        """Number of positions."""
        return len(self.position)

    @property
    def d_model(self) -> int:
        """The inner dimension of every noise matrix."""
        return self.values.inner

    @property
    def place_high(self) -> Float[np.ndarray, " d_vocab_out"]:
        """The largest of position[p, j] over p."""
        return self.position.max(axis=0)

    @property
    def place_low(self) -> Float[np.ndarray, " d_vocab_out"]:
        """The least of position[p, j] over p."""
        return self.position.min(axis=0)


def parts_of(model: Transformer, meter: CostMeter) -> Parts:
    """Split a model; linear in d_vocab, nothing of size d_vocab² is formed.

    Raises:
        UserError: if the model has several heads.
    """
    if model.n_heads > 1:
        raise UserError(
            f"entries is for models with one head, but {model.name} has {model.n_heads}; use cubic"
        )
    m = in_float64(model)
    with meter.phase("structure", "proof", structure_flops(m)):
        return _split(m)


def _split(m: Transformer) -> Parts:
    tokens = np.asarray(m.W_E - m.W_E.mean(axis=0))
    outputs = np.asarray(m.W_U - m.W_U.mean(axis=1, keepdims=True))
    last = (m.W_E + m.W_pos[-1]) / m.attn_scale
    bias = (m.b_Q[0] / m.attn_scale) @ m.W_K[0].T
    queries = np.asarray(last @ (m.W_Q[0] @ m.W_K[0].T) + bias)
    size = _leading(queries, tokens)
    keys = tokens - np.outer(size, size @ tokens)
    noise = FactoredMatrix(queries, keys.T).two_factor()
    circuit = np.asarray(m.W_V[0] @ m.W_O[0])
    values = FactoredMatrix(tokens, circuit @ outputs).two_factor()
    direct = FactoredMatrix(tokens, outputs).two_factor()
    places = position_scores(m)
    mean_place = m.W_pos.mean(axis=0)
    residual = m.W_E.mean(axis=0) + m.W_pos[-1] + m.b_V[0] @ m.W_O[0] + m.b_O
    mean = ((m.W_E.mean(axis=0) + mean_place) @ circuit + residual) @ outputs + m.b_U
    mean = np.asarray(mean)
    position = np.asarray((m.W_pos - mean_place) @ circuit @ outputs)
    return Parts(
        steepness=queries @ (size @ tokens),
        size=size,
        place=np.ptp(places, axis=1) / 2,
        mean=mean,
        position=position,
        copying=mean[: m.d_vocab] + values.diagonal(),
        row_scale=_row_scale(values),
        scores=noise,
        values=values,
        direct=direct,
        own_score=noise.diagonal(),
        own_direct=direct.diagonal(),
        value_norm=_norm_product(values),
        direct_norm=_norm_product(direct),
        **_errors(m),
    )


def _errors(m: Transformer) -> dict[str, float]:
    """What rounding does to the numbers of `Parts` (Theorem 4.37)."""
    sizes, sums = ForwardError.of(m), 2 * (m.d_vocab + m.d_vocab_out) + 64
    score = 8 * (1 + math.sqrt(m.d_vocab)) * gamma(sizes.score_steps + sums) * sizes.scores
    output = 4 * gamma(sizes.logit_steps + sums) * sizes.logits
    return {"score_error": inflated(score, 8), "output_error": inflated(output, 4)}


def _leading(
    queries: Float[np.ndarray, "d_vocab d_model"], keys: Float[np.ndarray, "d_vocab d_model"]
) -> Vector:
    """Nearly the leading right singular vector of queries · keysᵀ, by power iteration.

    Soundness does not depend on how good it is. The start favours large tokens.
    """
    size = np.linspace(-1.0, 1.0, len(keys))
    for _ in range(_STEPS):
        found = keys @ (queries.T @ (queries @ (keys.T @ size)))
        norm = float(np.linalg.norm(found))
        if not norm > 0:
            return np.zeros(len(keys))
        size = found / norm
    return size


def _row_scale(values: FactoredMatrix) -> Vector:
    """Root mean square of each row over some of the columns."""
    left, right = values.factors
    some = right[:, :: max(1, right.shape[1] // _COLUMNS)]
    squares = np.einsum("td,td->t", left @ (some @ some.T), left) / some.shape[1]
    return np.sqrt(np.maximum(squares, 0.0))


def _norm_product(matrix: FactoredMatrix) -> Vector:
    """The norm of each row times the largest norm of a column (Theorems 3.8 and 4.37)."""
    left, right = matrix.factors
    rows, columns = (np.sqrt(np.square(x).sum(axis=a)) for x, a in ((left, 1), (right, 0)))
    found = (rows + UNDERFLOW) * (float(columns.max()) + UNDERFLOW)
    return inflated(found, 2 * left.shape[1] + 6)


def structure_flops(m: Transformer) -> int:
    """Operations of `parts_of`: linear in d_vocab."""
    v, k, d, e, out = m.d_vocab, m.n_ctx, m.d_model, m.d_head, m.d_vocab_out
    inputs = 6 * v * d + 2 * d * out
    scores = 2 * d * e * d + 2 * v * d * d + 2 * d * e + (8 * _STEPS + 6) * v * d
    circuit = 2 * d * e * d + 2 * d * d * out
    rows = 2 * k * (d * d + d * out) + position_score_flops(m) + 6 * k * v
    mean = 2 * d * (d + out) + 2 * e * d + 6 * d
    scale = 2 * d * d * (min(out, 2 * _COLUMNS) + v) + 2 * v * d + 3 * v
    norms = 4 * d * (v + out) + forward_error_flops(m)
    return inputs + scores + circuit + rows + mean + 6 * v * d + scale + norms
