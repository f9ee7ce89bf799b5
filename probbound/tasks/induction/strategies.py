"""The strategies of induction by name."""

from __future__ import annotations

from probbound.contract.cost import CostMeter
from probbound.strategies.laws import FixedNumber
from probbound.strategies.levels import EveryMember, Inputs, Row
from probbound.strategies.on_screens import (
    Enumerated,
    all_run,
    brute_force,
    cascade,
    hybrid,
    iid,
    screened,
)
from probbound.strategies.outcome import Outcome
from probbound.strategies.sampled import Base, Effort, drawn
from probbound.tasks.induction.grammar import (
    BRUTE_FORCE,
    CASCADE,
    HYBRID,
    IID,
    PAIRS,
    Name,
    parsed,
)
from probbound.tasks.induction.question import InductionQuestion
from probbound.tasks.induction.screens.look_ups import LOOK_UPS
from probbound.tasks.induction.screens.pairs import PairScreen
from probbound.tasks.induction.screens.tree import TreeScreen

AT_ONCE = 16  # cases proved together, so that all cores have some
_LOOK_UPS = {way.name: way for way in LOOK_UPS.values()}


def answer(strategy: str, question: InductionQuestion, meter: CostMeter) -> Outcome:
    """Bound what the question's claim is about.

    Raises:
        UserError: if there is no such strategy, or the network is none for it.
    """
    name = parsed(strategy)
    if question.claim.revealed is not None:
        return (_all_cases if name.kind == BRUTE_FORCE else _of_cases)(question, meter)
    if name.kind == BRUTE_FORCE:
        return brute_force(question, meter, "sequences")
    if name.kind == IID:
        return iid(question, meter)
    if name.kind == CASCADE:
        return cascade(_LOOK_UPS[name.screen].prepared(question, meter), question, meter)
    screen = _screen(name, question)
    return (hybrid if name.kind == HYBRID else screened)(screen, question, meter)


def _of_cases(question: InductionQuestion, meter: CostMeter) -> Outcome:
    """Cases drawn, each proved right on every filling or counted (Theorem 10.12 a). Fixed-n."""
    budget, cases = question.budget, question.cases
    source = Inputs(cases, question.stream.fold_in("cases"), AT_ONCE)
    base, row = Base(cases.mass, question.delta), Row((), question.every_filling)
    law = FixedNumber(question.delta, "10.12")
    return drawn(base, source, row, Effort(budget, budget), law, meter)


def _all_cases(question: InductionQuestion, meter: CostMeter) -> Outcome:
    """Every case, proved or counted (Theorem 10.12 b). Deterministic."""
    cases, row = question.cases, Row((), question.every_filling)
    return all_run(EveryMember(cases, AT_ONCE), cases.number, row, meter, "cases")


def _screen(name: Name, question: InductionQuestion) -> Enumerated:
    form, task, margin = question.form, question.task, question.claim.margin
    if name.screen == PAIRS:
        return PairScreen(form, task, margin)
    two = (form.n_layers, form.n_heads) == (2, 1) and task.repeats == "once"
    pairs = PairScreen(form, task, margin) if two else None
    return TreeScreen(form, task, margin, name.nodes, question.exact, pairs)
