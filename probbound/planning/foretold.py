"""What `probbound plan` asks of a task's planner, and what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from probbound.contract.claims import ACCURACY, Claim
from probbound.contract.tasks import Task
from probbound.machine.errors import UserError
from probbound.planning.forecast import Forecast


@dataclass(frozen=True)
class Wish:
    """A number of operations or seconds to spend, or a failure rate to reach as cheaply as can be.

    Without `delta` it is chosen with each forecast. `seed` is that of the pilot. `inputs` are those
    asked about, None for the usual ones of the network, and `claim` is what is to be certified.
    """

    amount: float
    unit: Literal["flops", "seconds", "target"]
    delta: float | None
    seed: int
    inputs: Task | None = None
    claim: Claim = ACCURACY

    def require_accuracy(self) -> None:
        """Refuse another claim, of which a task makes no forecasts.

        Raises:
            UserError: in one sentence.
        """
        if self.claim != ACCURACY:
            raise UserError(
                f"of this task the accuracy is foretold, not a claim of {self.claim.kind}; leave "
                "--claim out"
            )


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
