"""What "auto" takes over rows: as many looks as the operations pay for (Definition 9.7)."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

from probbound.contract.cost import CostMeter
from probbound.contract.defaults import AUTO
from probbound.machine.errors import UserError
from probbound.tasks.next_token.grammar import IID
from probbound.tasks.next_token.question import RowQuestion


def row_price(question: RowQuestion) -> int:
    """What a row is planned to cost, in all networks."""
    of, length = question.arithmetic, question.length
    return sum(of.price(model.architecture, length) for model in question.models)


def once_price(question: RowQuestion) -> int:
    """What is of the networks alone, were no two of their matrices the same."""
    return sum(question.arithmetic.once_price(model) for model in question.models)


def spent_on(question: RowQuestion, looks: int) -> float:
    """Operations, a float no less, that pay for so many looks."""
    wanted = once_price(question) + looks * row_price(question)
    found = float(wanted)
    return found if found >= wanted else math.nextafter(found, math.inf)


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
    left = Fraction(question.budget_flops or 0.0) - once_price(question)
    looks = min(math.floor(left / row_price(question)), question.task.size)
    return IID, replace(question, budget=max(looks, 0))
