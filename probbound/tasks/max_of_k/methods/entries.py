"""`entries`: structure bounded exactly, noise sampled and never multiplied out (4.30 to 4.36)."""

from __future__ import annotations

import math

from estimators.proportion import clopper_pearson
from probbound.arithmetic.decimals import upper
from probbound.arithmetic.rounding import inflated, ratio_up
from probbound.contract.cost import CostMeter
from probbound.contract.ledger import Ledger, Spend
from probbound.machine.parallel import parallel_map
from probbound.noise.contract import Settings
from probbound.strategies.outcome import Level, Outcome, Sampled
from probbound.tasks.max_of_k.preparation import split
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.recipes import DEFAULT_PATHS
from probbound.tasks.max_of_k.structured.cells import cells_of
from probbound.tasks.max_of_k.structured.count import certified_count
from probbound.tasks.max_of_k.structured.deterministic import certain_tolerances
from probbound.tasks.max_of_k.structured.families import Share, drawn, own_share, share
from probbound.tasks.max_of_k.structured.parts import Parts
from probbound.tasks.max_of_k.structured.pilot import (
    CASES,
    NoisePilot,
    Plan,
    Wanted,
    pilot_flops,
    planned,
    planning_flops,
)
from probbound.tasks.max_of_k.structured.tolerances import Brackets, certified, certified_flops

_CASES_AT_ONCE = 1 << 13
_STRUCTURE = "structure with tolerated noise"
_OWN = "noise of last tokens with themselves"


def entries(question: Question, meter: CostMeter, counted: bool = False) -> Outcome:
    """The structured model certifies, and inputs that touch too much noise are conceded (4.34).

    `budget` counts noise entries, the pilot's among them; a row counts one for each output. What
    the structure certifies is `counted` for all inputs, or checked on CASES draws of them.
    """
    margin = question.claim.margin
    parts = split(question, meter)
    pilot = _pilot(parts, question, meter)
    if not pilot.usable:
        return Outcome(1.0, 1.0, (Level.enumerated(_STRUCTURE, 1.0),))
    cells = cells_of(parts)
    wanted = Wanted(
        choice=question.paths or DEFAULT_PATHS,
        entries=question.budget - pilot.entries,
        delta=question.delta,
        margin=margin,
        others=0 if counted else 1,
    )
    seen = len(pilot.pairs.first), len(pilot.rows.first)
    with meter.phase("choosing tolerances", "sampling", planning_flops(parts, cells, *seen)):
        plan = planned(pilot, wanted, cells)
    shares = _shares(parts, plan, question, meter)
    brackets = Brackets(parts, plan.tolerances)
    if counted:
        left = _counted(certified_count(brackets, cells, meter, margin), question)
    else:
        left = _checked(brackets, plan.log_delta, question, meter)
    own = own_share(parts, plan.tolerances)
    failure = left.share_upper + own + sum(found.touch for found in shares)
    levels = (left, Level.enumerated(_OWN, own), *(_level(found) for found in shares))
    spends = tuple(_spend(level) for level in levels if level.mode == "sampled")
    failure = min(1.0, inflated(failure, len(levels)))
    evaluated = sum(found.samples * found.family.entries(parts) for found in shares)
    exceeding = sum(found.failures for found in shares)
    sampled = Sampled(evaluated + pilot.entries, evaluated, exceeding)
    return Outcome(failure, 1.0 if spends else failure, levels, Ledger(spends), sampled)


def entries_by(noise: str, question: Question, meter: CostMeter) -> Outcome:
    """The same structure, its noise bounded for certain by a method of chapter 3 (4.36)."""
    parts = split(question, meter)
    settings = Settings(question.stream)
    tolerances = certain_tolerances(parts, noise, settings, meter)
    brackets = Brackets(parts, tolerances)
    number = certified_count(brackets, cells_of(parts), meter, question.claim.margin)
    left = _counted(number, question)
    return Outcome(left.share_upper, left.share_upper, (left,))


def _pilot(parts: Parts, question: Question, meter: CostMeter) -> NoisePilot:
    """Its randomness is its own: no bound is computed from what it saw."""
    stream = question.stream.fold_in("entries pilot")
    with meter.phase("pilot", "sampling", pilot_flops(parts, question.budget)):
        return NoisePilot.draw(parts, question.task, question.budget, stream)


def _shares(parts: Parts, plan: Plan, question: Question, meter: CostMeter) -> list[Share]:
    stream, found = question.stream.fold_in("entries"), []
    for family, count in plan.counts.items():
        with meter.phase(family.name, "sampling", count * family.flops(parts)):
            sample = drawn(parts, family, count, stream)
            found.append(share(sample, parts, plan.tolerances, plan.log_delta))
    return found


def _counted(certified_number: int, question: Question) -> Level:
    size = question.task.size
    return Level.enumerated(_STRUCTURE, ratio_up(size - certified_number, size))


def _checked(brackets: Brackets, log_delta: float, question: Question, meter: CostMeter) -> Level:
    """Each case exactly, but not all of them: independent draws, Theorem 2.3."""
    task, stream = question.task, question.stream.fold_in("entries cases")
    margin = question.claim.margin
    starts = range(0, CASES, _CASES_AT_ONCE)

    def uncertified(start: int) -> int:
        tokens = task.sample(stream, start, start + _CASES_AT_ONCE)
        return int((~certified(brackets, tokens, margin)).sum())

    with meter.phase("checking cases", "sampling", CASES * certified_flops(brackets.parts.n_ctx)):
        failures = sum(parallel_map(uncertified, starts, "checking cases"))
    found = clopper_pearson(failures, CASES, log_delta=log_delta, side="upper")
    return Level(_STRUCTURE, "sampled", float(found.upper), CASES, failures, log_delta)


def _level(found: Share) -> Level:
    mode = "sampled" if math.isfinite(found.log_delta) else "enumerated"
    name, upper = found.family.name, found.upper
    return Level(name, mode, upper, found.samples, found.failures, found.log_delta)


def _spend(level: Level) -> Spend:
    """One sampled share: of inputs, or of members of a family (Theorem 4.33)."""
    cases = level.check == _STRUCTURE
    found = "are not certified" if cases else "exceed what a pilot of its own chose to tolerate"
    statement = (
        f"{level.check}: {level.failures} of {level.samples} draws {found}, so a share of at most "
        f"{upper(level.share_upper, 4, 'e')} does"
    )
    theorem = "4.34" if cases else "4.33"
    delta, log_delta = math.exp(level.log_delta), level.log_delta
    return Spend(statement, "exact tail", theorem, delta, log_delta, level.samples)
