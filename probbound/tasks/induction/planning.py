"""What "auto" takes of induction: a function of shapes and of the budget (Definition 10.14)."""

from __future__ import annotations

from dataclasses import replace

from probbound.contract.cost import CostMeter
from probbound.contract.defaults import AUTO
from probbound.machine.errors import UserError
from probbound.tasks.induction.grammar import IID
from probbound.tasks.induction.question import InductionQuestion


def decided(
    question: InductionQuestion, strategy: str, choose: bool, meter: CostMeter
) -> tuple[str, InductionQuestion]:
    """What runs: as many draws as the operations pay for.

    Raises:
        UserError: if δ is to be chosen, which no rule here does.
    """
    if choose:
        raise UserError("of induction δ is not chosen by a plan; give --delta a number")
    if strategy != AUTO:
        return strategy, question
    rest = (question.budget_flops or 0.0) - question.once_flops
    return IID, replace(question, budget=max(0, int(rest // question.exact.flops)))
