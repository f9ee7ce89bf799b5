"""A screen: a sound check that certifies some sequences and leaves the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from probbound.contract.checks import Check
from probbound.contract.cost import CostMeter
from probbound.contract.ledger import Ledger
from probbound.contract.residue import Residue
from probbound.models.attention_only.additive import Circuits
from probbound.models.attention_only.transformer import Transformer
from probbound.tasks.max_of_k.screens.sequences import SequenceTables


@dataclass(frozen=True)
class Price:
    """Nearly the operations: of a screen `alone`, beside products that are `shared`, of draws."""

    alone: float
    shared: float
    draw: Callable[[int], int]


@runtime_checkable
class Screen(Protocol):
    """Everything it certifies is answered correctly; what it leaves may or may not be.

    Where the ledger is not empty that fails with probability at most the ledger's δ.
    """

    @property
    def name(self) -> str:
        """The name it goes by."""
        ...

    @property
    def ledger(self) -> Ledger:
        """What it spends of δ: nothing, unless it rests on randomness."""
        ...

    def enumerate(
        self, model: Transformer, meter: CostMeter, products: Circuits | None = None
    ) -> Residue:
        """Run the screen on all sequences of the model's task; the cost goes to `meter`.

        `products` saves multiplying the circuits out again.
        """
        ...

    def price(self, model: Transformer) -> Price | None:
        """What `enumerate` and draws from what it leaves will cost; None where it cannot be run."""
        ...

    def of_one(self, tables: SequenceTables) -> Check | None:
        """The same of one sequence at a time; None where there is no sound form of it."""
        ...
