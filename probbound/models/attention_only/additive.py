"""The additive form: being right is the sign of a sum of one term per position (Theorem 1.1)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from probbound.arithmetic.operations import operations
from probbound.arithmetic.rounding import ratio_up
from probbound.models.attention_only.forward_error import forward_error_flops, logit_slack
from probbound.models.attention_only.transformer import AnyArray, Transformer, in_float64, shapes_of

NO_RIVAL = -1e300  # stands for -inf where there is one output only, and survives times zero


@dataclass(frozen=True)
class AdditiveTables:
    """Look-up tables from which every additive term is formed, all in float64.

    `pattern[h, q, p, t]` is e^{s(q,t,p)} of head h, scaled by a factor that depends on (h, q)
    alone (no sign changes); `value[h, t, j]` and `position[h, p, j]` are the OV circuit and its
    positional part; `direct[q, j]` is the direct path with every bias folded in. `margin` is what
    the label's logit has to exceed every other by (Theorem 1.8), and `slack` how much more of it
    the computed numbers must show (Theorem 5.4).
    """

    pattern: Float[np.ndarray, "n_heads d_vocab n_ctx d_vocab"]
    value: Float[np.ndarray, "n_heads d_vocab d_vocab_out"]
    position: Float[np.ndarray, "n_heads n_ctx d_vocab_out"]
    direct: Float[np.ndarray, "d_vocab d_vocab_out"]
    slack: float
    margin: float = 0.0

    @property
    def lead(self) -> float:
        """What a computed logit has to exceed the others by."""
        return self.margin + self.slack

    @property
    def n_heads(self) -> int:
        """Number of attention heads."""
        return self.pattern.shape[0]

    @property
    def d_vocab(self) -> int:
        """Number of input tokens."""
        return self.pattern.shape[1]

    @property
    def n_ctx(self) -> int:
        """Number of positions."""
        return self.pattern.shape[2]

    @property
    def d_vocab_out(self) -> int:
        """Number of output tokens."""
        return self.direct.shape[1]

    def contributions(
        self, head: int, query: int, position: int
    ) -> Float[np.ndarray, "d_vocab d_vocab_out"]:
        """What a token at `position` adds to each logit, per unit of attention of `head`.

        The direct path is shared equally among the heads, whose attentions each sum to one.
        """
        shared = self.position[head, position] + self.direct[query] / self.n_heads
        return self.value[head] + shared


def additive_tables(
    model: Transformer, margin: float = 0.0, products: Circuits | None = None
) -> AdditiveTables:
    """All pairs of tokens multiplied out once: O(d_vocab² (d_head + d_model)) operations.

    Unless the model's `products` are there already.
    """
    products = products or circuits(in_float64(model))
    scores = products.token_scores[:, :, None, :] + products.position_scores[:, :, :, None]
    pattern = np.exp(scores - scores.max(axis=(2, 3), keepdims=True))
    value, position, direct = map(np.asarray, products[2:])
    slack = logit_slack(model, margin)
    return AdditiveTables(pattern, value, position, direct, slack, margin)


class Circuits(NamedTuple):
    """The products of weight matrices that the tables are made of; scores are scaled."""

    token_scores: Float[AnyArray, "n_heads d_vocab d_vocab"]
    position_scores: Float[AnyArray, "n_heads d_vocab n_ctx"]
    value: Float[AnyArray, "n_heads d_vocab d_vocab_out"]
    position: Float[AnyArray, "n_heads n_ctx d_vocab_out"]
    direct: Float[AnyArray, "d_vocab d_vocab_out"]


def circuits(m: Transformer) -> Circuits:
    """QK circuit, OV circuit and direct path, as plain products, so that JAX can trace them."""
    last = m.W_E + m.W_pos[-1]
    queries = (last @ m.W_Q + m.b_Q[:, None]) / m.attn_scale
    output = m.W_O @ m.W_U
    bias = ((m.b_V[:, None] @ m.W_O).sum(axis=(0, 1)) + m.b_O) @ m.W_U + m.b_U
    return Circuits(
        token_scores=queries @ (m.W_E @ m.W_K).swapaxes(1, 2),
        position_scores=queries @ (m.W_pos @ m.W_K).swapaxes(1, 2),
        value=m.W_E @ m.W_V @ output,
        position=m.W_pos @ m.W_V @ output,
        direct=last @ m.W_U + bias,
    )


def circuit_flops(model: Transformer) -> int:
    """Operations of `circuits`."""
    return operations(circuits, shapes_of(model))


def table_flops(model: Transformer, *, known: bool = False) -> int:
    """Operations of `additive_tables`: the circuits, the slack, four an entry of the pattern.

    Without the circuits where their products are `known`.
    """
    pattern = 4 * model.n_heads * model.d_vocab**2 * model.n_ctx
    return (0 if known else circuit_flops(model)) + forward_error_flops(model) + pattern


def label_terms(
    tables: AdditiveTables, head: int, query: int
) -> Float[np.ndarray, "n_ctx d_vocab n_labels"]:
    """f(p, t; m): the additive term of token t at position p for each label m >= query.

    The wrong token j is maximised per token: a sequence whose terms sum to what is certainly
    negative is answered m, not j, for every j ≠ m (Theorems 1.2 and 5.5), by more than the
    margin (1.8). Entry [p, t, i] is label m = query + i.
    """
    labels = np.arange(query, tables.d_vocab)
    raised = margin_each(tables.margin, tables.n_heads) + tables.slack
    terms = np.empty((tables.n_ctx, tables.d_vocab, len(labels)))
    for position in range(tables.n_ctx):
        logits = tables.contributions(head, query, position)
        excess = worst_excess(logits, labels, raised)
        with np.errstate(invalid="ignore"):
            terms[position] = tables.pattern[head, query, position][:, None] * excess
    return terms


def label_term_flops(sizes: AdditiveTables | Transformer) -> int:
    """Operations of `label_terms` over all heads and queries."""
    v, out = sizes.d_vocab, sizes.d_vocab_out
    labels = v * (v + 1) // 2
    return sizes.n_heads * sizes.n_ctx * (v * (2 * out + 3 * v * out + 2 * v) + 2 * v * labels)


def margin_each(margin: float, heads: int) -> float:
    """What every head's bracket is raised by, in sum at least the margin (Theorem 1.8)."""
    return ratio_up(Fraction(margin), heads)


def worst_excess(
    logits: Float[np.ndarray, "n d_vocab_out"],
    labels: Int[np.ndarray, " n_labels"],
    raised: float = 0.0,
) -> Float[np.ndarray, "n n_labels"]:
    """max_{j ≠ m} logits[., j] - logits[., m] for every label m, the rivals raised by a number."""
    largest, winner, second = _two_largest(logits)
    own = winner[:, None] == labels
    rival = np.where(own, second[:, None] + raised, largest[:, None] + raised)
    return rival - logits[:, labels]


def worst_excess_flops(rows: int, outputs: int, labels: int) -> int:
    """Operations of `worst_excess`: two maxima a row, then a choice and a subtraction a label."""
    return rows * (2 * outputs + 2 * labels + 2)


def _two_largest(
    logits: Float[np.ndarray, "n d_vocab_out"],
) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    rows = np.arange(len(logits))
    winner = logits.argmax(axis=1)
    largest = logits[rows, winner]
    rest = logits.copy()
    rest[rows, winner] = NO_RIVAL
    return largest, winner, rest.max(axis=1)
