"""What "auto" takes over rows: as many looks as the operations pay for (Definition 9.7)."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

from probbound.contract.cost import CostMeter
from probbound.models.transformer.largest_loss import largest_loss_flops
from probbound.tasks.next_token.grammar import IID
from probbound.tasks.next_token.question import RowQuestion


def row_price(question: RowQuestion) -> int:
    """What a row is planned to cost, in all networks."""
    of, length = question.arithmetic, question.length
    passes = sum(of.price(model.architecture, length) for model in question.models)
    return passes + question.flops_of_outcomes


def once_price(question: RowQuestion) -> int:
    """What is of the networks alone, were no two of their matrices the same."""
    claim, first = question.claim, question.model
    largest = largest_loss_flops(first) if claim.kind == "loss" and claim.at is None else 0
    return largest + sum(question.arithmetic.once_price(model) for model in question.models)


def spent_on(question: RowQuestion, looks: int) -> float:
    """Operations, a float no less, that pay for so many looks."""
    wanted = once_price(question) + looks * row_price(question)
    found = float(wanted)
    return found if found >= wanted else math.nextafter(found, math.inf)


def chosen(question: RowQuestion, meter: CostMeter) -> tuple[str, RowQuestion]:
    """What runs: rows, as many as the budget of operations pays for."""
    left = Fraction(question.budget_flops or 0.0) - once_price(question)
    looks = min(math.floor(left / row_price(question)), question.task.rows.most)
    return IID, replace(question, budget=max(looks, 0))
