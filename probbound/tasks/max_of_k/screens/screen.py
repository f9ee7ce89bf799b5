"""A screen: a sound check that certifies some sequences and leaves the rest."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from probbound.contract.cost import CostMeter
from probbound.contract.ledger import Ledger
from probbound.contract.residue import Residue
from probbound.models.transformer import Transformer


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

    def enumerate(self, model: Transformer, meter: CostMeter) -> Residue:
        """Run the screen on all sequences of the model's task; the cost goes to `meter`."""
        ...
