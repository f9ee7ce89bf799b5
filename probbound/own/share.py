"""`bound_share`: the share of a population that a user's check fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from estimators.interval import Side
from probbound.arithmetic.rounding import ratio_up
from probbound.defaults import DEFAULT_BUDGET, DEFAULT_DELTA
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.own.certificate import OwnCertificate
from probbound.own.functions import Function
from probbound.own.parts import Task, level
from probbound.own.pilot import planned_draws
from probbound.own.question import (
    DEFAULT_BATCH,
    Settings,
    Strategy,
    Subject,
    known_population,
    seeded,
    sorted_screens,
)
from probbound.own.sample import Sample
from probbound.own.screens import Screen
from probbound.own.shares import share_part
from probbound.populations.contract import Population


def bound_share(
    population: Population,
    check: Callable[[Any], Any],
    *,
    name: str,
    screens: Iterable[Screen] = (),
    strategy: Strategy = "auto",
    budget: int = DEFAULT_BUDGET,
    delta: float = DEFAULT_DELTA,
    side: Side = "upper",
    seed: int | None = None,
    beacon: str | None = None,
    version: str | None = None,
    draws: int | None = None,
    batch: int = DEFAULT_BATCH,
    stopped_at: int | None = None,
) -> OwnCertificate:
    """A certificate for the share of members that fail `check` (Theorems 7.1 to 7.7).

    Args:
        population: `Product`, `Listed`, `Sequences` or `Drawn`.
        check: called with a batch, answers one boolean a member, True if it is good; NumPy or JAX,
            jitted or not, or a list.
        name: what the claim is called.
        screens: a `Left` (what an enumerated screen left: draws come from it), then any `Cheap`
            sound checks, which members pass through before the check.
        strategy: "brute-force" looks at every member, "iid" at `budget` draws, "cascade" at what
            cheap checks leave of more draws; "auto" takes the first if the budget covers it, the
            last if there are cheap checks.
        budget: looks, calls of the check for one member.
        delta: the probability, over the draws alone, that the bound is wrong.
        side: "upper" bounds the failing share from above; "lower"; "two" at δ/2 each.
        seed: chosen by hand; None derives it from all that is asked (Theorem 6.1).
        beacon: public text that is mixed into the derived seed.
        version: a name for this state of the functions, in place of the digests of their sources.
        draws: how many draws a cascade makes; None lets a pilot decide.
        batch: members that a function is handed at once, no more.
        stopped_at: repeat one that was interrupted after this many draws, or members of a list.

    Raises:
        UserError: on anything that cannot be used, in one sentence. What a check raises is let
            through as it is.
    """
    settings = Settings(name, side, strategy, budget, delta, batch, draws, stopped_at)
    base = known_population(population)
    left, cheap = sorted_screens(base, screens, version)
    subject = Subject("share", base, (Function.of(check, version),), left, cheap)
    return answered(subject, settings, seed, beacon)


def answered(
    subject: Subject, settings: Settings, seed: int | None, beacon: str | None
) -> OwnCertificate:
    """The certificate of a share."""
    started = time.perf_counter()
    chosen = _chosen(subject, settings)
    subject = subject if chosen != "iid" else subject.without_cheap()
    budget = None if chosen == "brute-force" else settings.budget
    asked = {
        "side": settings.side,
        "strategy": chosen,
        "budget": budget,
        "draws": settings.draws,
        "delta": settings.delta,
    }
    source = seeded(subject, asked, seed, beacon)
    stream = Stream.from_seed(source.value).fold_in("own claim")
    base = subject.base
    number = _number(subject, settings, chosen, stream)
    task = Task(
        subject.share,
        Sample.planned(base, number),
        number if budget is None else budget,
        settings.delta,
        settings.side,
        stream.fold_in("part 0"),
        settings.batch,
        settings.stopped_at,
    )
    part = share_part(task, subject.cheap, subject.checks[0])
    part = replace(part, levels=(*_enumerated(subject), *part.levels))
    seconds = time.perf_counter() - started
    return OwnCertificate(subject, settings, chosen, source, (part,), seconds)


def _enumerated(subject: Subject) -> Iterator[dict[str, Any]]:
    """The level of the screen that was run on everything, if there is one."""
    if subject.left is not None:
        of_all, of_left = subject.population.mass or 0, subject.base.mass or 0
        share = ratio_up(subject.share, 1)
        yield level(subject.left.name, "enumerated", of_all, of_left, share_upper=share)


def _chosen(subject: Subject, settings: Settings) -> str:
    """The strategy that runs, from population, screens and budget alone."""
    asked, size = settings.strategy, subject.base.size
    if asked == "brute-force" and size is None:
        raise UserError("brute-force looks at every member, and these can only be drawn")
    if settings.draws is not None and not subject.cheap:
        raise UserError("a number of draws is for a cascade, and there is no Cheap screen")
    if asked == "cascade" and not subject.cheap:
        raise UserError(
            "a cascade needs a Cheap screen that draws pass through first; iid does not"
        )
    if asked in ("brute-force", "cascade"):
        return asked
    if settings.draws is not None:
        return "cascade"
    if size is not None and settings.budget >= size:
        return "brute-force"
    return "cascade" if asked == "auto" and subject.cheap else "iid"


def _number(subject: Subject, settings: Settings, chosen: str, stream: Stream) -> int:
    """How many members are looked at, or drawn."""
    base = subject.base
    if chosen == "brute-force":
        return base.size or 0
    if chosen == "iid":
        return settings.budget
    if settings.draws is not None:
        return settings.draws
    cheap = [partial(each.good, base) for each in subject.cheap]
    return planned_draws(base, cheap, settings.budget, stream.fold_in("plan"), settings.batch)
