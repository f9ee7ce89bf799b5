"""Strategies that run the model on randomly drawn sequences."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from estimators.proportion import clopper_pearson
from probbound.arithmetic.decimals import upper
from probbound.arithmetic.rounding import product_up, ratio_up
from probbound.contract.cost import CostMeter
from probbound.contract.ledger import NOTHING_SPENT, Ledger, Spend
from probbound.machine.parallel import parallel_map
from probbound.models.evaluation import Sampler, count_wrong, wrong_answers
from probbound.models.transformer import forward_flops
from probbound.strategies.outcome import Level, Outcome, Question, Sampled
from probbound.tasks.max_of_k.screens.residue import Residue, draw, listed_by
from probbound.tasks.max_of_k.screens.screen import Screen

TABLE_CHUNK = 1 << 13


def iid(question: Question, meter: CostMeter) -> Outcome:
    """Plain input sampling: the baseline (Theorem 1.5). Fixed-n, with replacement."""
    task, stream = question.task, question.stream.fold_in("inputs")
    level = _sampled_level(question, lambda a, b: task.sample(stream, a, b), meter)
    ledger, sampled = _ledger(level, question, "1.5"), _all_run(level)
    return Outcome(level.share_upper, 1.0, (level,), ledger, sampled)


def iid_from_tables(question: Question, meter: CostMeter) -> Outcome:
    """`iid` with forward passes looked up in tables, the second baseline (Theorems 1.1 and 1.5)."""
    model, task, stream = question.model, question.task, question.stream.fold_in("inputs")
    check = question.prepared.with_tables(model, meter, question.claim.margin).exact

    def wrong(start: int) -> int:
        stop = min(start + TABLE_CHUNK, question.budget)
        return int(check.uncertified(task.sample(stream, start, stop)).sum())

    with meter.phase("forward passes", "sampling", question.budget * check.flops):
        chunks = range(0, question.budget, TABLE_CHUNK)
        failures = sum(parallel_map(wrong, chunks, "sampling"))
    level = _sampled_share(question, failures)
    ledger, sampled = _ledger(level, question, "1.5"), _all_run(level)
    return Outcome(level.share_upper, 1.0, (level,), ledger, sampled)


def screened(screen: Screen, question: Question, meter: CostMeter) -> Outcome:
    """The screen alone: what it leaves is conceded (Theorem 1.2).

    Deterministic, unless the screen spends δ.
    """
    residue = question.prepared.residue(screen, question.model, meter)
    failure = ratio_up(residue.size, question.task.mass)
    levels = (Level.enumerated(screen.name, failure),)
    return Outcome(failure, proven_by(screen, failure), levels, screen.ledger)


def proven_by(screen: Screen, failure: float) -> float:
    """The failure rate that holds for certain: nothing is said by a screen that spends δ."""
    return 1.0 if screen.ledger.spends else failure


def hybrid(screen: Screen, question: Question, meter: CostMeter) -> Outcome:
    """The screen enumerated, then forward passes on exact draws from what it left.

    Theorem 1.6. Fixed-n, with replacement. Where the budget covers all that is left, every
    sequence of it is run once and the bound is deterministic; where the screen leaves
    everything, the draws are those of `iid`. The sampling gets the δ that the screen left.
    """
    residue = question.prepared.residue(screen, question.model, meter)
    share = ratio_up(residue.size, question.task.mass)
    proven, first = proven_by(screen, share), Level.enumerated(screen.name, share)
    if listed_by(residue, question.budget):
        checked = all_checked(first, residue, question, meter)
        ledger = joint_ledger(screen, checked.ledger, question)
        return replace(checked, proof_failure_upper=proven, ledger=ledger)
    rest = replace(question, delta=question.delta - screen.ledger.delta)
    if share == 1:
        found = iid(rest, meter)
        ledger = joint_ledger(screen, found.ledger, question)
        levels = (first, *found.levels)
        return replace(found, proof_failure_upper=proven, levels=levels, ledger=ledger)
    with meter.phase("drawing", "sampling", residue.draw_flops(question.budget)):
        tickets = draw(residue, question.stream.fold_in("residue"), 0, question.budget)
    genuine = tickets.tokens[~tickets.blank]
    level = _sampled_level(rest, lambda a, b: genuine[a:b], meter, len(genuine))
    failure = product_up(share, level.share_upper)
    ledger = joint_ledger(screen, _ledger(level, rest, "1.6"), question)
    return Outcome(failure, proven, (first, level), ledger, _all_run(level))


def joint_ledger(screen: Screen, sampling: Ledger, question: Question) -> Ledger:
    """All of δ where the screen spends some: what was set aside for sampling is not given back."""
    if not screen.ledger.spends:
        return sampling
    rest = question.delta - screen.ledger.delta
    idle = Spend(
        "set aside for sampling that was not needed", "none", "1.7", rest, math.log(rest), 0
    )
    return Ledger((*screen.ledger.spends, *(sampling.spends or (idle,))))


def _sampled_level(
    question: Question, sampler: Sampler, meter: CostMeter, run: int | None = None
) -> Level:
    """Forward passes on `run` draws (all of the budget by default); the others cannot fail."""
    run = question.budget if run is None else run
    model, margin = question.model, question.claim.margin
    with meter.phase("forward passes", "sampling", run * forward_flops(model)):
        wrong = count_wrong(model, question.task, sampler, run, "sampling", margin)
    return _sampled_share(question, wrong)


def _sampled_share(question: Question, wrong: int) -> Level:
    if question.budget == 0:
        return Level.enumerated("none", 1.0)
    interval = clopper_pearson(wrong, question.budget, delta=question.delta, side="upper")
    log_delta = float(interval.log_delta)
    upper = float(interval.upper)
    return Level("forward pass", "sampled", upper, question.budget, wrong, log_delta)


def _all_run(level: Level) -> Sampled:
    return Sampled(level.samples, level.samples, level.failures, replace=True)


def all_checked(first: Level, residue: Residue, question: Question, meter: CostMeter) -> Outcome:
    """Forward passes on every sequence that the screen left: exact, no δ is spent."""
    flops = residue.draw_flops(residue.tickets)
    with meter.phase("listing what is left", "sampling", flops):
        tickets = residue.members(np.arange(residue.tickets), question.stream, 0)
    left = tickets.tokens[~tickets.blank]
    model, margin = question.model, question.claim.margin
    with meter.phase("forward passes", "sampling", len(left) * forward_flops(model)):
        wrong = int(wrong_answers(model, question.task, left, margin).sum())
    failure = ratio_up(wrong, question.task.mass)
    share = ratio_up(wrong, max(len(left), 1))
    second = Level("forward pass", "enumerated", share, len(left), wrong)
    sampled = Sampled(residue.tickets, len(left), wrong)
    return Outcome(failure, first.share_upper, (first, second), sampled=sampled)


def _ledger(level: Level, question: Question, theorem: str) -> Ledger:
    if level.mode == "enumerated":
        return NOTHING_SPENT
    statement = (
        f"{level.failures} of {level.samples} draws failed, so a share of at most "
        f"{upper(level.share_upper, 4, 'e')} does"
    )
    delta, log_delta = question.delta, level.log_delta
    return Ledger((Spend(statement, "clopper-pearson", theorem, delta, log_delta, level.samples),))
