"""Whether the certificate of an own claim stands, with the user's functions or without."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from probbound.check.effort import MOST_BYTES, MOST_OPERATIONS
from probbound.check.own.claim import Predicate, of_mean, wrong_claim, wrong_identity, wrong_seed
from probbound.check.own.draws import drawn_members
from probbound.check.own.given import Given, weights_of, wrong_given
from probbound.check.own.means import held_values, mean_bounds, wrong_certain, wrong_values
from probbound.check.own.parts import (
    stream_of,
    untouched,
    wrong_distinct,
    wrong_levels,
    wrong_part,
)
from probbound.check.own.plan import Planned, planned_parts, wrong_strategy
from probbound.check.own.replay import replayed
from probbound.check.own.shares import Bounded, share_bounds
from probbound.check.own.totals import delta_of_each, wrong_ends, wrong_totals
from probbound.check.own.trust import assumed, trusted
from probbound.check.own.work import work_of
from probbound.check.report import Declined, Refused, Report, require

Part = Mapping[str, Any]


def judge_own(predicate: Predicate, given: Given | None = None, *, patient: bool = False) -> Report:
    """The report on a well-formed certificate of an own claim.

    Without the user's functions, `given`, it holds at best if the counts are as stated.

    Raises:
        Unusable: if a function of the user raises, or answers what no such function may.
    """
    most = (math.inf, math.inf) if patient else (MOST_OPERATIONS, MOST_BYTES)
    confirmed, refused, declined, work = [], (), (), ""
    try:
        require(wrong_claim(predicate))
        require(wrong_identity(predicate))
        weights = {} if given is None else weights_of(given, predicate)
        planned = planned_parts(predicate, weights)
        require(wrong_strategy(predicate, [part.population for part in planned]))
        require(wrong_seed(predicate))
        confirmed.append(_of_seed(predicate))
        asked = work_of(predicate, planned, replay=given is not None)
        work = asked.sentence
        asked.require_within(*most)
        for sentence in _confirmed(predicate, planned, given):
            confirmed.append(sentence)
    except Refused as refusal:
        refused = (str(refusal),)
    except Declined as reason:
        declined = (str(reason),)
    except (ArithmeticError, LookupError, ValueError, MemoryError) as error:
        refused = (f"it cannot be computed again: {error or type(error).__name__}",)
    depends = () if given is not None else tuple(assumed(predicate))
    return Report(
        tuple(confirmed), refused, tuple(trusted(predicate)), declined, work, assumed=depends
    )


def _of_seed(predicate: Predicate) -> str:
    if predicate["seed_source"] == "chosen":
        return "what ran is what was asked"
    return "the seed follows from the question, and what ran is what was asked"


def _confirmed(predicate: Predicate, planned: list[Planned], given: Given | None) -> Iterator[str]:
    """What holds computed again, sentence by sentence.

    Raises:
        Refused: at the first thing that does not.
        Declined: if it holds too little to be computed again.
        Unusable: if a function of the user cannot be run.
    """
    parts = list(enumerate(zip(planned, predicate["parts"], strict=True)))
    for number, (plan, part) in parts:
        require(wrong_part(predicate, plan, part, number))
        require(wrong_levels(predicate, plan, part, number))
        require(wrong_distinct(predicate, plan, part, number))
    yield "parts, draws and different members are those of the question and the seed"
    again: dict[int, np.ndarray] = {}
    if given is not None:
        require(wrong_given(predicate, given))
        for number, (plan, part) in parts:
            if not untouched(predicate, plan, part):
                again[number] = replayed(predicate, given, plan, part, number)
    delta, bounds = delta_of_each(predicate, planned), []
    for number, (plan, _) in parts:
        found = _bounds(predicate, plan, number, delta, again.get(number))
        require(wrong_ends(predicate, number, found))
        bounds.append(found)
    require(wrong_totals(predicate, planned, bounds))
    yield "the ledger adds up, and the bounds follow from what was counted"
    if given is not None:
        yield "the user's functions, run again on the members drawn again, answer as counted"


def _bounds(
    predicate: Predicate, plan: Planned, number: int, delta: float, again: np.ndarray | None
) -> Bounded:
    part = predicate["parts"][number]
    if not of_mean(predicate):
        return share_bounds(predicate, part, delta)
    require(wrong_certain(plan, part, predicate["claim"]))
    values = held_values(part)
    values = again if values is None else values
    if values is None:
        raise Declined(
            f"it holds {part['values']['number']:,} values by their digest alone; --replay "
            "FILE.py:NAME asks for them again"
        )
    members = None
    if part["mode"] == "drawn" and part["distinct"] is not None and plan.sample.taken is not None:
        members = drawn_members(plan.sample, stream_of(predicate, number, part["draws"]))
    require(wrong_values(predicate, values, members))
    wanted = part["members"] if part["mode"] == "listed" else part["draws"]
    if len(values) != wanted or part["values"]["number"] != wanted:
        raise Refused(f"it has {len(values)} values, and there are {wanted}")
    return mean_bounds(predicate, plan, part, values, delta)
