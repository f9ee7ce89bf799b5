"""The user's functions run again on the members that the checker draws itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from probbound.check.own.claim import Predicate, of_mean, passed_through, result_names
from probbound.check.own.draws import chunks_drawn, digits_drawn, drawn_members
from probbound.check.own.given import Given, asked
from probbound.check.own.intervals import SLACK
from probbound.check.own.means import held_values, require_digest
from probbound.check.own.parts import stream_of
from probbound.check.own.plan import Planned
from probbound.check.own.shares import counted, looked_at
from probbound.check.report import Refused, Unusable, require

BATCH = 16_384
Part = Mapping[str, Any]


def replayed(
    predicate: Predicate, given: Given, plan: Planned, part: Part, number: int
) -> np.ndarray:
    """The values of a part answered again, one a draw or member; of a share none.

    Raises:
        Refused: if the answers are not those that the certificate counts.
        Unusable: if a function cannot be run.
    """
    if of_mean(predicate):
        return _means_again(predicate, given, plan, part, number)
    require(_counted_again(predicate, given, plan, part, number))
    return np.zeros(0)


@dataclass(frozen=True)
class _Members:
    """Members as a function is handed them: `take` picks some by their places in the batch."""

    take: Callable[[np.ndarray], Any]

    def asked(self, given: Given, function: Callable[[Any], Any], places: np.ndarray) -> np.ndarray:
        """The answers for some of them; nobody is asked about none."""
        if not len(places):
            return np.zeros(0)
        return asked(given, function, self.take(places), len(places))


@dataclass
class _Tally:
    """Tickets that reached each cheap check's end, and that each exact check failed or never saw.

    `spare` is how many more looks there are.
    """

    checks: int
    cheap: int
    spare: int
    left: np.ndarray = field(init=False)
    failing: np.ndarray = field(init=False)
    unseen: int = 0

    def __post_init__(self) -> None:
        self.left = np.zeros(self.cheap, dtype=np.int64)
        self.failing = np.zeros(self.checks, dtype=np.int64)


def _counted_again(
    predicate: Predicate, given: Given, plan: Planned, part: Part, number: int
) -> Iterator[str]:
    """Where counts are stronger than the answers (Theorem 6.2): fewer or more found failing."""
    cheap = given.cheap if passed_through(predicate) else ()
    results = len(result_names(predicate["claim"]))
    spent = any(level["conceded"] for level in part["levels"]) and part["stopped_at"] is None
    spare = part["looks"] if spent else 1 << 62
    tally = _Tally(results, len(cheap), spare)
    taken = _Tally(results, len(cheap), spare)
    members = None if plan.n is None else plan.sample.taken
    if members is not None and len(members):
        tickets = plan.population.ticket_counts(members)
        for batch, counts in _of_members(given, plan, number, members, tickets):
            _look(predicate, given, cheap, taken, batch, counts)
        tally.spare = taken.spare
    for batch, counts in _met(predicate, given, plan, part, number):
        _look(predicate, given, cheap, tally, batch, counts)
    levels = part["levels"][-results - len(cheap) : -results]
    for level, left in zip(levels, tally.left.tolist(), strict=True):
        if level["failures"] < left:
            yield f"{level['check']!r} left {left} tickets, asked again, not {level['failures']}"
    names = [repr(level["check"]) for level in part["levels"][-results:]]
    for at, count in enumerate(counted(part, results)):
        yield from _other(names[at], count.failing, count.conceded, tally, at)
        given_up = (count.taken_failing, count.taken_conceded)
        yield from _other(f"{names[at]}, of those taken for certain,", *given_up, taken, at)


def _other(name: str, failing: int, conceded: int, tally: _Tally, at: int) -> Iterator[str]:
    found = int(tally.failing[at])
    if failing > found or failing + conceded < found + tally.unseen:
        yield (
            f"{name} is said to fail {failing} tickets, with {conceded} conceded; asked again it "
            f"fails {found}, and {tally.unseen} were not looked at"
        )


def _look(
    predicate: Predicate,
    given: Given,
    cheap: tuple[Callable[[Any], Any], ...],
    tally: _Tally,
    batch: _Members,
    tickets: np.ndarray,
) -> None:
    """Pass a batch of members with so many tickets each through the checks."""
    left = np.arange(len(tickets))
    for at, check in enumerate(cheap):
        passed = _booleans(given, check, batch, left)
        left = left[~passed]
        tally.left[at] += tickets[left].sum()
    seen = left[: tally.spare]
    tally.spare -= len(seen)
    tally.unseen += int(tickets[left[len(seen) :]].sum())
    thresholds = predicate["claim"]["thresholds"]
    if thresholds:
        values = batch.asked(given, given.checks[0], seen)
        good = [values > threshold for threshold in thresholds]
    else:
        good = [_booleans(given, check, batch, seen) for check in given.checks]
    for at, passed in enumerate(good):
        tally.failing[at] += tickets[seen[~passed]].sum()


def _booleans(
    given: Given, check: Callable[[Any], Any], batch: _Members, places: np.ndarray
) -> np.ndarray:
    answers = batch.asked(given, check, places)
    if len(places) and answers.dtype != np.bool_:
        raise Unusable(f"a check of {given.place} answered {answers.dtype}, not booleans")
    return answers.astype(bool)


def _met(
    predicate: Predicate, given: Given, plan: Planned, part: Part, number: int
) -> Iterator[tuple[_Members, np.ndarray]]:
    """The members of a part in the order in which they are looked at, with tickets that count."""
    if plan.n is None:
        stop = part["members"] if part["stopped_at"] is None else part["stopped_at"]
        for start in range(0, stop, BATCH):
            members = np.arange(start, min(start + BATCH, stop))
            yield from _of_members(
                given, plan, number, members, plan.population.ticket_counts(members)
            )
        return
    sample, most = plan.sample, looked_at(part)
    stream = stream_of(predicate, number, sample.draws)
    if sample.rest is None:
        yield from _of_chunks(given, number, chunks_drawn(sample.draws, stream), most)
    elif sample.population.radices and not sample.apart and sample.rest > 1 << 53:
        for digits in digits_drawn(sample, stream):
            rows = plan.population.rows_of(digits)[:most]
            most -= len(rows)
            for start in range(0, len(rows), BATCH):
                some = rows[start : start + BATCH]
                yield _Members(some.__getitem__), np.ones(len(some), dtype=np.int64)
    else:
        members = drawn_members(sample, stream)[:most]
        if sample.apart and not sample.one_each:
            members, counts = np.unique(members, return_counts=True)
        else:
            counts = np.ones(len(members), dtype=np.int64)
        yield from _of_members(given, plan, number, members, counts)


def _of_members(
    given: Given, plan: Planned, number: int, members: np.ndarray | None, tickets: np.ndarray
) -> Iterator[tuple[_Members, np.ndarray]]:
    """Numbered members, batch by batch."""
    if members is None:
        return
    for start in range(0, len(members), BATCH):
        some = members[start : start + BATCH]
        yield _numbered(given, plan, number, some), tickets[start : start + BATCH]


def _numbered(given: Given, plan: Planned, number: int, members: np.ndarray) -> _Members:
    if plan.statement["kind"] != "listed":
        rows = plan.population.rows(members)
        return _Members(rows.__getitem__)
    items = given.populations[number].items

    def take(places: np.ndarray) -> Any:
        picked = members[places]
        if isinstance(items, np.ndarray):
            return items[picked]
        return [items[at] for at in picked.tolist()]

    return _Members(take)


def _of_chunks(
    given: Given, number: int, chunks: Iterator[tuple[np.random.Generator, int]], most: int
) -> Iterator[tuple[_Members, np.ndarray]]:
    """What the user's sampler draws again, as far as it counts."""
    sampler = given.populations[number].sample
    for source, size in chunks:
        if most <= 0:
            return
        try:
            drawn = sampler(source, size)
            held = len(drawn)
        except Exception as error:
            raise Unusable(f"the sampler of {given.place} raised {error}") from error
        if held != size:
            raise Unusable(f"the sampler of {given.place} drew {held} members, asked for {size}")
        kept = min(size, most)
        most -= kept

        def take(places: np.ndarray, drawn: Any = drawn) -> Any:
            if isinstance(drawn, np.ndarray):
                return drawn[places]
            return [drawn[at] for at in places.tolist()]

        yield _Members(take), np.ones(kept, dtype=np.int64)


def _means_again(
    predicate: Predicate, given: Given, plan: Planned, part: Part, number: int
) -> np.ndarray:
    """The values of a part, asked for again and compared with what it holds."""
    claim = predicate["claim"]
    allowed = float(SLACK) * (claim["high"] - claim["low"])
    if plan.n is not None and plan.sample.take_all:
        require(_other_certain(predicate, given, plan, part, number, allowed))
    met = _met(predicate, given, plan, part, number)
    values = _values(claim, given, met)
    if plan.n is not None and plan.sample.apart and not plan.sample.one_each:
        stream = stream_of(predicate, number, plan.sample.draws)
        _, places = np.unique(drawn_members(plan.sample, stream), return_inverse=True)
        values = values[places]
    held = held_values(part)
    if held is None:
        require_digest(part, values.astype("<f8").tobytes())
    elif len(held) != len(values) or not bool((np.abs(held - values) <= allowed).all()):
        raise Refused(f"part {number} has other values than {given.place} answers again")
    return values


def _other_certain(
    predicate: Predicate, given: Given, plan: Planned, part: Part, number: int, allowed: float
) -> Iterator[str]:
    members = plan.sample.taken
    if members is None:
        return
    tickets = plan.population.ticket_counts(members)
    values = _values(predicate["claim"], given, _of_members(given, plan, number, members, tickets))
    weighed = zip(tickets.tolist(), values.tolist(), strict=True)
    mean = sum((t * Fraction(x) for t, x in weighed), Fraction(0)) / int(part["tickets"])
    held = part["values"]
    if held["certain_lower"] > mean + Fraction(allowed) or held["certain_upper"] < mean - Fraction(
        allowed
    ):
        yield f"the members taken for certain have a mean of {float(mean)!r}, asked again"


def _values(
    claim: Mapping[str, Any], given: Given, met: Iterator[tuple[_Members, np.ndarray]]
) -> np.ndarray:
    """The measure of each member, or the difference of what two checks answer."""
    found = [np.zeros(0)]
    for batch, tickets in met:
        every = np.arange(len(tickets))
        if claim["kind"] == "difference":
            a, b = (_booleans(given, check, batch, every) for check in given.checks)
            found.append(a.astype(np.float64) - b)
        else:
            found.append(np.asarray(batch.asked(given, given.checks[0], every), dtype=np.float64))
    return np.concatenate(found)
