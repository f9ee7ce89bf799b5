"""What a cell is about, as it travels to where the cell is run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from probbound.certificates.certification import certify
from probbound.contract.networks import Network
from probbound.contract.tasks import Task
from probbound.draws.priors import Prior
from probbound.sweeps.cells import Cell
from probbound.sweeps.claims import claim_named
from probbound.tasks.registry import task_for


@runtime_checkable
class About(Protocol):
    """A network and its prior or the inputs brought for it, or a claim of the user's own."""

    def require_unchanged(self) -> None:
        """Refuse if what is here is not what the sweep was asked about.

        Raises:
            UserError: which stops the sweep, since no cell of it can be answered here.
        """
        ...

    def certificate(self, cell: Cell) -> dict[str, Any]:
        """The JSON of the certificate that answers a cell.

        Raises:
            KeyboardInterrupt: if the user interrupted; a certificate cut short is no answer.
            Exception: any other, which is why the cell fails.
        """
        ...


def _certified(model: Network, task: Task, cell: Cell) -> dict[str, Any]:
    made = certify(model, task, claim=claim_named(cell.claim), **cell.settings)
    if made.stopped_at is not None:
        raise KeyboardInterrupt
    return made.to_json()


@dataclass(frozen=True)
class AboutNetwork:
    """A network, and the law of its tokens if that is not uniform."""

    model: Network
    prior: Prior | None = None

    def require_unchanged(self) -> None:
        """It travels with the cell, and cannot change."""

    def certificate(self, cell: Cell) -> dict[str, Any]:
        """As `About`."""
        return _certified(self.model, task_for(self.model, self.prior, cell.task), cell)


@dataclass(frozen=True)
class AboutBrought:
    """A network, and inputs that a user brought, as they were read when the sweep began."""

    model: Network
    task: Task

    def require_unchanged(self) -> None:
        """Both travel with the cell, and cannot change."""

    def certificate(self, cell: Cell) -> dict[str, Any]:
        """As `About`."""
        return _certified(self.model, self.task, cell)
