"""Whether a part of a certificate is one that its question makes, and its counts can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from probbound.check.own.claim import Predicate, of_mean, passed_through, result_names
from probbound.check.own.draws import Sample, drawn_members
from probbound.check.own.plan import Planned
from probbound.check.own.shares import looked_at
from probbound.check.stream import Stream

Part = Mapping[str, Any]


def stream_of(predicate: Predicate, number: int, draws: int) -> Stream:
    """The words of a part that is drawn from so often."""
    root = Stream.of_seed(predicate["seed"]).named("own claim")
    return root.named(f"part {number}", f"{draws} draws")


def untouched(predicate: Predicate, planned: Planned, part: Part) -> bool:
    """Whether an interruption came before a stratum: it says that nothing was looked at."""
    strata = predicate["claim"]["population"]["kind"] == "strata"
    nothing = part["draws"] == part["looks"] == part["cheap_looks"] == 0
    left_alone = part["take_all"] is None and part["rest"] == planned.population.tickets
    return strata and part["mode"] == "drawn" and nothing and left_alone


def wrong_part(predicate: Predicate, planned: Planned, part: Part, number: int) -> Iterator[str]:
    """Where a part is not the one that the question makes, and what was drawn in it another."""
    share, population = planned.share, planned.population
    if part["share"] != [share.numerator, share.denominator]:
        yield f"part {number} is said to be {part['share']} of the whole, it is {share}"
    if (part["members"], part["tickets"]) != (population.members, population.tickets):
        yield f"part {number} has other members or tickets than its population"
    if of_mean(predicate) and part["stopped_at"] is not None:
        yield "an interrupted mean has no certificate"
    if (part["values"] is None) == of_mean(predicate):
        yield f"part {number} has no such values"
    if untouched(predicate, planned, part):
        yield from _wrong_nothing(part, number)
    elif planned.n is None:
        yield from _wrong_list(planned, part, number)
    else:
        yield from _wrong_draws(predicate, planned, part, number)


def _wrong_nothing(part: Part, number: int) -> Iterator[str]:
    if part["stopped_at"] not in (None, 0) or part["distinct"] not in (None, 0):
        yield f"part {number} was not looked at, and is said to have been"


def _wrong_list(planned: Planned, part: Part, number: int) -> Iterator[str]:
    said = tuple(part[name] for name in ("mode", "take_all", "rest", "draws", "replace"))
    if said != ("listed", None, None, 0, False):
        yield f"part {number} is listed, every member of it looked at"
    members = planned.population.members
    seen = members if part["stopped_at"] is None else part["stopped_at"]
    if members is None or not 0 <= (seen or 0) <= members or part["distinct"] != seen:
        yield f"part {number} does not say how many members of {members} were looked at"


def _wrong_draws(predicate: Predicate, planned: Planned, part: Part, number: int) -> Iterator[str]:
    sample = planned.sample
    if part["mode"] != "drawn":
        yield f"part {number} is drawn from, and said to be listed"
    if part["stopped_at"] is not None and part["stopped_at"] > part["draws"]:
        yield f"part {number} counts more draws than were made"
    if sample.taken is None:
        sample = _claimed(sample, part)
    taken, said = None, part["take_all"]
    if sample.take_all:
        taken = (len(sample.taken if sample.taken is not None else ()), sample.taken_tickets)
    if (None if said is None else (said["members"], said["tickets"])) != taken:
        yield f"part {number} takes other members for certain than their weights say"
    found = (sample.rest, sample.draws, not sample.apart)
    if tuple(part[name] for name in ("rest", "draws", "replace")) != found:
        yield f"part {number} draws otherwise than (rest, draws, replace) = {found}"
    elif sample.apart and sample.draws > int(sample.rest or 0):
        yield f"part {number} draws more different tickets than there are"
    elif (part["distinct"] is None) != part["replace"]:
        yield f"part {number} does not say how many different members were drawn"


def _claimed(sample: Sample, part: Part) -> Sample:
    """The sample as it is stated, where the weights of a list are not at hand."""
    taken = part["take_all"] or {"members": 0, "tickets": 0}
    rest = int(sample.population.tickets or 0) - taken["tickets"]
    numbers = np.arange(min(taken["members"], sample.draws))
    return Sample(sample.population, numbers, rest, sample.draws - len(numbers))


def wrong_distinct(
    predicate: Predicate, planned: Planned, part: Part, number: int
) -> Iterator[str]:
    """Where other members were drawn than the seed says, of what is numbered."""
    sample = planned.sample
    if part["distinct"] is None or sample.taken is None or not sample.draws:
        return
    members = drawn_members(sample, stream_of(predicate, number, sample.draws))
    different = len(np.unique(members[: looked_at(part)]))
    conceded = any(level["conceded"] for level in part["levels"])
    if part["distinct"] > different or (part["distinct"] < different and not conceded):
        yield f"part {number} has {part['distinct']} different members, drawn again {different}"


def wrong_levels(predicate: Predicate, planned: Planned, part: Part, number: int) -> Iterator[str]:
    """Where its counts are not those of checks in a row."""
    claim, levels, listed = predicate["claim"], part["levels"], part["mode"] == "listed"
    cheap, names = passed_through(predicate), result_names(claim)
    screened = [] if claim["left"] is None else [claim["left"]["name"]]
    wanted = [(name, "enumerated") for name in screened]
    wanted += [(name, "enumerated" if listed else "passed through") for name in cheap]
    wanted += [(name, "enumerated" if listed else "sampled") for name in names]
    if [(level["check"], level["mode"]) for level in levels] != wanted:
        yield f"part {number} has other levels than its checks"
        return
    if claim["left"] is not None:
        yield from _wrong_screen(planned, claim, levels[0])
    first = _seen(planned, part)
    for level in levels[len(screened) : -len(names)]:
        other = first is not None and level["samples"] != first
        if other or level["failures"] > level["samples"]:
            yield f"part {number} counts other tickets at {level['check']!r} than came to it"
        first = level["failures"]
        if any(level[name] is not None for name in ("conceded", "share_upper")):
            yield f"part {number} bounds what {level['check']!r} passes"
    unseen = _unseen(planned, part)
    for level in levels[-len(names) :]:
        if first is not None and unseen is not None and level["samples"] != first + unseen:
            yield f"part {number} counts other tickets at {level['check']!r} than came to it"
        yield from _impossible(predicate, level, unseen or 0, number)
    yield from _wrong_taken(part, len(names), number)
    yield from _wrong_looks(predicate, part, number)


def _wrong_screen(planned: Planned, claim: Mapping[str, Any], level: Part) -> Iterator[str]:
    """Masses are in units of which each population's tickets are a multiple."""
    mass, left, tickets = level["samples"], level["failures"], planned.population.tickets
    share = claim["left"]["share"]
    if mass * share[0] != left * share[1] or not mass or (tickets and left % tickets):
        yield "the masses of its screen are not in the share that it left"


def _seen(planned: Planned, part: Part) -> int | None:
    """The tickets that come to the first check; None where the weights are not known."""
    if part["values"] is not None:
        return part["values"]["number"]
    if part["mode"] == "drawn":
        return looked_at(part)
    population, stopped = planned.population, part["stopped_at"]
    if stopped is None:
        return population.tickets
    if population.uneven and population.weights is None:
        return None
    return population.tickets_before(stopped)


def _unseen(planned: Planned, part: Part) -> int | None:
    """The tickets of a list that an interruption left."""
    if part["mode"] == "drawn" or part["stopped_at"] is None:
        return 0
    seen = _seen(planned, part)
    return None if seen is None else int(planned.population.tickets or 0) - seen


def _impossible(predicate: Predicate, level: Part, unseen: int, number: int) -> Iterator[str]:
    if of_mean(predicate):
        if level["failures"] or level["conceded"] is not None:
            yield f"part {number} counts failures of a mean"
    elif level["conceded"] is None or not unseen <= level["conceded"] <= level["failures"]:
        yield f"part {number} does not concede what it left without looking at it"
    if level["failures"] > level["samples"]:
        yield f"part {number} counts more failures than came to {level['check']!r}"


def _wrong_taken(part: Part, results: int, number: int) -> Iterator[str]:
    taken = part["take_all"]
    if taken is None:
        return
    lost, given = taken["failures"], taken["conceded"]
    if len(lost) != results or len(given) != results:
        yield f"part {number} has other results of the members taken for certain"
    elif any(not g <= f <= taken["tickets"] for f, g in zip(lost, given, strict=True)):
        yield f"part {number} cannot have such failures of the members taken for certain"


def _wrong_looks(predicate: Predicate, part: Part, number: int) -> Iterator[str]:
    taken = part["take_all"]["members"] if part["take_all"] else 0
    met = (part["draws"] if part["distinct"] is None else part["distinct"]) + taken
    cheap = passed_through(predicate)
    stopped = part["stopped_at"] is not None
    full = not cheap and not stopped and not any(level["conceded"] for level in part["levels"])
    conceded = taken and any(part["take_all"]["conceded"])
    if part["looks"] > met or (full and not conceded and part["looks"] != met):
        yield f"part {number} says that {part['looks']} of {met} members were looked at"
    least = met if cheap and not stopped and part["mode"] == "drawn" else 0
    if not least <= part["cheap_looks"] <= met * len(cheap):
        yield f"part {number} says that cheap checks looked {part['cheap_looks']} times at {met}"
