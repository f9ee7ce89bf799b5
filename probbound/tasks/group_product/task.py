"""Products of a finite group: pairs of elements whose right answer is their product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int

from probbound.tasks.group_product.groups import Group
from probbound.tasks.pairs.population import Pairs


@dataclass(frozen=True)
class GroupProduct(Pairs):
    """Pairs (g, h) of elements of a group, all equally likely; the answer is gh."""

    group: Group
    name: ClassVar[str] = "group-product"

    def _tabled(self) -> Int[np.ndarray, "n n"]:
        return self.group.array

    def statement(self) -> dict[str, Any]:
        """The pairs as a claim states them, and the group: its table where no name says it."""
        return {**super().statement(), "group": self.group.statement()}
