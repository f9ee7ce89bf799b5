"""What "auto" takes over rows: as many looks as the operations pay for (Definition 9.7)."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import floor

from probbound.contract.cost import CostMeter
from probbound.contract.defaults import AUTO
from probbound.machine.errors import UserError
from probbound.models.transformer.planned import planned_row
from probbound.tasks.next_token.grammar import IID
from probbound.tasks.next_token.question import RowQuestion


def row_price(question: RowQuestion) -> int:
    """What a row is planned to cost."""
    length = question.task.tokens.shape[1] - 1
    return sum(planned_row(model, length) for model in question.models)


def decided(
    question: RowQuestion, strategy: str, choose: bool, meter: CostMeter
) -> tuple[str, RowQuestion]:
    """What runs: different rows, as many as the budget of operations pays for.

    Raises:
        UserError: if δ is to be chosen, which no rule here does.
    """
    if choose:
        raise UserError("over rows δ is not chosen by a plan; give --delta a number")
    if strategy != AUTO:
        return strategy, question
    looks = floor(Fraction(question.budget_flops or 0.0) / row_price(question))
    return IID, replace(question, budget=min(looks, question.task.size))
