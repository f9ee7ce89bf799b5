"""The rule of `--strategy auto`, which `probbound.check` computes again (Theorem 6.10).

docs/planner.md states it; whatever is changed here is changed there and in `probbound/check`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

from probbound.contract.cost import CostMeter
from probbound.contract.defaults import AUTO
from probbound.contract.residue import listed_by
from probbound.machine.errors import UserError
from probbound.planning.forecast import Passed
from probbound.strategies.follow_up import passes_for
from probbound.tasks.max_of_k.methods.brute_force import MAX_FLOPS
from probbound.tasks.max_of_k.planning.delta_choice import delta_for
from probbound.tasks.max_of_k.planning.offers import Bidding, Offer, Pool, taken
from probbound.tasks.max_of_k.planning.pilot import (
    CHEAP_PILOT,
    Source,
    look,
    planning_stream,
    source_of,
)
from probbound.tasks.max_of_k.planning.tariff import Tariff
from probbound.tasks.max_of_k.preparation import Checks, certain_residue, checks
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.screens.bracket_check import BracketCheck
from probbound.tasks.max_of_k.screens.gap_residue import GapResidue
from probbound.tasks.max_of_k.strategies import SCREENS

SCREEN = "sub-cubic"
ON_SCREEN = f"cascade:{SCREEN}"
PILOT_SHARE, RESIDUE_PILOT_SHARE = Fraction(1, 40), Fraction(1, 100)
FIRST_SHARE = Fraction(1, 8)
TABLE_SHARE = Fraction(9, 10)
SPENT_SHARE = Fraction(199, 200)


@dataclass(frozen=True)
class Plan:
    """What was seen, worked out and spent so far. `everything` are all inputs.

    `residue` is what the screen left, `beyond` the source of draws from it, foretold or measured;
    a draw from it takes `drawn` operations.
    """

    tariff: Tariff
    amount: Fraction
    everything: Pool
    spent: int
    checks: Checks
    draws: int = 0
    beyond: Pool | None = None
    drawn: int = 0
    residue: GapResidue | None = None

    @property
    def rest(self) -> Fraction:
        """Operations that may still be spent."""
        return SPENT_SHARE * self.amount - self.spent

    def offers(self, delta: float | None) -> list[Offer]:
        """Of every strategy, in the order in which equals are taken."""
        tariff, bidding, everything = self.tariff, Bidding(self.rest, delta), self.everything
        run = tariff.from_tables
        made = bidding.sampled("cascade", everything, tariff.look + everything.kept * run)
        made += bidding.sampled("iid:tables", everything, run)
        if self.beyond is not None:
            classes = tariff.classes
            fixed = tariff.screen(classes) if self.residue is None and classes else 0
            each = self.drawn + tariff.look + self.beyond.kept * run
            made += bidding.sampled(ON_SCREEN, self.beyond, each, fixed)
        return [*made, *_brute_force(tariff, self.rest, everything.wrong)]

    def with_passes(self, offer: Offer) -> Offer:
        """With the limit on forward passes that a cascade runs under."""
        source, each = self.everything, self.tariff.look
        if offer.strategy == ON_SCREEN and self.beyond is not None:
            source, each = self.beyond, each + self.drawn
        elif offer.strategy != "cascade":
            return offer
        passes = passes_for(offer.draws, source.kept, self.rest, each, self.tariff.from_tables)
        return replace(offer, passes=passes)


def decided(
    question: Question, strategy: str, choose_delta: bool, meter: CostMeter
) -> tuple[str, Question]:
    """What runs, with its knobs: what was asked for, or what a plan puts in its place.

    Raises:
        UserError: if there is nothing to plan with.
    """
    if strategy == AUTO:
        return planned(question, None if choose_delta else question.delta, meter)
    if choose_delta:
        return strategy, delta_for(question, strategy, meter)
    return strategy, question


def planned(question: Question, delta: float | None, meter: CostMeter) -> tuple[str, Question]:
    """The strategy that is predicted to be best for the budget of operations, with its knobs.

    A `delta` of None is chosen with it (Theorem 4.26).

    Raises:
        UserError: if the budget does not pay for one forward pass.
    """
    tariff = Tariff(question.model, question.task)
    amount = Fraction(question.budget_flops or 0)
    pays = (TABLE_SHARE * amount - tariff.tables) / tariff.from_tables > amount / tariff.forward
    if not pays:
        return _without_tables(question, tariff, amount, delta, meter)
    plan = _looked(question, tariff, amount, meter)
    best = taken(plan.offers(delta))
    if best is not None and best.strategy == ON_SCREEN:
        plan = _screened(plan, question, meter)
        best = taken(plan.offers(delta)) or Offer(SCREEN, 1.0)
    if best is None:
        raise _too_small(question, tariff, amount)
    return _run(question, plan.with_passes(best))


def _run(question: Question, best: Offer) -> tuple[str, Question]:
    through_checks = best.strategy.startswith("cascade")
    return best.strategy, replace(
        question,
        budget=best.passes if through_checks else best.draws,
        draws=best.draws if through_checks else None,
        delta=question.delta if best.delta is None else best.delta,
    )


def _too_small(question: Question, tariff: Tariff, amount: Fraction) -> UserError:
    return UserError(
        f"a budget of {float(amount):.2g} operations is too small for {question.model.name}: one "
        f"forward pass takes {tariff.forward:.2g}"
    )


def _without_tables(
    question: Question, tariff: Tariff, amount: Fraction, delta: float | None, meter: CostMeter
) -> tuple[str, Question]:
    """All inputs, or draws of them; there is a pilot only if δ is to be chosen."""
    seen = Passed()
    if delta is None:
        allowance = float(PILOT_SHARE * amount / 2)
        inputs = _inputs(question)
        seen = look(inputs, question.model, question.task, allowance, None, meter)
    everything = Pool(Fraction(1), Fraction(1), _share_seen(seen.wrong, seen.draws))
    rest = SPENT_SHARE * amount - seen.draws * tariff.forward
    offers = _brute_force(tariff, rest, everything.wrong)
    offers += Bidding(rest, delta).sampled("iid", everything, tariff.forward)
    if not offers:
        raise _too_small(question, tariff, amount)
    return _run(question, offers[0])


def _brute_force(tariff: Tariff, rest: Fraction, wrong: Fraction) -> list[Offer]:
    fits = tariff.brute_force <= min(rest, MAX_FLOPS)
    return [Offer("brute-force", float(wrong))] if fits else []


def _inputs(question: Question) -> Source:
    stream = planning_stream(question.seed).fold_in("inputs")
    return Source("all inputs", partial(question.task.sample, stream))


def _looked(question: Question, tariff: Tariff, amount: Fraction, meter: CostMeter) -> Plan:
    """The tables, and a pilot of all inputs, of which the screen's brackets look at the same."""
    model, room = question.model, amount - tariff.tables
    made = checks(question, meter, cubic=False)
    allowance, inputs = PILOT_SHARE * room, _inputs(question)
    seen = look(
        *(inputs, model, question.task, float(allowance / 2), made, meter),
        ceiling=float(FIRST_SHARE * room),
    )
    wrong = _share_seen(seen.wrong, seen.draws)
    everything = Pool(Fraction(1), _share_seen(seen.left, seen.draws), wrong)
    spent = tariff.tables + seen.draws * tariff.look + seen.left * tariff.from_tables
    plan = Plan(tariff, amount, everything, spent, made, seen.draws)
    classes = tariff.classes
    if classes is None or seen.draws == 0:
        return plan
    if tariff.screen(classes) > room or tariff.brackets > 2 * allowance:
        return plan
    brackets = BracketCheck.of(made.exact.tables)
    flops = tariff.brackets + seen.draws * brackets.flops
    with meter.phase("pilot of screens", "sampling", flops):
        left = int(brackets.uncertified(inputs.sample(0, seen.draws)).sum())
    share = max(_share_seen(left, seen.draws), wrong)
    beyond = _within(everything, share, math.ceil(share * question.task.size))
    return replace(plan, beyond=beyond, drawn=tariff.drawn(classes), spent=spent + flops)


def _screened(plan: Plan, question: Question, meter: CostMeter) -> Plan:
    """The same, with the screen run and a pilot of what it leaves.

    It is deterministic, so that what it showed may be used as it is (Theorem 4.25).
    """
    tariff, model, task = plan.tariff, question.model, question.task
    residue = certain_residue(SCREENS[SCREEN](question), question, meter)
    if not isinstance(residue, GapResidue):
        raise TypeError(f"{SCREEN} leaves gap classes, not {type(residue).__name__}")
    share, drawn = residue.size / task.size, tariff.drawn(residue.classes)
    members = residue.tickets if listed_by(residue, residue.tickets) else None
    seen = Passed()
    if residue.tickets:
        allowance = float(RESIDUE_PILOT_SHARE * plan.amount)
        source = source_of(SCREEN, residue, question.seed)
        seen = look(source, model, task, allowance, plan.checks, meter, CHEAP_PILOT)
    beyond, everything = _within(plan.everything, share, members), plan.everything
    if seen.draws:
        kept, wrong = _share_seen(seen.left, seen.draws), _share_seen(seen.wrong, seen.draws)
        beyond = replace(beyond, kept=kept, wrong=wrong)
        if seen.draws > plan.draws * share:
            everything = replace(everything, wrong=share * wrong)
    each = tariff.look + drawn
    spent = tariff.screen(residue.classes) + seen.draws * each + seen.left * tariff.from_tables
    return replace(
        *(plan,),
        spent=plan.spent + spent,
        everything=everything,
        beyond=beyond,
        drawn=drawn,
        residue=residue,
    )


def _share_seen(hits: int, draws: int) -> Fraction:
    """What nobody has seen may still be there: (hits + ½) / (draws + 1)."""
    return Fraction(2 * hits + 1, 2 * draws + 2)


def _within(everything: Pool, share: Fraction, members: int | None) -> Pool:
    """A part of all inputs that holds all that is left or wrong, as far as it can."""
    kept, wrong = (
        min(of_all / share, Fraction(1)) if share else Fraction(0)
        for of_all in (everything.kept, everything.wrong)
    )
    return Pool(share, kept, wrong, members)
