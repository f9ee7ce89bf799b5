"""What "auto" takes over rows: as many looks as the operations pay for (Definition 9.7)."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import floor

from probbound.contract.cost import CostMeter
from probbound.contract.defaults import AUTO
from probbound.machine.errors import UserError
from probbound.models.transformer.network import GeneralTransformer
from probbound.tasks.next_token.grammar import IID
from probbound.tasks.next_token.question import RowQuestion


def row_price(question: RowQuestion) -> int:
    """What a row is planned to cost."""
    length = question.task.rows.length - 1
    return sum(_price(model, length) for model in question.models)


def _price(model: GeneralTransformer, length: int) -> int:
    total = 0
    for name, values in model.arrays.items():
        if name.rpartition(".")[2].startswith("W") and not name.endswith(("W_E", "W_pos")):
            total += 2 * values.size * (length if name.startswith("blocks.") else 1)
    return max(1, total)


def decided(
    question: RowQuestion, strategy: str, choose: bool, meter: CostMeter
) -> tuple[str, RowQuestion]:
    """What runs: rows, as many as the budget of operations pays for.

    Raises:
        UserError: if δ is to be chosen, which no rule here does.
    """
    if choose:
        raise UserError("over rows δ is not chosen by a plan; give --delta a number")
    if strategy != AUTO:
        return strategy, question
    looks = floor(Fraction(question.budget_flops or 0.0) / row_price(question))
    return IID, replace(question, budget=min(looks, question.task.rows.most))
