"""One sequence by tables that are made once, before its forward pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int

from probbound.contract.cost import CostMeter
from probbound.contract.memo import Key
from probbound.models.transformer.attention_alone.form import Form
from probbound.tasks.induction.question import InductionQuestion
from probbound.tasks.induction.task import matched


@runtime_checkable
class Tables(Protocol):
    """What is looked up of a network."""

    def right(
        self, tokens: Int[np.ndarray, "n n_ctx"], place: Int[np.ndarray, " n"], /
    ) -> Bool[np.ndarray, " n"]:
        """Which sequences are certainly answered by what follows `place`."""
        ...


@runtime_checkable
class Maker(Protocol):
    """What makes them."""

    @property
    def flops(self) -> int:
        """Operations of `tables`."""
        ...

    def tables(self) -> Tables:
        """All of them."""
        ...


@dataclass(frozen=True)
class LookedUp:
    """Which sequences tables do not prove right; `flops` for each, look-ups being none."""

    name: str
    tables: Tables
    flops: int

    def uncertified(self, members: Int[np.ndarray, "n n_ctx"]) -> Bool[np.ndarray, " n"]:
        """Those that are left."""
        return ~self.tables.right(members, matched(members))


@dataclass(frozen=True)
class _Made(Key[Tables]):
    name: str
    margin: float


@dataclass(frozen=True)
class LookUps:
    """A kind of tables: their name, what makes them, and the operations of one sequence by length.

    `maker` takes the network and the margin.
    """

    name: str
    maker: Callable[[Form, float], Maker]
    operations: Callable[[int], int]

    def made_for(self, question: InductionQuestion) -> Maker:
        """What makes the tables of a question.

        Raises:
            UserError: if the network has no such tables.
        """
        return self.maker(question.form, question.claim.margin)

    def prepared(self, question: InductionQuestion, meter: CostMeter) -> LookedUp:
        """The check of a question; its tables are made and booked once.

        Raises:
            UserError: if the network has no such tables.
        """
        maker = self.made_for(question)

        def build(meter: CostMeter) -> Tables:
            with meter.phase("tables of look-ups", "proof", maker.flops):
                return maker.tables()

        tables = question.memo.get(_Made(self.name, question.claim.margin), build, meter)
        return LookedUp(self.name, tables, self.operations(question.task.n_ctx))
