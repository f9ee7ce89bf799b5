"""What draws say of the share that they come from: one interval, and what it spends of δ."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from estimators.proportion import anytime, clopper_pearson
from probbound.arithmetic.decimals import upper
from probbound.contract.ledger import Ledger, Spend

RESERVE = 0.01
_MIXTURE = "beta-binomial mixture"


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

    def bound(self, failures: int, draws: int, *, interrupted: bool) -> Bounded:
        """The bound after at least one draw."""
        ...

    def reached(self, failures: int, draws: int) -> float | None:
        """The bound that may end the drawing here; None where the number of draws is fixed."""
        ...


@dataclass(frozen=True)
class FixedNumber:
    """Independent draws, their number fixed beforehand (Theorem 2.3); all of δ for one interval."""

    delta: float
    theorem: str
    survives: ClassVar[bool] = False

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
        spend = Spend(statement, "clopper-pearson", self.theorem, self.delta, log_delta, draws)
        return Bounded(share, log_delta, (spend,))

    def reached(self, failures: int, draws: int) -> None:
        """Nothing ends the drawing early."""


@dataclass(frozen=True)
class FixedOrInterrupted:
    """Independent draws, their number fixed, but for what an interruption leaves (Theorem 4.21).

    The share RESERVE of δ is set aside for a bound that holds at any number of draws.
    """

    delta: float
    survives: ClassVar[bool] = True

    def bound(self, failures: int, draws: int, *, interrupted: bool) -> Bounded:
        """Clopper and Pearson's at the planned number, else the mixture's; both are paid for."""
        main, reserve = (1 - RESERVE) * self.delta, RESERVE * self.delta
        interval = (
            anytime(failures, draws, delta=reserve, side="upper")
            if interrupted
            else clopper_pearson(failures, draws, delta=main, side="upper")
        )
        spends = (
            _spend(failures, draws, "clopper-pearson at the planned number of draws", main),
            _spend(failures, draws, f"{_MIXTURE}, should drawing be interrupted", reserve),
        )
        return Bounded(float(interval.upper), log_sum(spends), spends)

    def reached(self, failures: int, draws: int) -> None:
        """Nothing ends the drawing early."""


@dataclass(frozen=True)
class Sequential:
    """Independent draws, their number decided by how they fare (Theorems 2.6 and 4.21; anytime)."""

    delta: float
    survives: ClassVar[bool] = True

    def bound(self, failures: int, draws: int, *, interrupted: bool = False) -> Bounded:
        """The mixture's, at whatever number of draws."""
        interval = anytime(failures, draws, delta=self.delta, side="upper")
        spends = (_spend(failures, draws, interval.method, self.delta),)
        return Bounded(float(interval.upper), log_sum(spends), spends)

    def reached(self, failures: int, draws: int) -> float:
        """The bound so far."""
        return float(anytime(failures, draws, delta=self.delta, side="upper").upper)


def log_sum(spends: tuple[Spend, ...]) -> float:
    """log of what the spends add up to."""
    return Ledger(spends).log_delta


def _spend(failures: int, draws: int, method: str, delta: float) -> Spend:
    statement = f"{failures} of {draws} draws failed"
    return Spend(statement, method, "4.21", delta, math.log(delta), draws)
