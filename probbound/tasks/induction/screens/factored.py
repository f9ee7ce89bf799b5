"""One sequence by look-ups, before its forward pass: the screen `factored` (10.10)."""

from __future__ import annotations

from probbound.models.transformer.attention_alone.factored import Factored, operations
from probbound.tasks.induction.grammar import FACTORED
from probbound.tasks.induction.screens.looked_up import LookUps

BY_FACTORED = LookUps(FACTORED, Factored, operations)
