"""What is asked of an own claim, in the one form that its seed is derived from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal, get_args

from estimators.interval import Side
from probbound.arithmetic.scalars import real, whole
from probbound.certificates.format import OWN_FORMAT
from probbound.certificates.seeds import Seed, seed_for
from probbound.contract.confidence import check_delta
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.own.functions import Function
from probbound.own.screens import Cheap, Left
from probbound.populations.contract import MOST_MASS_BITS, Population

MOST_BUDGET = 1 << 36
DEFAULT_BATCH = 1 << 14
_LONGEST = 1_000
Kind = Literal["share", "mean", "difference", "family"]
Strategy = Literal["auto", "brute-force", "iid", "cascade"]


@dataclass(frozen=True)
class Settings:
    """What can be set of every own claim, checked.

    Raises:
        UserError: naming the first that cannot be used.
    """

    name: str
    side: Side
    strategy: Strategy
    budget: int
    delta: float
    batch: int
    draws: int | None = None
    stopped_at: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not 0 < len(self.name) <= _LONGEST:
            raise UserError(f"name is what the claim is called, a text, got {self.name!r}")
        for setting, choices in (("side", get_args(Side)), ("strategy", get_args(Strategy))):
            if getattr(self, setting) not in choices:
                raise UserError(
                    f"{setting} must be one of {', '.join(choices)}, got {getattr(self, setting)!r}"
                )
        for setting, least in (("budget", 0), ("batch", 1), ("draws", 0), ("stopped_at", 0)):
            given = getattr(self, setting)
            if given is not None:
                number = whole(setting, given)
                if not least <= number <= MOST_BUDGET:
                    raise UserError(f"{setting} must be from {least} to 2^36, got {number}")
                object.__setattr__(self, setting, number)
        object.__setattr__(self, "delta", real("delta", self.delta))
        check_delta(self.delta)
        if self.draws is not None and self.strategy not in ("auto", "cascade"):
            raise UserError(f"{self.strategy} has no number of draws to set; a cascade has")


@dataclass(frozen=True)
class Subject:
    """What a claim is about: a population, the user's functions, and what is known beforehand."""

    kind: Kind
    population: Population
    checks: tuple[Function, ...]
    left: Left | None = None
    cheap: tuple[Function, ...] = ()
    thresholds: tuple[float, ...] = ()
    low: float | None = None
    high: float | None = None

    @property
    def base(self) -> Population:
        """What is looked at: the population, or what the enumerated screen left of it."""
        return self.population if self.left is None else self.left.population

    @property
    def share(self) -> Fraction:
        """The share of the population that `base` is."""
        if self.left is None:
            return Fraction(1)
        return Fraction(self.left.population.mass or 0, self.population.mass or 1)

    def without_cheap(self) -> Subject:
        """The same where the cheap checks have no part."""
        return replace(self, cheap=())

    def names(self) -> tuple[str, ...]:
        """What the numbers that are bounded are called."""
        if self.thresholds:
            return tuple(f"{self.checks[0].name} > {at!r}" for at in self.thresholds)
        if self.kind == "difference":
            return (f"{self.checks[0].name} - {self.checks[1].name}",)
        return tuple(check.name for check in self.checks)

    def record(self) -> dict[str, Any]:
        """What a seed depends on: no names."""
        return {
            "kind": self.kind,
            "low": self.low,
            "high": self.high,
            "population": self.population.statement(),
            "checks": [check.identity.to_json() for check in self.checks],
            "thresholds": list(self.thresholds),
            "left": self.left and self._left(),
            "cheap": [check.identity.to_json() for check in self.cheap],
        }

    def to_json(self) -> dict[str, Any]:
        """The same with the names."""
        return {
            **self.record(),
            "checks": [{"name": c.name, **c.identity.to_json()} for c in self.checks],
            "left": self.left and {"name": self.left.name, **self._left()},
            "cheap": [{"name": c.name, **c.identity.to_json()} for c in self.cheap],
        }

    def claim(self, name: str, side: Side) -> dict[str, Any]:
        """As a certificate states it."""
        return {"name": name, "side": side, **self.to_json()}

    def _left(self) -> dict[str, Any]:
        share = self.share
        return {
            "population": self.base.statement(),
            "share": [share.numerator, share.denominator],
        }


def known_population(given: Any) -> Population:
    """A population with members.

    Raises:
        UserError: if it is another thing, or empty.
    """
    if not isinstance(given, Population):
        raise UserError(
            "the population is a Product, Listed, Sequences or Drawn of probbound, got "
            f"{type(given).__name__}; for a list of items give Listed(items)"
        )
    if given.size == 0:
        raise UserError("the population has no members")
    return given


def sorted_screens(
    population: Population, screens: Iterable[Any], version: str | None
) -> tuple[Left | None, tuple[Function, ...]]:
    """What an enumerated screen left, if there is one, and the cheap checks in their order.

    Raises:
        UserError: if there are two of the former, it stands after the latter, masses do not fit, or
            a screen is neither.
    """
    given = list(screens)
    if not all(isinstance(screen, Left | Cheap) for screen in given):
        raise UserError("screens are a list of probbound.Left and probbound.Cheap")
    left = [screen for screen in given if isinstance(screen, Left)]
    if len(left) > 1 or (left and given[0] is not left[0]):
        raise UserError(
            "at most one Left, the first of the screens: what it leaves is what draws come from"
        )
    cheap = tuple(
        Function.of(screen.check, screen.version or version, screen.name)
        for screen in given
        if isinstance(screen, Cheap)
    )
    return (_fitting(population, left[0]) if left else None), cheap


def _fitting(population: Population, left: Left) -> Left:
    if not isinstance(left.population, Population):
        raise UserError(f"what {left.name} left is a population, such as Listed(items)")
    of_all, of_left = population.mass, left.population.mass
    if of_all is None or of_left is None or of_all.bit_length() > MOST_MASS_BITS:
        raise UserError(
            f"the share that {left.name} left has to be known: a Left is for populations of known "
            f"mass of up to {MOST_MASS_BITS} bits"
        )
    if of_left > of_all:
        raise UserError(
            f"{left.name} cannot have left a mass of {of_left} of a population of {of_all}; the "
            "weights of both have to be in the same units"
        )
    return left


def seeded(
    subject: Subject, asked: Mapping[str, Any], seed: int | None, beacon: str | None
) -> Seed:
    """The seed of a question, if what it asks about can be named (Theorem 6.1).

    Raises:
        UserError: if a function has neither source nor version and no seed is given.
    """
    chosen = None if seed is None else whole("seed", seed)
    functions = (*subject.checks, *subject.cheap)
    nameless = [
        *(each.name for each in functions if each.identity.kind == "none"),
        *subject.population.without_identity(),
    ]
    if chosen is None and nameless:
        raise UserError(
            f"the seed follows from what is asked, and {nameless[0]} has no source that Python "
            "finds; name its version (version='…'), or choose a seed (seed=…), which protects "
            "nobody against trying seeds"
        )
    made = seed_for({**subject.record(), **asked}, chosen, beacon, OWN_FORMAT)
    Stream.from_seed(made.value)
    return made


def finite(name: str, value: Any) -> float:
    """A finite float.

    Raises:
        UserError: if it is none.
    """
    number = real(name, value)
    if not math.isfinite(number):
        raise UserError(f"{name} must be a finite number, got {number}")
    return number + 0.0
