"""One sequence by look-ups, before its forward pass: the screen `factored` (10.10)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from probbound.models.transformer.attention_alone.factored import Lookups, operations
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
