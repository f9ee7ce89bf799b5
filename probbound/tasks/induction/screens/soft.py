"""One sequence by the first layer's own weights: the screen `soft` (10.20)."""

from __future__ import annotations

from probbound.models.transformer.attention_alone.soft import Soft, operations
from probbound.tasks.induction.grammar import SOFT
from probbound.tasks.induction.screens.looked_up import LookUps

BY_SOFT = LookUps(SOFT, Soft, operations)
