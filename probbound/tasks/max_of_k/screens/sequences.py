"""Checks that look at one sequence at a time through tables: made for being sampled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from probbound.arithmetic.rounding import FLOOR, certainly_negative
from probbound.machine.parallel import parallel_map
from probbound.models.attention_only.additive import (
    NO_RIVAL,
    Circuits,
    circuit_flops,
    circuits,
    margin_each,
)
from probbound.models.attention_only.evaluation import loss_flops
from probbound.models.attention_only.forward_error import forward_error_flops, logit_slack
from probbound.models.attention_only.loss_error import losses_upper
from probbound.models.attention_only.transformer import Transformer, in_float64

LOGIT_CHUNK = 1 << 20


@dataclass(frozen=True)
class SequenceTables:
    """The products of weights that checks look things up in, in float64.

    `token[h, q·v + t]` · `place[h, p, q]` is e^{s_h(q, t, p)} up to a factor of (h, q) alone;
    `token_scores[h, q·v + t]` + `place_scores[h, q, p]` is the score itself. The label's logit has
    to exceed every other by more than `margin` (Theorem 1.8), the computed one by `slack` more
    (Theorem 5.4).
    """

    token: Float[np.ndarray, "n_heads pairs"]
    place: Float[np.ndarray, "n_heads n_ctx d_vocab"]
    token_scores: Float[np.ndarray, "n_heads pairs"]
    place_scores: Float[np.ndarray, "n_heads d_vocab n_ctx"]
    value: Float[np.ndarray, "n_heads d_vocab d_vocab_out"]
    position: Float[np.ndarray, "n_heads n_ctx d_vocab_out"]
    direct: Float[np.ndarray, "d_vocab d_vocab_out"]
    slack: float
    margin: float = 0.0

    @classmethod
    def of(cls, model: Transformer, margin: float = 0.0) -> SequenceTables:
        """Multiply out the circuits of a model."""
        products = circuits(in_float64(model))
        return cls.from_circuits(products, logit_slack(model, margin), margin)

    @classmethod
    def from_circuits(cls, products: Circuits, slack: float, margin: float) -> SequenceTables:
        """The tables of circuits that are multiplied out; `slack` is theirs (Theorem 5.4)."""
        heads, scores = len(products.value), np.asarray(products.token_scores)
        place_scores = np.asarray(products.position_scores)
        return cls(
            token=_shifted_exp(scores).reshape(heads, -1),
            place=_shifted_exp(place_scores).swapaxes(1, 2).copy(),
            token_scores=scores.reshape(heads, -1),
            place_scores=place_scores,
            value=np.asarray(products.value),
            position=np.asarray(products.position),
            direct=np.asarray(products.direct),
            slack=slack,
            margin=margin,
        )

    @property
    def lead(self) -> float:
        """What a computed logit has to exceed the others by."""
        return self.margin + self.slack

    @property
    def n_heads(self) -> int:
        """Number of attention heads."""
        return self.place.shape[0]

    @property
    def n_ctx(self) -> int:
        """Number of positions."""
        return self.place.shape[1]

    @property
    def d_vocab(self) -> int:
        """Number of input tokens."""
        return self.place.shape[2]

    @property
    def d_vocab_out(self) -> int:
        """Number of output tokens."""
        return self.direct.shape[1]

    def pattern(self, tokens: Int[np.ndarray, "n_ctx n"]) -> Float[np.ndarray, "n_heads n_ctx n"]:
        """The attention each position gets.

        Where all weights of a sequence are so far below the largest of its row that underflow
        could have a say, they are taken from its scores anew, less their own largest.
        """
        row = tokens[-1] * self.d_vocab
        weights = np.empty((self.n_heads, *tokens.shape))
        for h, p in np.ndindex(weights.shape[:2]):
            np.multiply(
                _look_up(self.token[h], row + tokens[p]),
                _look_up(self.place[h, p], tokens[-1]),
                out=weights[h, p],
            )
        total = weights.sum(axis=1)
        lost = ~(total > FLOOR)
        weights /= np.where(lost, 1.0, total)[:, None]
        for h in np.flatnonzero(lost.any(axis=1)):
            some = np.flatnonzero(lost[h])
            weights[h][:, some] = self._pattern_from_scores(int(h), tokens[:, some])
        return weights

    def _pattern_from_scores(
        self, head: int, tokens: Int[np.ndarray, "n_ctx n"]
    ) -> Float[np.ndarray, "n_ctx n"]:
        """The attention of one head; a sum of weights of at least 1 (Theorem 5.4)."""
        scores = self.token_scores[head].take(tokens[-1] * self.d_vocab + tokens)
        scores += self.place_scores[head][tokens[-1]].T
        weights = np.exp(scores - scores.max(axis=0))
        return weights / weights.sum(axis=0)


def sequence_table_flops(model: Transformer) -> int:
    """Operations of `SequenceTables.of`."""
    v, k, h = model.d_vocab, model.n_ctx, model.n_heads
    return circuit_flops(model) + forward_error_flops(model) + 3 * h * v * (v + k)


def copying_flops(sizes: SequenceTables | Transformer) -> int:
    """Operations of `CopyingCheck` for one sequence (add, multiply, divide, compare)."""
    k = sizes.n_ctx
    return sizes.n_heads * (6 * k + 3 * k * k) + 5 * k + 3


def additive_flops(sizes: SequenceTables | Transformer) -> int:
    """Operations of `AdditiveCheck` for one sequence."""
    h, k = sizes.n_heads, sizes.n_ctx
    return h * k * (4 * sizes.d_vocab_out + 7) + 2 * h + k


def table_forward_flops(sizes: SequenceTables | Transformer) -> int:
    """Operations of `TableForwardCheck` for one sequence."""
    return _table_logit_flops(sizes) + sizes.n_ctx + sizes.d_vocab_out + 2


def table_loss_flops(sizes: SequenceTables | Transformer) -> int:
    """Operations of `TableForwardCheck.losses` for one sequence."""
    return _table_logit_flops(sizes) + sizes.n_ctx + loss_flops(sizes.d_vocab_out)


def _table_logit_flops(sizes: SequenceTables | Transformer) -> int:
    k = sizes.n_ctx
    return sizes.n_heads * (3 * k + 1 + 3 * k * sizes.d_vocab_out)


def copying_table_flops(model: Transformer, *, cubic: bool) -> int:
    """Operations of `CopyingCheck.quadratic` or `.cubic`."""
    v, h, out = model.d_vocab, model.n_heads, model.d_vocab_out
    if cubic:
        return h * v * out * 2 * v + h * v * v
    return 2 * v * out * (h + 2) + h * v * v + 4 * h * model.n_ctx * out


@dataclass(frozen=True)
class CopyingCheck:
    """A wrong token in the sequence is compared exactly, one that is not, in the worst case.

    The copying diagonal of the OV circuit makes a wrong token dangerous by being in the sequence;
    all others are off the diagonal and are bounded together (Theorem 4.20): `outside[h, q·v + t]`
    and `place[h, p]` bound what token t at position p under query q adds to any of them.
    """

    tables: SequenceTables
    outside: Float[np.ndarray, "n_heads pairs"]
    place: Float[np.ndarray, "n_heads n_ctx"]
    name: str = "copying"

    @classmethod
    def quadratic(cls, tables: SequenceTables) -> CopyingCheck:
        """The worst direct path of a query is added to the worst value of a token."""
        mean = tables.direct.mean(axis=0) / len(tables.value)
        worst = _off_diagonal_max(tables.value + (tables.position.mean(axis=1) + mean)[:, None])
        spread = (tables.direct / len(tables.value) - mean).max(axis=1)
        return cls._with_outside(tables, worst[:, None, :] + spread[:, None])

    @classmethod
    def cubic(cls, tables: SequenceTables) -> CopyingCheck:
        """The worst sum of direct path and value for every pair of query and token."""
        joined = tables.value + tables.position.mean(axis=1)[:, None]
        rows = parallel_map(
            lambda query: _off_diagonal_max(joined + tables.direct[query] / len(joined)),
            range(tables.d_vocab),
            "bounding what is outside",
        )
        return cls._with_outside(tables, np.stack(list(rows), axis=1))

    @classmethod
    def _with_outside(
        cls, tables: SequenceTables, outside: Float[np.ndarray, "n_heads d_vocab d_vocab"]
    ) -> CopyingCheck:
        place = (tables.position - tables.position.mean(axis=1, keepdims=True)).max(axis=2)
        return cls(tables, outside.reshape(len(outside), -1), place)

    @property
    def flops(self) -> int:
        """Operations for one sequence."""
        return copying_flops(self.tables)

    def uncertified(self, tokens: Int[np.ndarray, "n n_ctx"]) -> Bool[np.ndarray, " n"]:
        """Which sequences may have a wrong token at least as large as the label's."""
        positions = np.ascontiguousarray(tokens.T)
        pattern = self.tables.pattern(positions)
        inside = self._logits_of_members(positions, pattern)
        is_label = positions == positions.max(axis=0)
        own = np.where(is_label, inside, -np.inf).max(axis=0) - self.tables.lead
        inside[is_label] = -np.inf
        outside = np.zeros(len(tokens))
        row = positions[-1] * self.tables.d_vocab
        for h, p in np.ndindex(pattern.shape[:2]):
            bound = _look_up(self.outside[h], row + positions[p]) + self.place[h, p]
            outside += pattern[h, p] * bound
        return ~((inside.max(axis=0) < own) & (outside < own))

    def _logits_of_members(
        self, positions: Int[np.ndarray, "n_ctx n"], pattern: Float[np.ndarray, "n_heads n_ctx n"]
    ) -> Float[np.ndarray, "n_ctx n"]:
        heads, n_ctx, out = self.tables.n_heads, self.tables.n_ctx, self.tables.d_vocab_out
        logits = np.empty(positions.shape)
        for i, member in enumerate(positions):
            total = _look_up(self.tables.direct.ravel(), positions[-1] * out + member)
            for h in range(heads):
                values = self.tables.value[h].ravel()
                for p in range(n_ctx):
                    term = _look_up(values, positions[p] * out + member)
                    term += _look_up(self.tables.position[h, p], member)
                    term *= pattern[h, p]
                    total += term
            logits[i] = total
        return logits


@dataclass(frozen=True)
class AdditiveCheck:
    """The additive screen of one sequence: the wrong token is maximised per token (Theorem 1.2)."""

    tables: SequenceTables
    name: str = "cubic"

    @property
    def flops(self) -> int:
        """Operations for one sequence."""
        return additive_flops(self.tables)

    def uncertified(self, tokens: Int[np.ndarray, "n n_ctx"]) -> Bool[np.ndarray, " n"]:
        """Which sequences some head's terms fail to certify."""
        return _in_chunks(self._left, tokens, LOGIT_CHUNK // self.tables.d_vocab_out)

    def _left(self, tokens: Int[np.ndarray, "n n_ctx"]) -> Bool[np.ndarray, " n"]:
        pattern = self.tables.pattern(np.ascontiguousarray(tokens.T))
        heads, n_ctx = self.tables.n_heads, self.tables.n_ctx
        rows, labels = np.arange(len(tokens)), tokens.max(axis=1)
        left = np.zeros(len(tokens), dtype=bool)
        raised = margin_each(self.tables.margin, heads) + self.tables.slack
        for h in range(heads):
            total = np.zeros(len(tokens))
            for p in range(n_ctx):
                logits = self.tables.value[h][tokens[:, p]] + self.tables.position[h, p]
                logits += self.tables.direct[tokens[:, -1]] / heads
                own = logits[rows, labels]
                logits[rows, labels] = NO_RIVAL
                with np.errstate(invalid="ignore"):
                    total += pattern[h, p] * (logits.max(axis=1) - own + raised)
            left |= ~certainly_negative(total)
        return left


@dataclass(frozen=True)
class TableLoss:
    """Bounds on the cross-entropy of single sequences, in nats, from tables (Theorem 5.10)."""

    check: TableForwardCheck
    name: str = "forward pass"

    @property
    def flops(self) -> int:
        """Operations for one sequence."""
        return self.check.loss_flops

    def upper(self, tokens: Int[np.ndarray, "n n_ctx"]) -> Float[np.ndarray, " n"]:
        """At least the loss of each sequence."""
        return self.check.losses(tokens)


@dataclass(frozen=True)
class TableForwardCheck:
    """The forward pass itself, from tables: what it leaves fails, or is too close to call.

    Theorems 1.1, 1.8 and 5.6.
    """

    tables: SequenceTables
    name: str = "forward pass"

    @property
    def flops(self) -> int:
        """Operations for one sequence."""
        return table_forward_flops(self.tables)

    @property
    def loss_flops(self) -> int:
        """Operations of the loss of one sequence."""
        return table_loss_flops(self.tables)

    def uncertified(self, tokens: Int[np.ndarray, "n n_ctx"]) -> Bool[np.ndarray, " n"]:
        """Which sequences are not answered rightly by more than the margin and the slack.

        None, where there is one output only.
        """
        if self.tables.d_vocab_out == 1:
            return np.zeros(len(tokens), dtype=bool)
        return _in_chunks(self._wrong, tokens, LOGIT_CHUNK // self.tables.d_vocab_out)

    def losses(self, tokens: Int[np.ndarray, "n n_ctx"]) -> Float[np.ndarray, " n"]:
        """A bound on the cross-entropy of each sequence, in nats (Theorem 5.10)."""
        return _in_chunks(self._losses, tokens, LOGIT_CHUNK // self.tables.d_vocab_out)

    def _losses(self, tokens: Int[np.ndarray, "n n_ctx"]) -> Float[np.ndarray, " n"]:
        with np.errstate(invalid="ignore", over="ignore"):
            found = losses_upper(self._logits(tokens), tokens.max(axis=1), self.tables.slack, np)
        return np.asarray(found)

    def _logits(self, tokens: Int[np.ndarray, "n n_ctx"]) -> Float[np.ndarray, "n d_vocab_out"]:
        pattern = self.tables.pattern(np.ascontiguousarray(tokens.T))
        logits = self.tables.direct[tokens[:, -1]]
        for h, p in np.ndindex(pattern.shape[:2]):
            values = self.tables.value[h][tokens[:, p]]
            values += self.tables.position[h, p]
            values *= pattern[h, p][:, None]
            logits += values
        return logits

    def _wrong(self, tokens: Int[np.ndarray, "n n_ctx"]) -> Bool[np.ndarray, " n"]:
        logits = self._logits(tokens)
        rows, labels = np.arange(len(tokens)), tokens.max(axis=1)
        own = logits[rows, labels] - self.tables.lead
        logits[rows, labels] = -np.inf
        return ~(logits.max(axis=1) < own)


def _in_chunks(
    check: Callable[[np.ndarray], np.ndarray], tokens: Int[np.ndarray, "n n_ctx"], rows: int
) -> np.ndarray:
    parts = [check(tokens[at : at + max(1, rows)]) for at in range(0, len(tokens), max(1, rows))]
    return np.concatenate([np.zeros(0, dtype=bool), *parts])


def _shifted_exp(scores: Float[np.ndarray, "n_heads d_vocab n"]) -> np.ndarray:
    return np.exp(scores - scores.max(axis=2, keepdims=True))


def _off_diagonal_max(
    values: Float[np.ndarray, "n_heads d_vocab d_vocab_out"],
) -> Float[np.ndarray, "n_heads d_vocab"]:
    diagonal = np.arange(values.shape[1])
    values[:, diagonal, diagonal] = NO_RIVAL
    return values.max(axis=2)


def _look_up(
    table: Float[np.ndarray, " entries"], index: Int[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """table[index]; the indices are known to be in range, and `clip` skips checking them."""
    return table.take(index, mode="clip")
