"""What a strategy is asked of rows of tokens, and the check that answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int

from probbound.contract.checks import Check
from probbound.contract.claims import ACCURACY, Claim
from probbound.draws.random_streams import Stream
from probbound.models.transformer.network import GeneralTransformer
from probbound.strategies.levels import Source
from probbound.tasks.next_token.fitting import Known
from probbound.tasks.next_token.task import NextToken

Leaves = Callable[[Int[np.ndarray, "n length"]], Bool[np.ndarray, " n"]]


@dataclass(frozen=True)
class RowCheck:
    """Which rows are not certainly right, each by a forward pass of every network."""

    leaves: Leaves
    flops: int
    name: str = "forward pass"

    def uncertified(self, rows: Int[np.ndarray, "n length"]) -> Bool[np.ndarray, " n"]:
        """Which of the rows."""
        return self.leaves(rows)


@dataclass(frozen=True)
class RowQuestion:
    """Bound the share of rows that `claim` is about with `budget` looks and `delta`.

    A `target` is a failure rate at which looking may stop, `stopped_at` repeats what was
    interrupted, and `budget_flops` is what a plan may spend.
    """

    model: GeneralTransformer
    task: NextToken
    budget: int
    delta: float
    seed: int
    target: float | None = None
    draws: int | None = None
    budget_flops: float | None = None
    stopped_at: int | None = None
    claim: Claim = ACCURACY

    @property
    def stream(self) -> Stream:
        """The randomness of the certifying samples."""
        return Stream.from_seed(self.seed).fold_in("certify")

    @property
    def models(self) -> tuple[GeneralTransformer, ...]:
        """The network, and the one it is compared with."""
        other = self.task.against
        return (self.model,) if other is None else (self.model, other)

    @property
    def once_flops(self) -> int:
        """Operations of what is of the networks alone."""
        return sum(self.task.of.once_flops(model) for model in self.models)

    def looks(self, chunk: int) -> Source:
        """The rows to look at in order, different or independent ones (Theorems 9.5 and 9.12)."""
        source = self.task.rows.source(self.stream.fold_in("rows"), self.budget, chunk)
        return Known(source, self.model, self.task)

    @cached_property
    def exact(self) -> Check:
        """The check of every row (Theorems 9.3 and 9.6, Definition 9.4)."""
        task, margin = self.task, self.claim.margin
        length = task.rows.length - 1
        flops = sum(task.of.flops(model, length) for model in self.models)
        answering = [task.of.answering(model) for model in self.models]

        def right(rows: Int[np.ndarray, "n length"]) -> Bool[np.ndarray, " n"]:
            return answering[0](rows[:, :-1], margin).leads(task.labels(rows), margin)

        def same(rows: Int[np.ndarray, "n length"]) -> Bool[np.ndarray, " n"]:
            first, second = (answer(rows[:, :-1], 0.0) for answer in answering)
            return first.leads(first.first, 0.0) & second.leads(first.first, 0.0)

        holds = right if task.against is None else same
        return RowCheck(lambda rows: ~holds(rows), flops)
