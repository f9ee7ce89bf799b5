"""A screen: a sound check that certifies some sequences and leaves the rest."""

from __future__ import annotations

from typing import ClassVar, Protocol, runtime_checkable

from probbound.cost import CostMeter
from probbound.models.transformer import Transformer
from probbound.screens.residue import Residue


@runtime_checkable
class Screen(Protocol):
    """Everything it certifies is answered correctly; what it leaves may or may not be."""

    name: ClassVar[str]

    def enumerate(self, model: Transformer, meter: CostMeter) -> Residue:
        """Run the screen on all sequences of the model's task; the cost goes to `meter`."""
        ...
