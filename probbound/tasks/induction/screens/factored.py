"""One sequence by look-ups, before its forward pass: the screen `factored` (10.10)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from probbound.contract.cost import CostMeter
from probbound.contract.memo import Key
from probbound.models.transformer.attention_alone.factored import Factored, Lookups, operations
from probbound.tasks.induction.question import InductionQuestion
from probbound.tasks.induction.task import matched


@dataclass(frozen=True)
class FactoredCheck:
    """Which sequences the tables do not prove right."""

    tables: Lookups
    n_ctx: int
    name: str = "factored"

    @property
    def flops(self) -> int:
        """Operations for each sequence; look-ups are none."""
        return operations(self.n_ctx)

    def uncertified(self, members: Int[np.ndarray, "n n_ctx"]) -> Bool[np.ndarray, " n"]:
        """Those that are left."""
        return ~self.tables.right(members, matched(members))


@dataclass(frozen=True)
class _Tables(Key[Lookups]):
    margin: float


def prepared(question: InductionQuestion, meter: CostMeter) -> FactoredCheck:
    """The check of a question; its tables are made and booked once.

    Raises:
        UserError: if the network has no such tables.
    """
    factored = Factored(question.form, question.claim.margin)

    def build(meter: CostMeter) -> Lookups:
        with meter.phase("tables of look-ups", "proof", factored.flops):
            return factored.tables()

    tables = question.memo.get(_Tables(question.claim.margin), build, meter)
    return FactoredCheck(tables, question.task.n_ctx)
