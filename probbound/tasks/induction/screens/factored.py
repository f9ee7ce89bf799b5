"""One sequence by look-ups, before its forward pass: the screen `factored` (10.10)."""

from __future__ import annotations

from probbound.contract.cost import CostMeter
from probbound.models.transformer.attention_alone.factored import Factored, operations
from probbound.tasks.induction.grammar import FACTORED
from probbound.tasks.induction.question import InductionQuestion
from probbound.tasks.induction.screens.looked_up import LookedUp, looked_up


def prepared(question: InductionQuestion, meter: CostMeter) -> LookedUp:
    """The check of a question; its tables are made and booked once.

    Raises:
        UserError: if the network has no such tables.
    """
    maker = Factored(question.form, question.claim.margin)
    return looked_up(FACTORED, maker, operations, question, meter)
