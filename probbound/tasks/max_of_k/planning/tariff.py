"""The prices that `--strategy auto` plans by, in operations: a function of the sizes alone.

They are part of the rule that `probbound.check` computes again (Theorem 6.10) and stand in
docs/planner.md; a test holds them to what is booked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from probbound.models.attention_only.transformer import Transformer, forward_flops
from probbound.tasks.max_of_k.methods.brute_force import brute_force_flops
from probbound.tasks.max_of_k.screens.bracket_check import bracket_check_flops
from probbound.tasks.max_of_k.screens.gap_classes import GapClasses
from probbound.tasks.max_of_k.screens.gap_residue import gap_draw_flops
from probbound.tasks.max_of_k.screens.ladder import LadderScreen, expected_classes
from probbound.tasks.max_of_k.screens.sequences import (
    copying_flops,
    copying_table_flops,
    sequence_table_flops,
    table_forward_flops,
)
from probbound.tasks.max_of_k.task import MaxOfK

MOST_MULTISETS, MOST_CELLS = 1 << 20, 1 << 26  # the most that the checker looks at again


@dataclass(frozen=True)
class Tariff:
    """Of a model and its task; a screen is the sub-cubic one, beside tables."""

    model: Transformer
    task: MaxOfK

    @cached_property
    def forward(self) -> int:
        """A forward pass."""
        return forward_flops(self.model)

    @cached_property
    def from_tables(self) -> int:
        """A forward pass looked up in tables."""
        return table_forward_flops(self.model)

    @cached_property
    def look(self) -> int:
        """The copying check of one sequence."""
        return copying_flops(self.model)

    @cached_property
    def tables(self) -> int:
        """The tables of sequences and the copying check."""
        return sequence_table_flops(self.model) + copying_table_flops(self.model, cubic=False)

    @cached_property
    def brackets(self) -> int:
        """The brackets that foretell the screen."""
        return bracket_check_flops(self.model)

    @cached_property
    def brute_force(self) -> int:
        """Running every input."""
        return brute_force_flops(self.model, self.task)

    @cached_property
    def classes(self) -> GapClasses | None:
        """As many gap classes as a screen will make; None where none can be run and checked."""
        if self.model.n_heads > 1:
            return None
        found = expected_classes(self.model)
        multisets = math.comb(found.free + len(found.starts) - 1, found.free)
        fits = multisets <= MOST_MULTISETS and self.model.d_vocab * multisets <= MOST_CELLS
        return found if fits else None

    def screen(self, classes: GapClasses) -> int:
        """A screen with such classes."""
        return LadderScreen("sub-cubic").expected_flops(self.model, classes, known=True)

    def drawn(self, classes: GapClasses) -> int:
        """A draw from what it leaves."""
        return gap_draw_flops(classes, 1)
