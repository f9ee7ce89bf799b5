"""Estimates that plan: drawn with randomness of their own, at a declared cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Int

from probbound.contract.cost import CostMeter
from probbound.contract.residue import Residue, draw
from probbound.draws.random_streams import Stream
from probbound.models.attention_only.evaluation import wrong_answers
from probbound.models.attention_only.transformer import Transformer, forward_flops
from probbound.planning.forecast import Passed, share_seen
from probbound.tasks.max_of_k.preparation import Checks
from probbound.tasks.max_of_k.screens.bracket_check import BracketCheck, bracket_check_flops
from probbound.tasks.max_of_k.screens.cubic import CubicScreen
from probbound.tasks.max_of_k.screens.ladder import LadderScreen, expected_classes
from probbound.tasks.max_of_k.task import MaxOfK

LEAST_DRAWS, FIRST_DRAWS = 48, 256
CHEAP_PILOT = 1 << 16
MOST_PILOT = 1 << 22
DEAR_PILOT = 1 << 12


@dataclass(frozen=True)
class Pilot:
    """Estimated shares of all inputs. They plan; nothing is certified by them.

    `wrong` answered wrongly, and left by the `copying` check, the `cubic` screen and the
    `sub_cubic` one; 1 where it was not looked at, as without tables all but `wrong`. `draws` saw
    the copying check, or a forward pass.
    """

    wrong: float
    copying: float = 1.0
    cubic: float = 1.0
    sub_cubic: float = 1.0
    draws: int = 0


@dataclass(frozen=True)
class Source:
    """Where a pilot draws from: draws `start` to `stop` - 1, and the operations of so many."""

    name: str
    sample: Callable[[int, int], Int[np.ndarray, "n n_ctx"]]
    draw_flops: Callable[[int], int] = lambda _: 0


def planning_stream(seed: int) -> Stream:
    """The randomness of everything that plans, apart from that of everything that certifies."""
    return Stream.from_seed(seed).fold_in("plan")


def run_pilot(
    model: Transformer,
    task: MaxOfK,
    seed: int,
    allowance: float,
    room: float,
    checks: Checks | None,
    meter: CostMeter,
    most: int = CHEAP_PILOT,
) -> Pilot:
    """Estimate the shares for about `allowance` operations, tables not counted.

    Up to `most` draws see the copying check, for half of the allowance. For one head the sub-cubic
    brackets look at the same draws, and the additive check at DEAR_PILOT of those they leave: it
    certifies what they certify. Without checks the draws are forward passes. Screens that cost
    more than `room` operations are not looked at.
    """
    stream = planning_stream(seed).fold_in("inputs")
    source = Source("all inputs", partial(task.sample, stream))
    ceiling = room / 8
    seen = look(source, model, task, allowance / 2, checks, meter, most, ceiling)
    if checks is None:
        return Pilot(wrong=seen.failing, draws=seen.draws)
    with meter.phase("pilot of screens", "sampling") as phase:
        tokens, sub_cubic, cubic = source.sample(0, seen.draws), 1.0, 1.0
        if _bracketed(model, room) and bracket_check_flops(model) <= 2 * allowance:
            brackets = BracketCheck.of(checks.exact.tables)
            phase.flops += bracket_check_flops(model) + seen.draws * brackets.flops
            tokens = tokens[brackets.uncertified(tokens)]
            sub_cubic = share_seen(len(tokens), seen.draws)
        if CubicScreen().flops(model) <= room:
            additive = CubicScreen().of_one(checks.exact.tables)
            tokens = tokens[: max(1, int(min(allowance / 4 / additive.flops, DEAR_PILOT)))]
            phase.flops += len(tokens) * additive.flops
            hits = int(additive.uncertified(tokens).sum())
            cubic = sub_cubic * share_seen(hits, len(tokens))
    return Pilot(
        wrong=seen.failing,
        copying=seen.kept,
        cubic=max(cubic, seen.failing),
        sub_cubic=max(sub_cubic, seen.failing),
        draws=seen.draws,
    )


def _bracketed(model: Transformer, room: float) -> bool:
    """Whether there is a sub-cubic screen that the operations pay for, products being known."""
    if model.n_heads > 1:
        return False
    classes = expected_classes(model)
    return LadderScreen("sub-cubic").expected_flops(model, classes, known=True) <= room


def source_of(name: str, residue: Residue, seed: int) -> Source:
    """What a screen left, blank tickets left out."""
    stream = planning_stream(seed).fold_in(f"residue of {name}")

    def sample(start: int, stop: int) -> Int[np.ndarray, "n n_ctx"]:
        tickets = draw(residue, stream, start, stop)
        return tickets.genuine

    return Source(name, sample, residue.draw_flops)


def look(
    source: Source,
    model: Transformer,
    task: MaxOfK,
    allowance: float,
    checks: Checks | None,
    meter: CostMeter,
    most: int = CHEAP_PILOT,
    ceiling: float = math.inf,
) -> Passed:
    """Draws through the copying check and, where left, a forward pass, for about `allowance`.

    Without checks all are forward passes. Where even a few are too dear nothing is looked at, and
    the first batch never costs more than `ceiling`.
    """
    each = forward_flops(model) if checks is None else 0
    most = most if checks is not None else DEAR_PILOT
    while most and source.draw_flops(most) + each * most > allowance:
        most //= 2
    if most == 0:
        return Passed()
    with meter.phase(f"pilot of {source.name}", "sampling") as phase:
        if checks is None:
            wrong = int(wrong_answers(model, task, source.sample(0, most)).sum())
            seen, flops = Passed(most, most, wrong), each * most
        else:
            seen, flops = _passed(source.sample, checks, allowance, most, ceiling)
        phase.flops = flops + source.draw_flops(seen.draws)
    return seen


def _passed(
    sample: Callable[[int, int], Int[np.ndarray, "n n_ctx"]],
    checks: Checks,
    allowance: float,
    most: int,
    ceiling: float,
) -> tuple[Passed, int]:
    """Draws through the copying check and, where left, a forward pass; and their operations.

    A first batch shows what a draw costs, the others spend the rest of the allowance.
    """
    cheap, exact = checks.cheap, checks.exact
    seen, flops = Passed(), 0
    wanted = min(FIRST_DRAWS, max(LEAST_DRAWS, allowance / 4 / cheap.flops))
    first = int(min(wanted, ceiling / (cheap.flops + exact.flops)))
    if first < 1:
        return seen, flops
    for stop in _batches(first, most):
        tokens = sample(seen.draws, stop)
        left = tokens[cheap.uncertified(tokens)]
        wrong = int(exact.uncertified(left).sum())
        flops += (stop - seen.draws) * cheap.flops + len(left) * exact.flops
        seen = Passed(stop, seen.left + len(left), seen.wrong + wrong)
        if 2.5 * flops > allowance:
            break
    return seen, flops


def _batches(first: int, most: int) -> Iterator[int]:
    """Ends of batches: the first, then as many again, up to CHEAP_PILOT at a time."""
    stop = min(first, most)
    yield stop
    while stop < most:
        stop = min(2 * stop, stop + CHEAP_PILOT, most)
        yield stop
