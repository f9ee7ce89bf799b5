"""What draws say of the share that they come from: one interval, and what it spends of δ."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from estimators.proportion import anytime, clopper_pearson, hypergeometric
from probbound.arithmetic.decimals import upper
from probbound.contract.ledger import Ledger, Spend

RESERVE = 0.01
"""The share of δ set aside for a bound at any number of draws, should drawing be interrupted."""

BINOMIAL = ("clopper-pearson", "beta-binomial mixture")
HYPERGEOMETRIC = ("hypergeometric", "uniform-mixture hypergeometric")
"""The interval at the planned number of draws, and the one at any: with replacement, without."""


@dataclass(frozen=True)
class Bounded:
    """An upper bound on a share, log of the δ it fails with, and the spends behind it."""

    share_upper: float
    log_delta: float
    spends: tuple[Spend, ...]


NOTHING_KNOWN = Bounded(1.0, -math.inf, ())


@runtime_checkable
class Law(Protocol):
    """How many draws there are, and what so many failures among them say."""

    survives: ClassVar[bool]
    """Whether the bound holds at the number of draws at which the user interrupts."""

    replaces: ClassVar[bool]
    """Whether draws are made with replacement."""

    def bound(self, failures: int, draws: int, *, interrupted: bool) -> Bounded:
        """The bound after at least one draw."""
        ...

    def may_end(self, failures: int, draws: int, enough: Callable[[float], bool]) -> bool:
        """Whether the drawing may end here, the bound so far being `enough`."""
        ...


@dataclass(frozen=True)
class FixedNumber:
    """Independent draws, their number fixed beforehand (Theorem 2.3); all of δ for one interval."""

    delta: float
    theorem: str
    survives: ClassVar[bool] = False
    replaces: ClassVar[bool] = True

    def bound(self, failures: int, draws: int, *, interrupted: bool = False) -> Bounded:
        """Clopper and Pearson's.

        Raises:
            ValueError: if the drawing was interrupted, since nothing was set aside for that.
        """
        if interrupted:
            raise ValueError("a bound at a fixed number of draws says nothing at another")
        interval = clopper_pearson(failures, draws, delta=self.delta, side="upper")
        share, log_delta = float(interval.upper), float(interval.log_delta)
        statement = (
            f"{failures} of {draws} draws failed, so a share of at most {upper(share, 4, 'e')} does"
        )
        spent = Spend(statement, "clopper-pearson", self.theorem, self.delta, log_delta, draws)
        return Bounded(share, log_delta, (spent,))

    def may_end(self, failures: int, draws: int, enough: Callable[[float], bool]) -> bool:
        """Never early."""
        return False


@dataclass(frozen=True)
class FixedOrInterrupted:
    """Independent draws, their number fixed, but for what an interruption leaves (Theorem 4.21).

    The share RESERVE of δ is set aside for a bound that holds at any number of draws.
    """

    delta: float
    survives: ClassVar[bool] = True
    replaces: ClassVar[bool] = True

    def bound(self, failures: int, draws: int, *, interrupted: bool) -> Bounded:
        """Clopper and Pearson's at the planned number, else the mixture's; both are paid for."""
        interval_of = anytime if interrupted else clopper_pearson
        delta = granted(self.delta, interrupted=interrupted)
        interval = interval_of(failures, draws, delta=delta, side="upper")
        statement = f"{failures} of {draws} draws failed"
        spends = both_spends(statement, BINOMIAL, ("4.21", "4.21"), self.delta, draws)
        return Bounded(float(interval.upper), log_sum(spends), spends)

    def may_end(self, failures: int, draws: int, enough: Callable[[float], bool]) -> bool:
        """Never early."""
        return False


@dataclass(frozen=True)
class Sequential:
    """Independent draws, their number decided by how they fare (Theorems 2.6 and 4.21; anytime)."""

    delta: float
    survives: ClassVar[bool] = True
    replaces: ClassVar[bool] = True

    def bound(self, failures: int, draws: int, *, interrupted: bool = False) -> Bounded:
        """The mixture's, at whatever number of draws."""
        interval = anytime(failures, draws, delta=self.delta, side="upper")
        statement = f"{failures} of {draws} draws failed"
        spends = (spend(statement, interval.method, "4.21", self.delta, draws),)
        return Bounded(float(interval.upper), log_sum(spends), spends)

    def may_end(self, failures: int, draws: int, enough: Callable[[float], bool]) -> bool:
        """Wherever the bound so far is."""
        return enough(float(anytime(failures, draws, delta=self.delta, side="upper").upper))


@dataclass(frozen=True)
class ApartOrInterrupted:
    """Different members of `population`, their number fixed, but for an interruption (9.5).

    The share RESERVE of δ is set aside for a bound that holds after any number of them.
    """

    delta: float
    population: int
    survives: ClassVar[bool] = True
    replaces: ClassVar[bool] = False

    def bound(self, failures: int, draws: int, *, interrupted: bool) -> Bounded:
        """The hypergeometric at the planned number, else the mixture; both are paid for."""
        delta = granted(self.delta, interrupted=interrupted)
        if interrupted:
            found = anytime(failures, draws, delta=delta, side="upper", population=self.population)
        else:
            found = hypergeometric(failures, draws, self.population, delta=delta, side="upper")
        statement = f"{failures} of {draws} different ones of {self.population} failed"
        spends = both_spends(statement, HYPERGEOMETRIC, ("9.5", "9.5"), self.delta, draws)
        return Bounded(float(found.upper), log_sum(spends), spends)

    def may_end(self, failures: int, draws: int, enough: Callable[[float], bool]) -> bool:
        """Never early."""
        return False


@dataclass(frozen=True)
class ApartAnytime:
    """Different members of `population`, their number decided by how they fare (9.5; anytime)."""

    delta: float
    population: int
    survives: ClassVar[bool] = True
    replaces: ClassVar[bool] = False

    def bound(self, failures: int, draws: int, *, interrupted: bool = False) -> Bounded:
        """The mixture's, at whatever number of draws."""
        statement = f"{failures} of {draws} different ones of {self.population} failed"
        spends = (spend(statement, HYPERGEOMETRIC[1], "9.5", self.delta, draws),)
        return Bounded(self._upper(failures, draws), log_sum(spends), spends)

    def may_end(self, failures: int, draws: int, enough: Callable[[float], bool]) -> bool:
        """Wherever the bound so far is."""
        return enough(self._upper(failures, draws))

    def _upper(self, failures: int, draws: int) -> float:
        found = anytime(failures, draws, delta=self.delta, side="upper", population=self.population)
        return float(found.upper)


def log_sum(spends: tuple[Spend, ...]) -> float:
    """log of what the spends add up to."""
    return Ledger(spends).log_delta


def granted(delta: float, *, interrupted: bool) -> float:
    """What of δ the interval gets that is reported, where an interruption is provided for."""
    return (RESERVE if interrupted else 1 - RESERVE) * delta


def spend(statement: str, method: str, theorem: str, delta: float, samples: int) -> Spend:
    """One spend of δ."""
    return Spend(statement, method, theorem, delta, math.log(delta), samples)


def both_spends(
    statement: str, methods: tuple[str, str], theorems: tuple[str, str], delta: float, draws: int
) -> tuple[Spend, Spend]:
    """Those of an interval at the planned number of draws, and of the one kept in reserve."""
    fixed, at_any = methods
    main, reserve = granted(delta, interrupted=False), granted(delta, interrupted=True)
    return (
        spend(statement, f"{fixed} at the planned number of draws", theorems[0], main, draws),
        spend(statement, f"{at_any}, should drawing be interrupted", theorems[1], reserve, draws),
    )
