"""What "auto" takes of induction: a function of shapes and a look (Definition 10.14)."""

from __future__ import annotations

from dataclasses import replace

from probbound.contract.cost import CostMeter
from probbound.contract.defaults import AUTO
from probbound.machine.errors import UserError
from probbound.models.transformer.attention_alone.factored import Factored
from probbound.models.transformer.attention_alone.form import form_of
from probbound.strategies.levels import Inputs
from probbound.tasks.induction.grammar import CASCADE, HYBRID, IID
from probbound.tasks.induction.question import InductionQuestion
from probbound.tasks.induction.screens.factored import prepared
from probbound.tasks.induction.screens.pairs import PairScreen

LOOKED_AT, LOOK_DRAWS = 8, 512
ENOUGH = 0.5


def decided(
    question: InductionQuestion, strategy: str, choose: bool, meter: CostMeter
) -> tuple[str, InductionQuestion]:
    """What runs in the place of "auto" for the operations that there are.

    Raises:
        UserError: if δ is to be chosen, which no rule here does.
    """
    if choose:
        raise UserError("of induction δ is not chosen by a plan; give --delta a number")
    if strategy != AUTO:
        return strategy, question
    if question.claim.revealed is not None:
        looks = int(question.budget_flops or 0.0) // question.every_filling.flops
        return IID, replace(question, budget=looks)
    amount = int(question.budget_flops or 0.0) - question.once_flops
    for name, offered in ((HYBRID, _by_pairs), (CASCADE, _by_look_ups)):
        if (rest := offered(question, amount, meter)) is not None:
            return name, replace(question, budget=rest // question.exact.flops)
    return IID, replace(question, budget=max(0, amount) // question.exact.flops)


def _by_pairs(question: InductionQuestion, amount: int, meter: CostMeter) -> int | None:
    """What `pairs` leaves of the operations, None if it costs too much or proves too little."""
    try:
        screen = PairScreen(form_of(question.model), question.task, question.claim.margin)
    except UserError:
        return None
    if screen.flops + screen.look_flops(LOOKED_AT) > amount:
        return None
    with meter.phase("look", "proof", screen.look_flops(LOOKED_AT)):
        proved = screen.look(LOOKED_AT)
    return amount - screen.flops - screen.look_flops(LOOKED_AT) if proved >= ENOUGH else None


def _by_look_ups(question: InductionQuestion, amount: int, meter: CostMeter) -> int | None:
    """What tables of look-ups leave of the operations, or None."""
    try:
        factored = Factored(form_of(question.model), question.claim.margin)
    except UserError:
        return None
    if factored.flops > amount // 4:
        return None
    check = prepared(question, meter)
    source = Inputs(question.task, question.stream.fold_in("look"))
    with meter.phase("look", "proof", LOOK_DRAWS * check.flops):
        left = int(check.uncertified(source.tickets(0, LOOK_DRAWS).members).sum())
    rest = amount - factored.flops - LOOK_DRAWS * check.flops
    return max(rest, 0) // 2 if left <= (1 - ENOUGH) * LOOK_DRAWS else None
