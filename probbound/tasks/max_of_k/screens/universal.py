"""Whether every sequence of a case is answered rightly: exact, one case at a time (4.40, 4.41)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from probbound.arithmetic.rounding import certainly_negative, inflated
from probbound.machine.errors import UserError
from probbound.machine.progress import track
from probbound.models.attention_only.additive import AdditiveTables, label_term_flops, label_terms
from probbound.models.attention_only.forward_error import (
    UNDERFLOW,
    forward_error_flops,
    logit_slack,
)
from probbound.models.attention_only.transformer import Transformer, in_float64
from probbound.noise.norms import lengths_upper
from probbound.tasks.max_of_k.screens.cases import Pairs
from probbound.tasks.max_of_k.task import task_for

FIRST_TOKENS = 16

Row = Float[np.ndarray, " d_vocab_out"]
Places = Float[np.ndarray, "n_free d_vocab_out"]


class Look(NamedTuple):
    """What a look at one case found, and what it took: rows of the OV circuit, operations."""

    right: bool
    rows: int
    flops: int


@dataclass(frozen=True)
class CaseCheck:
    """Certifies cases of a model with one head; what it leaves may or may not be right.

    Nothing of size d_vocab² is formed: a case forms the rows that it needs. Logits are those of
    `heads` · `outputs` weighted by attention, of `place` and of the direct path; `lengths` and
    `widths` bound the norms of the two factors, and every bracket is raised by `slack` for
    rounding (Theorem 5.4).
    """

    queries: Float[np.ndarray, "d_vocab d_head"]
    keys: Float[np.ndarray, "d_vocab d_head"]
    place_keys: Float[np.ndarray, "n_ctx d_head"]
    heads: Float[np.ndarray, "d_vocab d_head"]
    outputs: Float[np.ndarray, "d_head d_vocab_out"]
    place: Float[np.ndarray, "n_ctx d_vocab_out"]
    residual: Float[np.ndarray, "d_vocab d_model"]
    unembed: Float[np.ndarray, "d_model d_vocab_out"]
    bias: Row
    lengths: Float[np.ndarray, " d_vocab"]
    widths: Row
    slack: float

    @classmethod
    def of(cls, model: Transformer) -> CaseCheck:
        """The factors of a model; linear in d_vocab.

        Raises:
            UserError: if the model has several heads, or cannot name every maximum.
        """
        task_for(model)
        if model.n_heads > 1:
            raise UserError(
                f"cases are checked for models with one head, but {model.name} has {model.n_heads}"
            )
        with np.errstate(over="ignore", invalid="ignore"):
            return cls._factored(in_float64(model), logit_slack(model))

    @classmethod
    def _factored(cls, m: Transformer, slack: float) -> CaseCheck:
        residual = np.asarray(m.W_E + m.W_pos[-1])
        heads, outputs = np.asarray(m.W_E @ m.W_V[0]), np.asarray(m.W_O[0] @ m.W_U)
        return cls(
            queries=(residual @ m.W_Q[0] + m.b_Q[0]) / m.attn_scale,
            keys=np.asarray(m.W_E @ m.W_K[0]),
            place_keys=np.asarray(m.W_pos @ m.W_K[0]),
            heads=heads,
            outputs=outputs,
            place=np.asarray(m.W_pos @ m.W_V[0] @ outputs),
            residual=residual,
            unembed=np.asarray(m.W_U),
            bias=np.asarray((m.b_V[0] @ m.W_O[0] + m.b_O) @ m.W_U + m.b_U),
            lengths=lengths_upper(heads) + UNDERFLOW,
            widths=lengths_upper(outputs.T) + UNDERFLOW,
            slack=slack,
        )

    def left(self, cases: Pairs, gap: int = 1) -> Bool[np.ndarray, " n"]:
        """Which cases are not certified to be right: True unless certainly good."""
        return ~np.array([look.right for look in self.looks(cases, gap)], dtype=bool)

    def looks(self, cases: Pairs, gap: int = 1) -> list[Look]:
        """`look` at many cases."""
        each = track(cases.tolist(), "checking cases")
        return [self.look(query, label, gap) for query, label in each]

    def look(self, query: int, label: int, gap: int = 1) -> Look:
        """Whether all sequences of a case are right for certain, its tokens in order of weight."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self._look(query, label, gap)

    def _look(self, query: int, label: int, gap: int) -> Look:
        case = _Case.of(self, query, label, gap)
        highest = np.full_like(case.fixed[:-1], -np.inf)
        taken = decisions = 0
        right = False
        while not right:
            rows = case.order[taken : max(FIRST_TOKENS, 2 * taken)]
            case.take(rows, highest)
            taken, decisions = taken + len(rows), decisions + 2
            if not case.all_negative(highest):
                break
            rest = taken < len(case.order)
            worst = np.maximum(highest, case.beyond(taken)) if rest else highest
            right = case.all_negative(worst)
        return Look(right, taken, self._flops(query, label, taken, decisions))

    def _flops(self, query: int, label: int, rows: int, decisions: int) -> int:
        """Operations of a look: scores, direct path, rows, sums over positions."""
        (places, width), out = self.place_keys.shape, self.outputs.shape[1]
        free, tokens = places - 1, label + 1
        scores = tokens * (2 * width + 6 * places + tokens.bit_length()) + 2 * places * width
        fixed = out * (2 * len(self.unembed) + 4 * places + 2 * width)
        taken = rows * out * (2 * width + 1 + 3 * free)
        sums = out * (free + 1) * (1 if query == label else free)
        return scores + fixed + taken + decisions * (sums + 4 * free * out)


def setup_flops(model: Transformer) -> int:
    """Operations of `CaseCheck.of`."""
    v, k, d, e, out = model.d_vocab, model.n_ctx, model.d_model, model.d_head, model.d_vocab_out
    tokens = v * d + 6 * v * d * e + 4 * v * e + 2 * e * out
    places = 4 * k * d * e + 2 * k * e * out
    return tokens + places + 2 * e * d * (out + 1) + 2 * d * out + forward_error_flops(model)


def cubic_left(tables: AdditiveTables, gap: int = 1) -> Bool[np.ndarray, " n"]:
    """Which cases, by number, the wrong token maximised per token leaves (1.2 and 4.40).

    All cases at once, in O(n_ctx d_vocab³), from the tables of a model with one head.
    """
    v, k = tables.d_vocab, tables.n_ctx
    found = np.ones((v, v), dtype=bool)
    for query in track(range(v), "bounding all cases"):
        labels = np.arange(query, v)
        with np.errstate(invalid="ignore"):
            terms = label_terms(tables, 0, query)
            found[labels, query] = ~certainly_negative(_worst_of_all(terms, query, gap))
    return found[np.tril_indices(v)] if k > 1 else found.diagonal()


def cubic_flops(sizes: AdditiveTables | Transformer) -> int:
    """Operations of `cubic_left` after the tables."""
    v, free = sizes.d_vocab, sizes.n_ctx - 1
    return label_term_flops(sizes) + v * (v + 1) // 2 * free * (v + 1 + free)


def _worst_of_all(
    terms: Float[np.ndarray, "n_ctx d_vocab n_labels"], query: int, gap: int
) -> Float[np.ndarray, " n_labels"]:
    """The largest sum of terms over the sequences of each case of a query (Theorem 4.40)."""
    free, last = terms[:-1], terms[-1, query]
    each = np.arange(terms.shape[2])
    own, below = free[:, query + each, each], query + each - gap
    largest = np.maximum.accumulate(free, axis=1)[:, np.maximum(below, 0), each]
    highest = np.maximum(own, np.where(below >= 0, largest, -np.inf))
    rows = list(highest)
    found = reduce(np.add, rows, last)
    if len(rows):
        choices = [[*rows[:p], label, *rows[p + 1 :]] for p, label in enumerate(own)]
        found[1:] = np.max([reduce(np.add, c, last) for c in choices], axis=0)[1:]
    return found


@dataclass(frozen=True)
class _Case:
    """One case: its attention, its brackets without the OV circuit, and its tokens in order.

    `fixed[p]` is what position and direct path add to the bracket of every output, the slack
    included; `own[p]` the term of the label at p, `last` that of the last token.
    """

    check: CaseCheck
    query: int
    label: int
    attention: Float[np.ndarray, "n_ctx n_tokens"]
    fixed: Float[np.ndarray, "n_ctx d_vocab_out"]
    order: Int[np.ndarray, " n_taken"]
    own: Places
    last: Row

    @classmethod
    def of(cls, check: CaseCheck, query: int, label: int, gap: int) -> _Case:
        """What a case needs before any of its tokens is taken: O(d_vocab d) operations."""
        probe = check.queries[query]
        scores = (check.keys[: label + 1] @ probe)[None] + (check.place_keys @ probe)[:, None]
        attention = np.exp(scores - scores.max())
        fixed = check.place + (check.residual[query] @ check.unembed + check.bias)
        fixed = fixed - fixed[:, label : label + 1] + check.slack
        values = check.heads[[label, query]] @ check.outputs
        values -= values[:, label : label + 1]
        own = attention[:-1, label, None] * (values[0] + fixed[:-1])
        last = attention[-1, query] * (values[1] + fixed[-1])
        weight = attention.max(axis=0) * check.lengths[: label + 1]
        below = np.argsort(-weight[: max(label - gap + 1, 0)], kind="stable")
        order = np.concatenate([[label], below])
        return cls(check, query, label, attention, fixed, order, own, last)

    def take(self, tokens: Int[np.ndarray, " n"], highest: Places) -> None:
        """Raise `highest` to the terms of some tokens at every free position."""
        values = self.check.heads[tokens] @ self.check.outputs
        values -= values[:, self.label : self.label + 1]
        for place, row in enumerate(highest):
            terms = self.attention[place, tokens][:, None] * (values + self.fixed[place])
            np.maximum(row, terms.max(axis=0), out=row)

    def beyond(self, taken: int) -> Places:
        """At least the term of every token that was not taken, by norms (Theorem 4.41)."""
        rest = self.order[taken:]
        attention = self.attention[:-1, rest].max(axis=1, keepdims=True)
        check = self.check
        width = check.widths.max() + check.widths[self.label]
        reach = inflated(check.lengths[rest].max() * width, 2)
        return attention * np.maximum(reach + self.fixed[:-1], check.slack)

    def all_negative(self, highest: Places) -> bool:
        """Whether the worst sequence with these terms is below zero for sure, for every output."""
        rows = list(highest)
        choices = [rows]
        if self.query != self.label:
            choices = [[*rows[:p], own, *rows[p + 1 :]] for p, own in enumerate(self.own)]
        negative = certainly_negative(np.array([reduce(np.add, c, self.last) for c in choices]))
        negative[:, self.label] = True
        return bool(negative.all())
