"""What the cells of a sweep are about apart from the network: only those of one facet are compared.

A claim has its unit, its axis and its words here alone, for tables, figures and the page.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from probbound.arithmetic.decimals import upper
from probbound.cli.output import at_most_or_nothing, exactly, nats, operations, percent
from probbound.contract.claims import is_own_claim
from probbound.sweeps.config import UNIFORM
from probbound.tasks.registry import inputs_of

Row = Mapping[str, Any]
NOTHING = "says nothing"
_SHOWN = 8


@dataclass(frozen=True)
class Terms:
    """What certificates of a kind of claims cost, and what is certain of them.

    Attributes:
        cost: the column of the table with the cost that is compared.
        axis: what an axis of it is called.
        paid: a cost in words.
        columns: of tables, the heads and the words for a row.
        across: what else the page may draw bounds against, by column.
        certain: what a certificate gives for certain.
    """

    cost: str
    axis: str
    paid: Callable[[Row], str]
    columns: tuple[tuple[str, Callable[[Row], str]], ...]
    across: Mapping[str, str]
    certain: str


def _number(column: str) -> Callable[[Row], str]:
    return lambda row: f"{row[column]:,}" if row[column] else ""


_NETWORK = Terms(
    cost="flops",
    axis="operations (FLOP)",
    paid=lambda row: operations(row["flops"]),
    columns=(("forward passes", _number("samples")), ("cost", lambda r: operations(r["flops"]))),
    across={"samples": "forward passes"},
    certain="what the proof alone gives",
)


def _of_brought(inputs: str) -> Terms:
    """Of inputs that a user brought, each of which is looked at whole; what they are in words."""
    return Terms(
        cost="looks",
        axis=f"{inputs} looked at",
        paid=lambda row: f"{row['looks']:,} {inputs}, {operations(row['flops'])}",
        columns=(("looked at", _number("looks")), ("cost", lambda r: operations(r["flops"]))),
        across={"flops": "operations (FLOP)"},
        certain="what the proof alone gives",
    )


_LOOKS = Terms(
    cost="looks",
    axis="looks (calls of the check)",
    paid=lambda row: f"{row['looks']:,} looks",
    columns=(
        ("draws", _number("draws")),
        ("looks", _number("looks")),
        ("cheap looks", _number("cheap_looks")),
    ),
    across={},
    certain="what the members that were looked at say for certain",
)


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
        terms: what certificates cost, and what is certain of them.
        suffix: what follows a bound that stands alone.
    """

    column: str
    name: str
    unit: str
    head: str
    guess: Callable[[Row], float]
    shown: Callable[[Row, float], str]
    facts: Callable[[Row], list[tuple[str, str]]]
    terms: Terms = _NETWORK
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


def _facts_of_members(row: Row) -> list[tuple[str, str]]:
    bound, members, mass = row["bound"], row["population"], row["certified_mass"]
    return [
        ("good share", f"≥ {percent(bound)}" if bound > 0 else NOTHING),
        ("good for certain", percent(mass) if mass > 0 else "nothing"),
        ("members", "drawn, not numbered" if members is None else f"{members:,.0f}"),
        ("looks", f"{row['looks']:,}"),
        *([("looks of cheap checks", f"{row['cheap_looks']:,}")] if row["cheap_looks"] else []),
    ]


def _accuracy(at: float | None) -> Measure:
    return Measure(
        *("failure_upper", "failure rate", "share of all inputs", "wrong ≤"),
        guess=lambda row: 1 - 1 / row["answers"] if row["answers"] else 1.0,
        shown=_share,
        facts=_facts_of_share("accuracy"),
    )


def _failing(name: str, of: str, fact: str) -> Measure:
    """A share that fails, of what who guesses knows nothing."""
    return Measure(
        *("failure_upper", name, of, "share ≤"),
        guess=lambda row: 1.0,
        shown=_share,
        facts=_facts_of_share(fact),
    )


def _margin(at: float | None) -> Measure:
    name = f"share with a margin ≤ {exactly(at or 0.0)}"
    return _failing(name, "of all inputs", "share above the margin")


def _divergence(at: float | None) -> Measure:
    name = f"share with a divergence > {exactly(at or 0.0)} nats"
    return _failing(name, "of all inputs", "share within the divergence")


def _universal(at: float | None) -> Measure:
    name = f"share of cases with a wrong filling, {int(at or 0)} tokens revealed"
    return _failing(name, "of all cases", "share right on every filling")


def _mean_loss(at: float | None) -> Measure:
    name = "mean loss" if at is None else f"mean loss cut at {exactly(at)}"
    return Measure(
        *("bound", name, "nats", "loss ≤ (nats)"),
        guess=lambda row: math.log(row["answers"]) if row["answers"] else row["largest_loss"],
        shown=_loss,
        facts=_facts_of_loss,
        suffix=" nats",
    )


_OWN_SHARE = Measure(
    *("failure_upper", "failing share", "of all members", "fails ≤"),
    guess=lambda row: 1.0,
    shown=_share,
    facts=_facts_of_members,
    terms=_LOOKS,
)
_MEASURES: Mapping[str, Callable[[float | None], Measure]] = {
    "accuracy": _accuracy,
    "margin": _margin,
    "loss": _mean_loss,
    "kl": _divergence,
    "universal": _universal,
}


@dataclass(frozen=True)
class Facet:
    """A task, a claim and a prior or inputs that were brought, or an own claim.

    `prior_shown`, `claim_shown` and `data_shown` tell those of one name apart.
    """

    task: str
    claim: str
    at: float | None
    prior: str
    prior_sha256: str | None
    claim_sha256: str | None = None
    data: str | None = None
    against: str | None = None
    arithmetic: str | None = None
    inputs_sha256: str | None = None
    prior_shown: str = ""
    claim_shown: str = ""
    data_shown: str = ""

    @property
    def is_own(self) -> bool:
        """Whether it is about an own claim, and no network."""
        return is_own_claim(self.claim)

    @property
    def measure(self) -> Measure:
        """How bounds of the claim are shown."""
        if self.is_own:
            return _OWN_SHARE
        made = _MEASURES[self.claim](self.at)
        if self.data is None:
            return made
        inputs = inputs_of(self.task.partition(":")[0])
        unit = made.unit.replace("inputs", inputs)
        return replace(made, unit=unit, terms=_of_brought(inputs))

    @property
    def brought(self) -> str:
        """The files that it is about and the arithmetic, in words; nothing of other facets."""
        if self.data is None:
            return ""
        against = self.against and f"against {self.against}"
        arithmetic = self.arithmetic and f"in {self.arithmetic} arithmetic"
        return ", ".join(filter(None, (self.data_shown, against, arithmetic)))

    @property
    def title(self) -> str:
        """The claim and the prior in words; a uniform prior goes without saying."""
        name = self.measure.name
        if self.is_own:
            return f"{name}, {self.claim_shown}"
        prior = "" if self.prior == UNIFORM else f"prior {self.prior_shown}"
        return ", ".join(filter(None, (name, self.brought, prior)))

    @property
    def heading(self) -> str:
        """The title at the head of a table, with the unit of a loss."""
        name = self.measure.name
        unit = f" in {self.measure.unit}" if self.claim == "loss" else ""
        return name[0].upper() + name[1:] + unit + self.title.removeprefix(name)

    @property
    def slug(self) -> str:
        """The end of a file's name: nothing for the accuracy under a uniform prior."""
        if self.is_own:
            return f"-{self.claim_shown.replace(':', '-')}"
        at = "" if self.at is None else f"-{exactly(self.at)}"
        claim = "" if self.claim == "accuracy" else f"-{self.claim}{at}"
        brought = (self.data and self.data_shown, self.against, self.arithmetic)
        claim += "".join(f"-{each}" for each in brought if each)
        return claim + ("" if self.prior == UNIFORM else f"-{self.prior_shown}")

    def holds(self, row: Row) -> bool:
        """Whether a row is of this facet."""
        return _parts(row) == tuple(getattr(self, name) for name in _PARTS)


_BROUGHT = ("data", "against", "arithmetic", "inputs_sha256")
_PARTS = ("task", "claim", "at", "prior", "prior_sha256", "claim_sha256", *_BROUGHT)


def _parts(row: Row) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in _PARTS)


def facets_of(rows: Iterable[Row]) -> list[Facet]:
    """Every facet of some rows, in their order."""
    parts = [Facet(*part) for part in dict.fromkeys(map(_parts, rows))]
    priors = told_apart((facet.prior, facet.prior_sha256) for facet in parts)
    claims = told_apart((facet.claim, facet.claim_sha256) for facet in parts)
    brought = _inputs_told_apart(parts)
    return [
        replace(
            facet,
            prior_shown=priors[facet.prior, facet.prior_sha256],
            claim_shown=claims[facet.claim, facet.claim_sha256],
            data_shown=brought[facet.data or "", facet.inputs_sha256],
        )
        for facet in parts
    ]


def _inputs_told_apart(facets: Iterable[Facet]) -> dict[tuple[str | None, str | None], str]:
    """What data is shown as, by its name and digest: the name, with the digest if it has several.

    Against another network and in another arithmetic the same data has another digest.
    """
    known: dict[tuple[str | None, str | None], dict[tuple[str, str | None], None]] = {}
    for facet in facets:
        about = known.setdefault((facet.against, facet.arithmetic), {})
        about[facet.data or "", facet.inputs_sha256] = None
    return {key: shown for named in known.values() for key, shown in told_apart(named).items()}


def told_apart(named: Iterable[tuple[str, str | None]]) -> dict[tuple[str, str | None], str]:
    """What names are shown as: as they are, or with their digests where one name has several."""
    known = list(dict.fromkeys(named))
    several = Counter(name for name, _ in known)
    return {
        (name, sha256): f"{name} ({(sha256 or '')[:_SHOWN]})" if several[name] > 1 else name
        for name, sha256 in known
    }
