"""Draws through a row of cheap checks, so that only the few they leave cost a forward pass."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int

from estimators.proportion import anytime, clopper_pearson
from probbound.arithmetic.rounding import product_up, ratio_up
from probbound.contract.cost import CostMeter
from probbound.contract.ledger import Ledger, Spend
from probbound.draws.random_streams import Stream
from probbound.machine.parallel import parallel_map
from probbound.models.transformer import forward_flops
from probbound.strategies.outcome import Level, Outcome, Question, Sampled
from probbound.tasks.max_of_k.methods.sampling import joint_ledger, proven_by
from probbound.tasks.max_of_k.preparation import Prepared
from probbound.tasks.max_of_k.screens.residue import Residue, draw, listed_by
from probbound.tasks.max_of_k.screens.screen import Screen
from probbound.tasks.max_of_k.screens.sequences import SequenceCheck, copying_table_flops

CHUNK = 1 << 15
RESIDUE_CHUNK = 1 << 18
PILOT_DRAWS = 1 << 16
RESERVE = 0.01
MOST_DRAWS = 1 << 36  # the most that `probbound.check` draws again


@dataclass(frozen=True)
class Tally:
    """Draws made, those the cheap check left, those run, and the failures conceded or seen.

    A draw that was left but not run, because the budget was spent, counts as a failure.
    """

    draws: int = 0
    left: int = 0
    run: int = 0
    failures: int = 0
    interrupted: bool = False


@dataclass(frozen=True)
class Base:
    """Where draws come from: the whole population, or what an enumerated screen left of it."""

    question: Question
    residue: Residue | None = None

    @property
    def share(self) -> float:
        """The share of all inputs that draws come from, rounded up."""
        return 1.0 if self.residue is None else ratio_up(self.residue.size, self.question.task.mass)

    def tokens(self, stream: Stream, start: int, stop: int) -> Int[np.ndarray, "n n_ctx"]:
        """Draws number `start` to `stop` - 1, blank tickets left out."""
        if self.residue is None:
            return self.question.task.sample(stream, start, stop)
        tickets = draw(self.residue, stream, start, stop)
        return tickets.tokens[~tickets.blank]


def cascade(screen: Screen | None, question: Question, meter: CostMeter) -> Outcome:
    """Draws pass the copying check, then, if it leaves them, a forward pass (Theorem 4.21).

    The draws come from what `screen` left, or from all inputs if it is None; a screen that spends
    δ leaves the rest of it to them (Theorem 4.22). With a target, draws go on until the bound
    reaches it or the budget of forward passes is spent (anytime); without, their number is fixed
    by a pilot that is not reused (fixed-n), and if the screen left no more than that, all of it
    passes the checks and nothing is left to chance (Theorem 4.23). An interruption ends the
    drawing; what was drawn is then bounded by the part of δ reserved for it.
    """
    question = replace(question, prepared=with_checks(question, meter))
    if screen is None:
        return _from_base(Base(question), Level.enumerated("all inputs", 1.0), meter)
    residue = question.prepared.residue(screen, question.model, meter)
    rest = replace(question, delta=question.delta - screen.ledger.delta)
    base = Base(rest, residue)
    found = _from_base(base, Level.enumerated(screen.name, base.share), meter)
    return replace(
        found,
        proof_failure_upper=proven_by(screen, base.share),
        ledger=joint_ledger(screen, found.ledger, question),
    )


def _from_base(base: Base, first: Level, meter: CostMeter) -> Outcome:
    question, cheap = base.question, base.question.prepared.cheap
    if base.residue is not None and listed_by(base.residue, question.budget):
        return _all_through(base, first, base.residue, meter)
    planned = _planned_draws(base, cheap, meter)
    enumerable = 0 if question.target is not None else planned
    if base.residue is not None and listed_by(base.residue, enumerable):
        return _all_through(base, first, base.residue, meter)
    tally = _run(base, planned if question.stopped_at is None else question.stopped_at, meter)
    upper, ledger = _bound(tally, question, base.share)
    stages = (
        Level(cheap.name, "passed through", 1.0, tally.draws, tally.left),
        Level("forward pass", "sampled", upper, tally.draws, tally.failures, ledger.log_delta),
    )
    return Outcome(
        product_up(base.share, upper),
        base.share,
        (first, *stages),
        ledger,
        Sampled(tally.draws, tally.run, tally.failures, replace=True),
        tally.draws if tally.interrupted else None,
    )


def _all_through(base: Base, first: Level, residue: Residue, meter: CostMeter) -> Outcome:
    """Every sequence that the screen left through both checks (Theorem 4.23).

    No δ is spent. What an interruption leaves unseen is conceded.
    """
    question, tickets = base.question, residue.tickets
    cheap, exact = question.prepared.cheap, question.prepared.exact
    last = tickets if question.stopped_at is None else min(question.stopped_at, tickets)

    def check(start: int) -> tuple[int, Int[np.ndarray, "n n_ctx"]]:
        ranks = np.arange(start, min(start + RESIDUE_CHUNK, last))
        tickets = residue.members(ranks, question.stream, start)
        tokens = tickets.tokens[~tickets.blank]
        return len(ranks), tokens[cheap.uncertified(tokens)]

    tally = Tally(interrupted=question.stopped_at is not None)
    with meter.phase("all that is left", "sampling") as phase:
        try:
            for looked, left in parallel_map(check, range(0, last, RESIDUE_CHUNK), "checking"):
                tally = _followed_up(tally, looked, left, exact, question.budget)
        except KeyboardInterrupt:
            tally = replace(tally, interrupted=True)
        phase.flops = tally.draws * cheap.flops + tally.run * exact.flops
        phase.flops += _draw_flops(base, tally.draws)
    unseen = tickets - tally.draws
    failures = tally.failures + unseen
    kept = 1.0 if tally.interrupted else ratio_up(tally.left, max(tickets, 1))
    failing = 1.0 if tally.interrupted else ratio_up(failures, max(tally.left, 1))
    stages = (
        Level(cheap.name, "enumerated", kept, tally.draws, tally.left),
        Level("forward pass", "enumerated", failing, tally.run, failures),
    )
    return Outcome(
        min(ratio_up(failures, question.task.mass), 1.0),
        base.share,
        (first, *stages),
        sampled=Sampled(tally.draws, tally.run, failures),
        stopped_at=tally.draws if tally.interrupted else None,
    )


def with_checks(question: Question, meter: CostMeter) -> Prepared:
    """The checks; the cubic table only where the budget dwarfs its cost."""
    model = question.model
    passes = question.budget * forward_flops(model)
    cubic = copying_table_flops(model, cubic=True) <= passes / 4
    margin = question.claim.margin
    return question.prepared.with_check(model, meter, cubic=cubic, margin=margin)


def _planned_draws(base: Base, cheap: SequenceCheck, meter: CostMeter) -> int:
    """As many draws as the budget of forward passes can follow up, or as cost as much as it.

    A pilot says what share the cheap check leaves. All of it only decides how many draws are made.
    """
    question = base.question
    if question.target is not None:
        return MOST_DRAWS
    if question.draws is not None:
        return question.draws
    flops = PILOT_DRAWS * cheap.flops + _draw_flops(base, PILOT_DRAWS)
    with meter.phase("pilot", "sampling", flops):
        tokens = base.tokens(question.stream.fold_in("pilot"), 0, PILOT_DRAWS)
        left = int(cheap.uncertified(tokens).sum())
    within_budget = _expected_left(question.budget, left) * PILOT_DRAWS / (left + 1)
    within_cost = question.budget * forward_flops(question.model) / cheap.flops
    return max(question.budget, int(min(within_budget, within_cost)))


def _expected_left(budget: int, pilot_left: int) -> float:
    """The number e of draws left to expect, so that three standard deviations more fit the budget.

    Those of the draws, √e, and of the pilot that e rests on, e/√(pilot_left + 1), together.
    """
    twice, pilot = 2 * budget + 9, 1 - 9 / (pilot_left + 1)
    return 2 * budget**2 / (twice + math.sqrt(twice**2 - 4 * pilot * budget**2))


def _run(base: Base, planned: int, meter: CostMeter) -> Tally:
    question = base.question
    cheap, exact = question.prepared.cheap, question.prepared.exact
    tally = Tally()
    with meter.phase("draws", "sampling") as phase:
        try:
            for draws, left in _left_over(base, cheap, planned):
                tally = _followed_up(tally, draws, left, exact, question.budget)
                if _may_stop(tally, question, base.share):
                    break
        except KeyboardInterrupt:
            tally = replace(tally, interrupted=True)
        phase.flops = tally.draws * cheap.flops + tally.run * exact.flops
        phase.flops += _draw_flops(base, tally.draws)
    stopped = tally.interrupted or question.stopped_at is not None
    return replace(tally, interrupted=stopped)


def _left_over(
    base: Base, cheap: SequenceCheck, planned: int
) -> Iterator[tuple[int, Int[np.ndarray, "n n_ctx"]]]:
    """The number of draws in each chunk, and those that the cheap check left, in order."""
    stream = base.question.stream.fold_in("draws")
    chunk = CHUNK if base.residue is None else RESIDUE_CHUNK

    def check(start: int) -> tuple[int, Int[np.ndarray, "n n_ctx"]]:
        stop = min(start + chunk, planned)
        tokens = base.tokens(stream, start, stop)
        return stop - start, tokens[cheap.uncertified(tokens)]

    return parallel_map(check, range(0, planned, chunk), "drawing")


def _followed_up(
    tally: Tally, draws: int, left: Int[np.ndarray, "n n_ctx"], exact: SequenceCheck, budget: int
) -> Tally:
    run = min(len(left), budget - tally.run)
    wrong = int(exact.uncertified(left[:run]).sum())
    return Tally(
        tally.draws + draws,
        tally.left + len(left),
        tally.run + run,
        tally.failures + wrong + len(left) - run,
        tally.interrupted,
    )


def _may_stop(tally: Tally, question: Question, share: float) -> bool:
    if question.target is None:
        return False
    if tally.run >= question.budget:
        return True
    bound = anytime(tally.failures, tally.draws, delta=question.delta, side="upper")
    return product_up(share, float(bound.upper)) <= question.target


def _bound(tally: Tally, question: Question, share: float) -> tuple[float, Ledger]:
    """The bound on the share of draws that fail, and every δ that was set aside for it."""
    if tally.draws == 0:
        return 1.0, Ledger()
    counts = (tally.failures, tally.draws)
    if question.target is not None:
        interval = anytime(*counts, delta=question.delta, side="upper")
        return float(interval.upper), Ledger((_spend(tally, interval.method, question.delta),))
    main, reserve = (1 - RESERVE) * question.delta, RESERVE * question.delta
    interval = (
        anytime(*counts, delta=reserve, side="upper")
        if tally.interrupted
        else clopper_pearson(*counts, delta=main, side="upper")
    )
    spends = (
        _spend(tally, "clopper-pearson at the planned number of draws", main),
        _spend(tally, "beta-binomial mixture, should drawing be interrupted", reserve),
    )
    return float(interval.upper), Ledger(spends)


def _spend(tally: Tally, method: str, delta: float) -> Spend:
    statement = f"{tally.failures} of {tally.draws} draws failed"
    return Spend(statement, method, "4.21", delta, math.log(delta), tally.draws)


def _draw_flops(base: Base, draws: int) -> int:
    """Operations of drawing chunk by chunk: what a residue works out anew is paid each time."""
    if base.residue is None:
        return 0
    chunks, rest = divmod(draws, RESIDUE_CHUNK)
    return chunks * base.residue.draw_flops(RESIDUE_CHUNK) + base.residue.draw_flops(rest)
