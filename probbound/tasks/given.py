"""What a user gives beside a network, inputs, a claim and a strategy, and what is asked of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

from probbound.arithmetic.scalars import real, whole
from probbound.contract.confidence import check_delta
from probbound.contract.cost import CostMeter
from probbound.contract.defaults import AUTO
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.strategies.levels import MOST_DRAWS
from probbound.tasks.settings import Setting, parsed


@dataclass(frozen=True)
class Given:
    """Numbers, and settings by name, as they came; a seed that is not given is 0."""

    budget: Any
    delta: Any
    seed: Any = None
    stopped_at: Any = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def read(
        self, settings: Collection[Setting], used: frozenset[str], strategy: str
    ) -> dict[str, Any]:
        """All of it by name, settings that are not given as None.

        Raises:
            UserError: naming the first that is no such number, or cannot be used by the strategy.
        """
        stopped = self.stopped_at
        return {
            "budget": whole("budget", self.budget),
            "delta": real("delta", self.delta),
            "seed": 0 if self.seed is None else whole("seed", self.seed),
            "stopped_at": None if stopped is None else whole("stopped_at", stopped),
            **parsed(self.settings, settings, used, strategy),
        }


@runtime_checkable
class Drawing(Protocol):
    """A question that may be answered by draws."""

    @property
    def budget(self) -> int: ...

    @property
    def delta(self) -> float: ...

    @property
    def seed(self) -> int: ...

    @property
    def draws(self) -> int | None: ...

    @property
    def stopped_at(self) -> int | None: ...


def require_usable(question: Drawing) -> None:
    """Refuse numbers that no certificate can carry.

    Raises:
        UserError: naming the first.
    """
    check_delta(question.delta)
    for name, number in (
        ("budget", question.budget),
        ("draws", question.draws or 0),
        ("stopped_at", question.stopped_at or 0),
    ):
        if not 0 <= number <= MOST_DRAWS:
            raise UserError(f"{name} must be at least 0 and at most {MOST_DRAWS:,}, got {number}")
    Stream.from_seed(question.seed)


def require_to_stop(strategy: str, stopped_at: int | None, *, sequential: bool) -> None:
    """Refuse an interruption of what cannot be interrupted.

    Raises:
        UserError: if it was.
    """
    if stopped_at is not None and not sequential:
        raise UserError(f"{strategy} cannot be interrupted; a cascade can")


def beyond(budget: int, size: int, inputs: str) -> Iterator[str]:
    """A sentence if all inputs are drawn from, with replacement, more often than there are any."""
    if budget > size:
        yield (
            f"a budget of {budget:,} draws is more than the {size:,} {inputs} that there are; "
            "brute-force runs each of them once and is exact"
        )


_Q = TypeVar("_Q")


def by_rule(
    rule: Callable[[_Q, CostMeter], tuple[str, _Q]], of: str
) -> Callable[[_Q, str, bool, CostMeter], tuple[str, _Q]]:
    """`Room.decided` of a task whose rule says what runs in the place of "auto".

    It raises a `UserError` if δ is to be chosen, which the rule does not; `of` says of what.
    """

    def decided(question: _Q, strategy: str, choose: bool, meter: CostMeter) -> tuple[str, _Q]:
        if choose:
            raise UserError(f"{of} δ is not chosen by a plan; give --delta a number")
        return rule(question, meter) if strategy == AUTO else (strategy, question)

    return decided
