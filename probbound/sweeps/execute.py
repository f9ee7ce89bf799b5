"""One cell, wherever it runs: in this process, in a local worker or on a cluster."""

from __future__ import annotations

import time

from probbound import __version__
from probbound.machine.errors import UserError
from probbound.machine.parallel import at_most_threads
from probbound.sweeps.about import About
from probbound.sweeps.cells import Cell, Record


def run_cell(cell: Cell, about: About, *, threads: int | None = None) -> Record:
    """The certificate of a cell, or the reason why there is none.

    A pure function of the cell but for wall-clock fields: repeated after a crash it draws the same
    samples. Any exception of the certification is a result; what stops the sweep is not caught.

    Raises:
        UserError: if this process runs another version than the sweep, or what the cell is about
            is not here as it was asked.
        KeyboardInterrupt: if the user interrupted; what was cut short is no answer to the cell.
    """
    if cell.version != __version__:
        raise UserError(f"a worker runs probbound {__version__}, the sweep {cell.version}")
    about.require_unchanged()
    started = time.perf_counter()
    try:
        with at_most_threads(threads):
            certificate = about.certificate(cell)
    except UserError as error:
        return failed(cell, str(error), time.perf_counter() - started)
    except Exception as error:
        return failed(cell, f"{type(error).__name__}: {error}", time.perf_counter() - started)
    return Record(cell, "certified", None, certificate, time.perf_counter() - started)


def failed(cell: Cell, reason: str, seconds: float) -> Record:
    """A cell that gave no certificate; it counts as failed in every table."""
    return Record(cell, "failed", " ".join(reason.split()), None, seconds)
