"""One part of an own claim: what was looked at in one population, and what that says of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from estimators.interval import Side
from probbound.arithmetic.rounding import ratio_down, ratio_up
from probbound.contract.ledger import Spend
from probbound.draws.random_streams import Stream
from probbound.own.sample import Sample
from probbound.strategies.chunks import Chunk


@dataclass(frozen=True)
class Ends:
    """Bounds on a number, and what is certain of it without any δ."""

    lower: Fraction
    upper: Fraction
    certain_lower: Fraction
    certain_upper: Fraction

    def times(self, share: Fraction) -> Ends:
        """Those of a part of that share."""
        return Ends(*(share * end for end in vars(self).values()))

    def __add__(self, other: Ends) -> Ends:
        """Those of the sum."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Ends(*(a + b for a, b in pairs))


@dataclass(frozen=True)
class Task:
    """What a part is asked: a sample, the looks it may spend, and its δ.

    `share` is that of the part in all. `stopped_at` repeats one that was interrupted after so many
    draws, or members of a list.
    """

    share: Fraction
    sample: Sample
    looks: int
    delta: float
    side: Side
    stream: Stream
    batch: int
    stopped_at: int | None = None

    @property
    def draws_stream(self) -> Stream:
        """Named by the number of draws too: another number has other draws (Theorem 7.7)."""
        return self.stream.fold_in(f"{self.sample.draws} draws")

    def chunks(self) -> Iterator[Chunk]:
        """All members, or the draws, up to where it was stopped."""
        sample, batch = self.sample, self.batch
        listed = sample.listed
        every = sample.all_members(batch) if listed else sample.drawn(self.draws_stream, batch)
        return every if self.stopped_at is None else _first(every, self.stopped_at)


@dataclass(frozen=True)
class Part:
    """What was looked at, the bounds that follow for each check, and what they spent."""

    task: Task
    levels: tuple[dict[str, Any], ...]
    ends: tuple[Ends, ...]
    spends: tuple[Spend, ...]
    looks: int
    cheap_looks: int
    failures: int
    distinct: int | None
    take_all: dict[str, Any] | None = None
    stopped_at: int | None = None
    interrupted: bool = False
    values: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON values of the certificate."""
        sample, share = self.task.sample, self.task.share
        return {
            "share": [share.numerator, share.denominator],
            "members": sample.population.size,
            "tickets": sample.population.tickets,
            "mode": "listed" if sample.listed else "drawn",
            "take_all": self.take_all,
            "rest": None if sample.listed else sample.rest.tickets,
            "draws": sample.draws,
            "replace": sample.replace,
            "distinct": self.distinct,
            "looks": self.looks,
            "cheap_looks": self.cheap_looks,
            "stopped_at": self.stopped_at,
            "levels": list(self.levels),
            "values": self.values,
            "lower": [ratio_down(end.lower, 1) for end in self.ends],
            "upper": [ratio_up(end.upper, 1) for end in self.ends],
        }


def level(check: str, mode: str, samples: int, failures: int, **others: Any) -> dict[str, Any]:
    """One check in the certificate: null where it has no such number."""
    empty = dict.fromkeys(("conceded", "law", "share_lower", "share_upper", "log_delta"))
    return {
        "check": check,
        "mode": mode,
        "samples": samples,
        "failures": failures,
        **empty,
        **others,
    }


def whole_of(parts: Sequence[Part]) -> tuple[Ends, ...]:
    """The bounds for the mixture of the parts, one for each check."""
    columns = zip(*(part.ends for part in parts), strict=True)
    shares = [part.task.share for part in parts]
    made = []
    for column in columns:
        scaled = [end.times(share) for end, share in zip(column, shares, strict=True)]
        total = scaled[0]
        for each in scaled[1:]:
            total = total + each
        made.append(total)
    return tuple(made)


def _first(chunks: Iterable[Chunk], members: int) -> Iterator[Chunk]:
    left = members
    for chunk in chunks:
        kept, _ = chunk.cut(left)
        left -= len(kept.batch)
        if len(kept.batch):
            yield kept
        if left == 0:
            return
