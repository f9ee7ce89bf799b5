"""One sequence by the first layer's own weights: the screen `soft` (10.21)."""

from __future__ import annotations

from probbound.contract.cost import CostMeter
from probbound.models.transformer.attention_alone.soft import Soft, operations
from probbound.tasks.induction.grammar import SOFT
from probbound.tasks.induction.question import InductionQuestion
from probbound.tasks.induction.screens.looked_up import LookedUp, looked_up


def prepared(question: InductionQuestion, meter: CostMeter) -> LookedUp:
    """The check of a question; its tables are made and booked once.

    Raises:
        UserError: if the network has no such tables.
    """
    maker = Soft(question.form, question.claim.margin)
    return looked_up(SOFT, maker, operations, question, meter)
