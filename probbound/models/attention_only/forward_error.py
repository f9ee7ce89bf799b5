"""How far float64 can put the numbers of a model from the real ones, known beforehand."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.rounding import gamma, inflated
from probbound.models.attention_only.accepted import require_transformer
from probbound.models.attention_only.transformer import WEIGHT_SHAPES, AnyArray, Transformer
from probbound.noise.norms import lengths_upper, stored_norm_upper

UNDERFLOW = 2.0**-500  # t of Theorem 5.4
LARGEST_NORM = 2.0**64
LARGEST_ERROR = 2.0**-7


@dataclass(frozen=True)
class ForwardError:
    """What bounds the rounding of every check of a model (Theorem 5.4).

    `scores` and `logits` are the sizes S + t and L + t, infinite where the weights are too large
    to say anything; `score_steps` and `logit_steps` are the numbers of roundings M and N.
    """

    scores: float
    logits: float
    score_steps: int
    logit_steps: int

    @classmethod
    def of(cls, model: Transformer) -> ForwardError:
        """The sizes of a model, linear in the number of its weights.

        Raises:
            UserError: if it is another network, whose forward pass nothing here bounds.
        """
        require_transformer(model)
        m, heads = model, range(model.n_heads)
        norms = {
            name: [_length(getattr(m, name)[h]) for h in heads]
            for name in ("W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V")
        }
        token, place, output = _longest(m.W_E), _longest(m.W_pos), _longest(m.W_U.T)
        out_bias, bias = _length(m.b_O), float(np.abs(np.asarray(m.b_U, np.float64)).max())
        largest = max(token, place, output, out_bias, bias, *(max(n) for n in norms.values()))
        steps = (
            2 * (m.d_model + m.d_head) + 16,
            2 * (m.d_model + m.n_heads * (m.d_head + m.n_ctx)) + 256,
        )
        if not (largest <= LARGEST_NORM and 1 / LARGEST_NORM <= m.attn_scale <= LARGEST_NORM):
            return cls(math.inf, math.inf, *steps)
        residual = token + place
        query, key, value = (
            [residual * w + b for w, b in zip(norms[f"W_{x}"], norms[f"b_{x}"], strict=True)]
            for x in "QKV"
        )
        scores = max(q * k for q, k in zip(query, key, strict=True)) / m.attn_scale
        mixed = sum(v * o for v, o in zip(value, norms["W_O"], strict=True))
        logits = (residual + mixed + out_bias) * output + bias
        up = 16 + m.n_heads
        return cls(inflated(scores, up) + UNDERFLOW, inflated(logits, up) + UNDERFLOW, *steps)

    @property
    def score(self) -> float:
        """η: the error of a computed attention score, but for a constant of (head, query)."""
        error = inflated(gamma(self.score_steps) * self.scores, 1)
        return error if error <= LARGEST_ERROR else math.inf

    @property
    def logit(self) -> float:
        """γ_N (L + t): the error of a computed logit, but for that of the attention."""
        return inflated(gamma(self.logit_steps) * self.logits, 1)

    def slack(self, margin: float = 0.0) -> float:
        """β: what every bracket has to spare, in logits, for a claim that margins are above one."""
        steps = gamma(self.logit_steps)
        if not (self.score < math.inf and steps <= LARGEST_ERROR and abs(margin) <= LARGEST_NORM):
            return math.inf
        return inflated(5 * (self.logits + abs(margin)) * (steps + 2 * self.score), 5)


def logit_slack(model: Transformer, margin: float = 0.0) -> float:
    """β of Theorem 5.4: a computed margin of at most `margin` + β counts as not above `margin`."""
    return ForwardError.of(model).slack(margin)


def forward_error_flops(model: Transformer) -> int:
    """Operations of `ForwardError.of`: a square and a sum for each weight."""
    return 2 * sum(getattr(model, weight).size for weight in WEIGHT_SHAPES)


def _longest(rows: Float[AnyArray, "m n"]) -> float:
    """The largest ‖·‖₂ of a row."""
    with np.errstate(over="ignore"):
        lengths = lengths_upper(np.asarray(rows, dtype=np.float64))
    return float(lengths.max()) + UNDERFLOW


def _length(weight: Float[AnyArray, "..."]) -> float:
    """‖·‖₂ of a vector, ‖·‖_F of a matrix."""
    with np.errstate(over="ignore"):
        return stored_norm_upper(np.asarray(weight, dtype=np.float64).reshape(1, -1)) + UNDERFLOW
