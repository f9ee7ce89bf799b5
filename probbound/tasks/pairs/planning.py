"""What "auto" takes over pairs: a rule that looks at nothing."""

from __future__ import annotations

from dataclasses import replace

from probbound.contract.cost import CostMeter
from probbound.contract.defaults import AUTO
from probbound.machine.errors import UserError
from probbound.tasks.pairs.grammar import BRUTE_FORCE, HYBRID, IID, PairGrammar, ScreenName
from probbound.tasks.pairs.question import PairQuestion
from probbound.tasks.pairs.recipes import PairRecipes
from probbound.tasks.pairs.screens.registry import LOW_RANK, low_rank_price


def decided(
    grammar: PairGrammar, question: PairQuestion, strategy: str, choose: bool, meter: CostMeter
) -> tuple[str, PairQuestion]:
    """What runs: brute force if it can be paid for, else the screen and draws, else draws alone.

    The screen is taken where its price is at most half of the budget, and what is left then pays
    for forward passes. Nothing is looked at to decide.

    Raises:
        UserError: if δ is to be chosen, which no rule here does.
    """
    if choose:
        raise UserError("over pairs δ is not chosen by a plan; give --delta a number")
    if strategy != AUTO:
        return strategy, question
    budget, each = question.budget_flops or 0.0, question.exact.flops
    once = question.once_flops
    if once + question.task.size * each <= budget:
        return BRUTE_FORCE, question
    price = low_rank_price(question, _usual_rank(grammar, question))
    if price <= budget / 2:
        return f"{HYBRID}:{LOW_RANK.name}", replace(
            question, budget=max(0, int((budget - price - once) // each))
        )
    return IID, replace(question, budget=max(0, int((budget - once) // each)))


def _usual_rank(grammar: PairGrammar, question: PairQuestion) -> int:
    settings = PairRecipes(grammar).settings(ScreenName(LOW_RANK.name), question.task.size)
    return int(settings["rank"] or 0)
