"""What a strategy is asked of rows of tokens, and the check that answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int

from probbound.contract.checks import Check
from probbound.models.transformer.answering import Answers, Arithmetic, Spread
from probbound.models.transformer.flops import JointFlops
from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.sharing import Shared, shared
from probbound.strategies.levels import Source
from probbound.tasks.next_token.divergence import divergence_flops, divergences_upper
from probbound.tasks.next_token.fitting import Known
from probbound.tasks.next_token.losses import RowLosses, loss_flops
from probbound.tasks.next_token.populations.contract import Rows
from probbound.tasks.next_token.task import NextToken
from probbound.tasks.question import OneQuestion

_OF_OUTCOMES = {"kl": divergence_flops, "loss": loss_flops}

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
class RowQuestion(OneQuestion[GeneralTransformer, NextToken]):
    """A question about rows, so many of which are looked at as its budget says.

    A `target` is a failure rate at which looking may stop. `balls` is of how many bits balls are
    that decide rows that radii leave open (9.14), None without them.
    """

    balls: int | None = None

    @property
    def models(self) -> tuple[GeneralTransformer, ...]:
        """The network, and the one it is compared with."""
        other = self.task.against
        return (self.model,) if other is None else (self.model, other)

    @property
    def length(self) -> int:
        """How many tokens of a row are read."""
        return self.task.rows.length - 1

    @property
    def arithmetic(self) -> Arithmetic:
        """That of the claim, with balls where they are asked for."""
        return self.task.of if self.balls is None else self.task.of.with_balls(self.balls)

    @cached_property
    def share(self) -> Shared:
        """What all rows, and all networks, begin with, which is run once (Theorem 9.13)."""
        return shared(self.models, len(self.task.rows.beginning))

    @cached_property
    def once_flops(self) -> int:
        """Operations of what is of the networks alone."""
        return self.arithmetic.once_flops(self.models)

    @cached_property
    def flops(self) -> JointFlops:
        """Operations of what all rows begin with, once, and of each row behind it."""
        return self.arithmetic.flops(self.models, self.length, self.share)

    @property
    def flops_of_outcomes(self) -> int:
        """Operations of what a claim makes of the outcomes of a row, beside comparing them."""
        of_a_row = _OF_OUTCOMES.get(self.claim.kind)
        return 0 if of_a_row is None else of_a_row(self.model.d_vocab_out)

    @cached_property
    def networks(self) -> Answers:
        """Outcomes of all networks after any rows; what is of the networks alone is worked out."""
        return self.arithmetic.answering_all(self.models, self.share.alike)

    @cached_property
    def answers(self) -> Answers:
        """Outcomes of all networks after the rows; what all begin with is run when first asked."""
        return self.networks.after(self.task.rows.beginning[: self.share.prefix])

    def looks(self, chunk: int) -> Source:
        """The rows to look at in order, different or independent ones (Theorems 9.5 and 9.12)."""
        source = self.task.rows.source(self.stream.fold_in("rows"), self.budget, chunk)
        return Known(source, self.model, self.task)

    @cached_property
    def exact(self) -> Check:
        """The check of every row (Theorems 9.3, 9.6 and 9.11, Definition 9.4)."""
        task, claim, of = self.task, self.claim, self.arithmetic

        def right(rows: Int[np.ndarray, "n length"]) -> Bool[np.ndarray, " n"]:
            spread = self.answers.of_one(rows[:, :-1], claim.margin)
            return spread.leads(task.labels(rows), claim.margin)

        def same(rows: Int[np.ndarray, "n length"]) -> Bool[np.ndarray, " n"]:
            first, second = self.answers(rows[:, :-1], 0.0)
            return first.leads(first.first, 0.0) & second.leads(first.first, 0.0)

        def near(rows: Int[np.ndarray, "n length"]) -> Bool[np.ndarray, " n"]:
            network, reference = self.answers(rows[:, :-1], 0.0)
            parts = [(each.values, of.radii(each)) for each in (reference, network)]
            return divergences_upper(*parts[0], *parts[1]) <= (claim.at or 0.0)

        holds = near if claim.kind == "kl" else right if task.against is None else same
        return RowCheck(lambda rows: ~holds(rows), self.flops.each + self.flops_of_outcomes)

    @cached_property
    def losses(self) -> RowLosses:
        """The bounds on the losses of rows (Theorem 9.9)."""
        flops = self.flops.each + self.flops_of_outcomes
        return RowLosses(self._of_one, self.arithmetic, self.task.labels, flops)

    def _of_one(self, tokens: Rows, margin: float) -> Spread:
        """Those of the one network; what it needs of its own is worked out when first asked."""
        return self.answers.of_one(tokens, margin)
