"""From what is asked to a certificate: strategy, seed, parts, and what is looked at in each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from math import floor
from typing import Any

from probbound.arithmetic.rounding import ratio_up
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.own.certificate import OwnCertificate
from probbound.own.parts import Part, Task, level
from probbound.own.pilot import Pilot, pilot_of
from probbound.own.question import MOST_BUDGET, Settings, Subject, seeded
from probbound.own.sample import Sample
from probbound.populations.contract import Population


def answered(
    subject: Subject,
    settings: Settings,
    seed: int | None,
    beacon: str | None,
    look: Callable[[Subject, Task], Part],
) -> OwnCertificate:
    """The certificate of a claim, `look` being how one part of the population is bounded.

    Raises:
        UserError: if the strategy does not fit the population, or there is no seed.
    """
    started = time.perf_counter()
    chosen = chosen_for(subject, settings)
    subject = replace(subject, cheap=()) if chosen == "iid" else subject
    everything = chosen == "brute-force" and len(subject.base.parts()) == 1
    asked = {
        "side": settings.side,
        "strategy": chosen,
        "budget": None if everything else settings.budget,
        "draws": settings.draws,
        "delta": settings.delta,
    }
    source = seeded(subject, asked, seed, beacon)
    stream = Stream.from_seed(source.value).fold_in("own claim")
    pilot = _pilot(subject, settings, chosen, stream)
    planned = _planned(subject, settings, chosen, pilot.draws)
    drawn = sum(not sample.listed for _, sample, _ in planned)
    parts: list[Part] = []
    for number, (share, sample, looks) in enumerate(planned):
        if any(part.interrupted for part in parts):
            sample = Sample.planned(sample.population, 0)
        task = Task(
            share=share,
            sample=sample,
            looks=looks,
            delta=settings.delta / max(drawn, 1),
            side=settings.side,
            stream=stream.fold_in(f"part {number}"),
            batch=settings.batch,
            stopped_at=settings.stopped_at,
        )
        parts.append(look(subject, task))
    parts[0] = replace(parts[0], levels=(*_enumerated(subject), *parts[0].levels))
    seconds = time.perf_counter() - started
    return OwnCertificate(subject, settings, chosen, source, tuple(parts), pilot.looks, seconds)


def chosen_for(subject: Subject, settings: Settings) -> str:
    """The strategy that runs, from population, screens and budget alone.

    Raises:
        UserError: if the strategy that was asked does not fit the population or the screens.
    """
    asked, size = settings.strategy, subject.base.size
    if asked == "brute-force" and size is None:
        raise UserError("brute-force looks at every member, and these can only be drawn")
    if asked == "brute-force" and (size or 0) > MOST_BUDGET:
        raise UserError(f"brute-force would look at {size:,} members, and at most 2^36 are counted")
    if subject.cheap and len(subject.base.parts()) > 1:
        raise UserError("Strata take no Cheap screens; bound a stratum that has one by itself")
    if settings.draws is not None and not subject.cheap:
        raise UserError("a number of draws is for a cascade, and there is no Cheap screen")
    if asked == "cascade" and not subject.cheap:
        raise UserError("a cascade needs a Cheap screen that draws pass through; iid does not")
    if asked in ("brute-force", "cascade"):
        return asked
    if settings.draws is not None:
        return "cascade"
    if size is not None and settings.budget >= size:
        return "brute-force"
    return "cascade" if asked == "auto" and subject.cheap else "iid"


def _pilot(subject: Subject, settings: Settings, chosen: str, stream: Stream) -> Pilot:
    """The draws of a cascade, as asked or by a pilot; of any other strategy the budget."""
    if chosen != "cascade" or settings.draws is not None:
        return Pilot(settings.budget if settings.draws is None else settings.draws, 0)
    cheap = [partial(each.bad, subject.base) for each in subject.cheap]
    return pilot_of(subject.base, cheap, settings.budget, stream.fold_in("plan"), settings.batch)


def _planned(
    subject: Subject, settings: Settings, chosen: str, draws: int
) -> list[tuple[Fraction, Sample, int]]:
    """The share of each part, what is looked at in it, and the looks that it may spend."""
    parts = subject.base.parts()
    if chosen == "brute-force":
        sizes = [population.size or 0 for _, population in parts]
        looks = sizes
    elif len(parts) > 1:
        sizes = looks = _allotted(parts, settings.budget)
    else:
        looks, sizes = [settings.budget], [draws]
    shares = [subject.share * share for share, _ in parts]
    samples = [Sample.planned(part[1], n) for part, n in zip(parts, sizes, strict=True)]
    return list(zip(shares, samples, looks, strict=True))


def _allotted(parts: tuple[tuple[Fraction, Population], ...], budget: int) -> list[int]:
    """The budget by shares; what strata that it covers leave over goes to the others.

    From shares, sizes and budget alone (Theorem 7.11).
    """
    sizes = [population.size for _, population in parts]
    found = [0] * len(parts)
    open_parts = list(range(len(parts)))
    while open_parts:
        left = budget - sum(found[at] for at in range(len(parts)) if at not in open_parts)
        split = _split([parts[at][0] for at in open_parts], left)
        covered = {}
        for at, looks in zip(open_parts, split, strict=True):
            found[at], size = looks, sizes[at]
            if size is not None and looks >= size:
                covered[at] = size
        if not covered:
            return found
        for at, size in covered.items():
            found[at] = size
        open_parts = [at for at in open_parts if at not in covered]
    return found


def _split(shares: list[Fraction], looks: int) -> list[int]:
    """Looks by shares, whole ones by the largest remainders, of equal ones the first."""
    ideal = [looks * share / sum(shares) for share in shares]
    whole = [floor(part) for part in ideal]
    missing = looks - sum(whole)
    for at in sorted(range(len(shares)), key=lambda at: whole[at] - ideal[at])[:missing]:
        whole[at] += 1
    return whole


def _enumerated(subject: Subject) -> Iterator[dict[str, Any]]:
    """The level of the screen that was run on everything, if there is one."""
    if subject.left is not None:
        of_all, of_left = subject.population.mass or 0, subject.base.mass or 0
        share = ratio_up(subject.share, 1)
        yield level(subject.left.name, "enumerated", of_all, of_left, share_upper=share)
