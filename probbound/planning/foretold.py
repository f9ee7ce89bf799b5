"""What `probbound plan` asks of a task's planner, and what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from probbound.contract.tasks import Task
from probbound.planning.forecast import Forecast


@dataclass(frozen=True)
class Wish:
    """A number of operations or seconds to spend, or a failure rate to reach as cheaply as can be.

    Without `delta` it is chosen with each forecast. `seed` is that of the pilot. `inputs` are those
    that a user brought, None for a task that has its own.
    """

    amount: float
    unit: Literal["flops", "seconds", "target"]
    delta: float | None
    seed: int
    inputs: Task | None = None


@dataclass(frozen=True)
class Foretold:
    """Forecasts, best first, and what the looking before them found and took.

    `pilot` has its shares by name, `left` those of checks by what they are called, `wrong` the
    share estimated to fail, None if nothing was looked at. `unseen` is the note of forecasts that
    were never looked at, of which no bound is shown. `said` is what else is said of the forecasts,
    in sentences.
    """

    forecasts: list[Forecast]
    pilot: Mapping[str, Any]
    left: Mapping[str, float]
    wrong: float | None
    flops: int
    unseen: str
    said: tuple[str, ...] = ()
