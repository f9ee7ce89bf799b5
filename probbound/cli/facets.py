"""What the cells of a sweep are about apart from the network: only those of one facet are compared.

A claim has its unit, its axis and its words here alone, for tables, figures and the page.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from probbound.arithmetic.decimals import upper
from probbound.cli.output import at_most_or_nothing, exactly, nats, percent
from probbound.sweeps.config import UNIFORM

Row = Mapping[str, Any]
NOTHING = "says nothing"
_SHOWN = 8


@dataclass(frozen=True)
class Measure:
    """How the bounds of one claim are shown. All are upper bounds: less is better.

    Attributes:
        column: of the table, with the bound.
        name: what is bounded.
        unit: of what, or in what.
        head: of a column of such bounds.
        guess: from where on a bound on a row's network says no more than guessing does.
        shown: a bound of a row in few digits, rounded up.
        facts: what else a reader of one row is told, as (name, words).
        suffix: what follows a bound that stands alone.
    """

    column: str
    name: str
    unit: str
    head: str
    guess: Callable[[Row], float]
    shown: Callable[[Row, float], str]
    facts: Callable[[Row], list[tuple[str, str]]]
    suffix: str = ""

    def statement(self, row: Row) -> str:
        """The bound of a row as a phrase."""
        shown = self.shown(row, row[self.column])
        if shown == NOTHING:
            return f"{shown} of the {self.name}"
        return f"{self.name} ≤ {shown}{self.suffix}"

    def weighted(self, row: Row) -> str:
        """The confidence-weighted bound of a row."""
        shown = self.shown(row, row["weighted_upper"])
        return shown if shown == NOTHING else f"≤ {shown}{self.suffix}"


def _share(row: Row, value: float) -> str:
    return at_most_or_nothing(value)


def _loss(row: Row, value: float) -> str:
    return NOTHING if value >= row["largest_loss"] else upper(value)


def _facts_of_share(name: str) -> Callable[[Row], list[tuple[str, str]]]:
    def facts(row: Row) -> list[tuple[str, str]]:
        bound, mass = row["bound"], row["certified_mass"]
        return [
            (name, f"≥ {percent(bound)}" if bound > 0 else NOTHING),
            ("certified by proof", percent(mass) if mass > 0 else "nothing"),
        ]

    return facts


def _facts_of_loss(row: Row) -> list[tuple[str, str]]:
    return [
        ("by proof alone", f"≤ {nats(row['loss_upper'])}"),
        ("no loss above", nats(row["largest_loss"])),
    ]


def _accuracy(at: float | None) -> Measure:
    return Measure(
        *("failure_upper", "failure rate", "share of all inputs", "wrong ≤"),
        guess=lambda row: 1 - 1 / row["answers"],
        shown=_share,
        facts=_facts_of_share("accuracy"),
    )


def _margin(at: float | None) -> Measure:
    name = f"share with a margin ≤ {exactly(at or 0.0)}"
    return Measure(
        *("failure_upper", name, "of all inputs", "share ≤"),
        guess=lambda row: 1.0,
        shown=_share,
        facts=_facts_of_share("share above the margin"),
    )


def _mean_loss(at: float | None) -> Measure:
    return Measure(
        *("bound", "mean loss", "nats", "loss ≤ (nats)"),
        guess=lambda row: math.log(row["answers"]),
        shown=_loss,
        facts=_facts_of_loss,
        suffix=" nats",
    )


_MEASURES = {"accuracy": _accuracy, "margin": _margin, "loss": _mean_loss}


@dataclass(frozen=True)
class Facet:
    """A task, a claim and a prior; `prior_shown` tells priors of one name apart."""

    task: str
    claim: str
    at: float | None
    prior: str
    prior_sha256: str | None
    prior_shown: str = ""

    @property
    def measure(self) -> Measure:
        """How bounds of the claim are shown."""
        return _MEASURES[self.claim](self.at)

    @property
    def title(self) -> str:
        """The claim and the prior in words; a uniform prior goes without saying."""
        name = self.measure.name
        return name if self.prior == UNIFORM else f"{name}, prior {self.prior_shown}"

    @property
    def heading(self) -> str:
        """The title at the head of a table, with the unit of a loss."""
        name = self.measure.name
        unit = f" in {self.measure.unit}" if self.claim == "loss" else ""
        return name[0].upper() + name[1:] + unit + self.title.removeprefix(name)

    @property
    def slug(self) -> str:
        """The end of a file's name: nothing for the accuracy under a uniform prior."""
        at = "" if self.at is None else f"-{exactly(self.at)}"
        claim = "" if self.claim == "accuracy" else f"-{self.claim}{at}"
        return claim + ("" if self.prior == UNIFORM else f"-{self.prior_shown}")

    def holds(self, row: Row) -> bool:
        """Whether a row is of this facet."""
        return all(row[name] == getattr(self, name) for name in _PARTS)


_PARTS = ("task", "claim", "at", "prior", "prior_sha256")


def facets_of(rows: Iterable[Row]) -> list[Facet]:
    """Every facet of some rows, in their order."""
    parts = list(dict.fromkeys(tuple(row[name] for name in _PARTS) for row in rows))
    shown = told_apart((prior, sha256) for *_, prior, sha256 in parts)
    return [Facet(*part, prior_shown=shown[part[-2:]]) for part in parts]


def told_apart(named: Iterable[tuple[str, str | None]]) -> dict[tuple[str, str | None], str]:
    """What names are shown as: as they are, or with their digests where one name has several."""
    known = list(dict.fromkeys(named))
    several = Counter(name for name, _ in known)
    return {
        (name, sha256): f"{name} ({(sha256 or '')[:_SHOWN]})" if several[name] > 1 else name
        for name, sha256 in known
    }
