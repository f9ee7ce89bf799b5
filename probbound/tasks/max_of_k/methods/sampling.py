"""Strategies that run the model on sequences drawn from all, or from what a screen left."""

from __future__ import annotations

from probbound.arithmetic.rounding import ratio_up
from probbound.contract.cost import CostMeter
from probbound.contract.residue import Residue, listed_by
from probbound.models.attention_only.evaluation import ForwardPass
from probbound.strategies.laws import FixedNumber
from probbound.strategies.levels import Inputs, Row, TicketDraws
from probbound.strategies.outcome import Level, Outcome
from probbound.strategies.sampled import Base, Effort, all_seen, drawn
from probbound.tasks.max_of_k.preparation import residue, tables
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.screens.screen import Screen


def iid(question: Question, meter: CostMeter) -> Outcome:
    """Plain input sampling: the baseline (Theorem 1.5). Fixed-n, with replacement."""
    return _from_inputs(_whole(question), question, _forward_row(question), meter)


def iid_from_tables(question: Question, meter: CostMeter) -> Outcome:
    """`iid` with forward passes looked up in tables, the second baseline (Theorems 1.1 and 1.5)."""
    row = Row((), tables(question, meter).exact)
    return _from_inputs(_whole(question), question, row, meter)


def screened(screen: Screen, question: Question, meter: CostMeter) -> Outcome:
    """The screen alone: what it leaves is conceded (Theorem 1.2).

    Deterministic, unless the screen spends δ.
    """
    base = base_of(screen, residue(screen, question, meter), question)
    return Outcome(base.share, base.proven, base.first, screen.ledger)


def hybrid(screen: Screen, question: Question, meter: CostMeter) -> Outcome:
    """The screen enumerated, then forward passes on exact draws from what it left.

    Theorem 1.6. Fixed-n, with replacement. Where the budget covers all that is left, every
    sequence of it is run once and the bound is deterministic; where the screen leaves
    everything, the draws are those of `iid`. The sampling gets the δ that the screen left.
    """
    left = residue(screen, question, meter)
    base, row, budget = base_of(screen, left, question), _forward_row(question), question.budget
    if listed_by(left, budget):
        every = Effort(left.tickets, left.tickets)
        return all_seen(base, left, question.stream, row, every, meter)
    if base.share == 1:
        return _from_inputs(base, question, row, meter)
    source = TicketDraws(left, question.stream.fold_in("residue"))
    return drawn(base, source, row, Effort(budget, budget), FixedNumber(base.rest, "1.6"), meter)


def base_of(screen: Screen, left: Residue, question: Question) -> Base:
    """What a screen left, to be drawn from or looked at."""
    mass = question.task.mass
    first = (Level.enumerated(screen.name, ratio_up(left.size, mass)),)
    return Base(mass, question.delta, first, left, screen.ledger)


def _whole(question: Question) -> Base:
    return Base(question.task.mass, question.delta)


def _forward_row(question: Question) -> Row:
    return Row((), ForwardPass.of(question.model, question.task, question.claim.margin))


def _from_inputs(base: Base, question: Question, row: Row, meter: CostMeter) -> Outcome:
    source = Inputs(question.task, question.stream.fold_in("inputs"))
    effort = Effort(question.budget, question.budget)
    return drawn(base, source, row, effort, FixedNumber(base.rest, "1.5"), meter)
