"""What a bound cost: operations, counted beforehand, and seconds by the clock, per phase."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

Part = Literal["proof", "sampling"]


@dataclass(frozen=True)
class Phase:
    """One stretch of work.

    An operation is an add, multiply, divide, compare or exp (a root or another function of one
    number likewise) of floats, or an add or compare of the integers that counting is made of;
    moving data and finding where they lie is not counted, nor are random numbers and the intervals
    of `estimators`. Where JAX runs, operations come from the jaxpr of what runs
    (`probbound.arithmetic.operations`); where NumPy runs, from a formula that a test holds to a
    count. A forward pass has the price of its logits: comparing them is left out.
    """

    name: str
    part: Part
    flops: int
    seconds: float


@dataclass(frozen=True)
class Cost:
    """The phases of one bound."""

    phases: tuple[Phase, ...]

    @property
    def flops(self) -> int:
        """Operations in all."""
        return sum(phase.flops for phase in self.phases)

    @property
    def seconds(self) -> float:
        """Seconds in all."""
        return sum(phase.seconds for phase in self.phases)

    def flops_of(self, part: Part) -> int:
        """Operations of the proof, or of sampling."""
        return sum(phase.flops for phase in self.phases if phase.part == part)


@dataclass
class RunningPhase:
    """A phase while it runs: operations that are known only at its end are added to `flops`."""

    flops: int


@dataclass
class CostMeter:
    """Collects phases while a bound is computed."""

    phases: list[Phase] = field(default_factory=list)

    @contextmanager
    def phase(self, name: str, part: Part, flops: int = 0) -> Iterator[RunningPhase]:
        """Time the block and book its operations."""
        started = time.perf_counter()
        running = RunningPhase(flops)
        yield running
        self.phases.append(Phase(name, part, running.flops, time.perf_counter() - started))

    def record(self, name: str, part: Part, flops: int, seconds: float) -> None:
        """Book a phase that counted its own operations and seconds."""
        self.phases.append(Phase(name, part, flops, seconds))

    def total(self) -> Cost:
        """What was collected."""
        return Cost(tuple(self.phases))
