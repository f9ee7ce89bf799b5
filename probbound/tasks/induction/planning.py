"""What "auto" takes of induction: a function of shapes and a look (Definition 10.14).

`probbound.check` makes the plan again; whatever is changed here is changed in 10.14 and there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from probbound.contract.cost import CostMeter
from probbound.machine.errors import UserError
from probbound.models.transformer.attention_alone.form import form_of
from probbound.models.transformer.sizing import sizes_price
from probbound.strategies.levels import MOST_DRAWS, Inputs
from probbound.strategies.on_screens import PILOT_DRAWS
from probbound.tasks.induction.grammar import BRUTE_FORCE, HYBRID, IID
from probbound.tasks.induction.question import MOST_RUN, InductionQuestion
from probbound.tasks.induction.screens.look_ups import LOOK_UPS
from probbound.tasks.induction.screens.looked_up import LookUps
from probbound.tasks.induction.screens.pairs import PairScreen

LOOKED_AT, LOOK_DRAWS = 8, 512
ENOUGH = 0.5


def chosen(question: InductionQuestion, meter: CostMeter) -> tuple[str, InductionQuestion]:
    """What runs in the place of "auto" for the operations that there are."""
    once = 0 if question.claim.revealed is not None else sizes_price(question.model)
    spent = _Spent(int(question.budget_flops or 0.0) - once)
    if question.number <= MOST_RUN and question.number * question.price <= spent.rest:
        return BRUTE_FORCE, question
    if question.claim.revealed is not None:
        return IID, _drawing(question, spent)
    by_look_ups = {name: partial(_by_look_ups, way) for name, way in LOOK_UPS.items()}
    for name, offered in {HYBRID: _by_pairs, **by_look_ups}.items():
        if (budget := offered(question, spent, meter)) is not None:
            return name, replace(question, budget=min(budget, MOST_DRAWS))
    return IID, _drawing(question, spent)


@dataclass
class _Spent:
    """What is left of the operations that there are."""

    rest: int


def _drawing(question: InductionQuestion, spent: _Spent) -> InductionQuestion:
    """With as many draws as can be paid for."""
    budget = max(0, spent.rest) // question.price
    return replace(question, budget=min(budget, MOST_DRAWS))


def _by_pairs(question: InductionQuestion, spent: _Spent, meter: CostMeter) -> int | None:
    """A budget behind `pairs`, None if it costs too much or proves too little."""
    try:
        screen = PairScreen(form_of(question.model), question.task, question.claim.margin)
    except UserError:
        return None
    look = screen.look_flops(LOOKED_AT)
    if screen.flops + look > spent.rest:
        return None
    spent.rest -= look
    with meter.phase("look", "proof", look):
        proved = screen.look(LOOKED_AT)
    if proved < ENOUGH:
        return None
    return (spent.rest - screen.flops) // (question.price + 2 * question.task.n_ctx)


def _by_look_ups(
    way: LookUps, question: InductionQuestion, spent: _Spent, meter: CostMeter
) -> int | None:
    """A budget behind tables of look-ups, or None."""
    try:
        made = way.made_for(question)
    except UserError:
        return None
    each = way.operations(question.task.n_ctx)
    look, pilot = LOOK_DRAWS * each, PILOT_DRAWS * each
    if made.flops + look + pilot > spent.rest // 4:
        return None
    spent.rest -= made.flops + look
    check = way.prepared(question, meter)
    source = Inputs(question.task, question.stream.fold_in("look"))
    with meter.phase("look", "proof", look):
        left = int(check.uncertified(source.tickets(0, LOOK_DRAWS).members).sum())
    if left > (1 - ENOUGH) * LOOK_DRAWS:
        return None
    return (spent.rest - pilot) // (2 * question.price)
