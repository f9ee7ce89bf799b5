"""What a strategy is asked of induction, and the check at the end of every row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Int

from probbound.contract.checks import Check
from probbound.draws.random_streams import Stream
from probbound.models.transformer.answering import REAL, Answering
from probbound.models.transformer.attention_alone.filling import Fillings
from probbound.models.transformer.attention_alone.form import Form, form_of
from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.prices import real_price
from probbound.models.transformer.sharing import Shared, stages_alike
from probbound.populations.product_sets import split
from probbound.tasks.induction.cases import case_around, revealed
from probbound.tasks.induction.task import Induction
from probbound.tasks.question import OneQuestion

MOST_RUN = 1 << 28  # so many sequences, or cases, are all run


@dataclass(frozen=True)
class ForwardPass:
    """Which sequences are not certainly answered by their label, in real numbers (9.3)."""

    task: Induction
    answering: Answering
    margin: float
    flops: int
    name: str = "forward pass"

    def uncertified(self, members: Int[np.ndarray, "n n_ctx"]) -> Bool[np.ndarray, " n"]:
        """Those that are left."""
        if not len(members):
            return np.zeros(0, dtype=bool)
        spread = self.answering(members, self.margin)
        return ~spread.leads(self.task.labels(members), self.margin)


@dataclass(frozen=True)
class EveryFilling:
    """Which cases are not proved right on every filling (Theorems 10.8 and 10.12)."""

    task: Induction
    fillings: Fillings
    flops: int
    name: str = "every filling"

    def uncertified(self, members: Int[np.ndarray, "n twice_n_ctx"]) -> Bool[np.ndarray, " n"]:
        """Those that are left, of sequences and, behind them, whether each token is revealed."""
        tokens, given = np.split(members, 2, axis=1)
        return np.array([not self._right(*each) for each in zip(tokens, given, strict=True)], bool)

    def _right(self, tokens: Int[np.ndarray, " n_ctx"], given: Int[np.ndarray, " n_ctx"]) -> bool:
        case = case_around(self.task, tokens, given.astype(bool))
        if self.fillings.right(case.allowed, case.label):
            return True
        if case.allowed[-2].sum() == 1:
            return False
        parts = split(case.allowed, self.task.n_ctx - 2)
        return all(self.fillings.right(part, case.label) for part in parts)


@dataclass(frozen=True)
class Cases:
    """Cases to draw from: sequences, and behind each which of its tokens are revealed."""

    task: Induction
    revealed: int

    @property
    def mass(self) -> int:
        """Of what is drawn, a common multiple that no share depends on."""
        return self.task.mass

    def sample(self, stream: Stream, start: int, stop: int) -> Int[np.ndarray, "n twice_n_ctx"]:
        """Draws number `start` to `stop` - 1 (Theorem 10.12)."""
        given = revealed(self.task, stream, start, stop, self.revealed)
        tokens = self.task.sample(stream.fold_in("sequences"), start, stop)
        return np.concatenate([tokens, given.astype(np.int64)], axis=1)

    @property
    def number(self) -> int:
        """How many there are, all equally likely (Theorem 10.12)."""
        v, n, r = self.task.d_vocab, self.task.n_ctx, self.revealed
        return v * (n - 2) * (v - 1) ** (1 + r) * math.comb(n - 3, r)

    def members(self, tickets: Int[np.ndarray, " n"]) -> Int[np.ndarray, "n twice_n_ctx"]:
        """The case of each number: by query, place, label, places given and their tokens.

        Tokens that are not given are any that the query is not.
        """
        v, n, r = self.task.d_vocab, self.task.n_ctx, self.revealed
        chosen = np.array(list(combinations(range(n - 3), r)), dtype=np.int64)
        shape = (v, n - 2, v - 1, len(chosen), (v - 1) ** r)
        query, place, label, which, left = (at[:, None] for at in np.unravel_index(tickets, shape))
        others = np.concatenate([label, left // (v - 1) ** np.arange(r) % (v - 1)], axis=1)
        free = chosen[which[:, 0]]
        at = np.concatenate([place + 1, free + 2 * (free >= place)], axis=1)
        tokens, given = np.repeat((query + 1) % v, n, axis=1), np.zeros((len(tickets), n), int)
        np.put_along_axis(tokens, at, others + (others >= query), axis=1)
        np.put_along_axis(given, at[:, 1:], 1, axis=1)
        tokens[:, -1:] = query
        np.put_along_axis(tokens, place, query, axis=1)
        return np.concatenate([tokens, given], axis=1)


@dataclass(frozen=True)
class InductionQuestion(OneQuestion[GeneralTransformer, Induction]):
    """A question about sequences, or of a universal claim about cases; so is its budget."""

    @property
    def once_flops(self) -> int:
        """Operations of what is of the network alone."""
        return REAL.once_flops((self.model,))

    @property
    def number(self) -> int:
        """How many sequences there are, or of a universal claim cases."""
        return self.task.size if self.claim.revealed is None else self.cases.number

    @property
    def price(self) -> int:
        """Operations that a forward pass is planned to take, or of a universal claim a case."""
        if self.claim.revealed is not None:
            return self.every_filling.flops
        return real_price(self.model.architecture, self.task.n_ctx)

    @cached_property
    def exact(self) -> Check:
        """The check at the end of every row."""
        alone = Shared(0, stages_alike((self.model,)))
        flops = REAL.flops((self.model,), self.task.n_ctx, alone).each
        return ForwardPass(self.task, REAL.answering(self.model), self.claim.margin, flops)

    @cached_property
    def every_filling(self) -> EveryFilling:
        """The check of cases, of a universal claim."""
        fillings = Fillings(self.form)
        allowed = np.ones((self.task.n_ctx, self.task.d_vocab), dtype=bool)
        allowed[-1, 1:] = allowed[: 2 + (self.claim.revealed or 0), 1:] = False  # most left free
        whole = fillings.price(allowed)
        allowed[-2, 1:] = False
        part = fillings.price(allowed)
        return EveryFilling(self.task, fillings, whole + self.task.d_vocab * part)

    @property
    def cases(self) -> Cases:
        """What a universal claim is about."""
        return Cases(self.task, self.claim.revealed or 0)

    @cached_property
    def form(self) -> Form:
        """The network as the screens see it.

        Raises:
            UserError: if it is not of attention alone.
        """
        return form_of(self.model)
