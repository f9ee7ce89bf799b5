"""Cells on this machine: one after another in this process, or on worker processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait

from probbound.machine.errors import UserError
from probbound.sweeps.about import About
from probbound.sweeps.cells import Cell, Record
from probbound.sweeps.execute import failed, run_cell

Job = tuple[Cell, About]
Backend = Callable[[Iterable[Job]], Iterator[Record]]
ATTEMPTS = 3
_ONE_THREAD: dict[str, str] = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"), "1"
)


def in_process(jobs: Iterable[Job]) -> Iterator[Record]:
    """One cell after another, each on all cores."""
    for job in jobs:
        yield run_cell(*job)


def on_workers(number: int) -> Backend:
    """A backend of `number` processes with one thread each, yielding cells as they finish.

    A cell whose process dies is run again, with the same seed, in a new process; after ATTEMPTS
    deaths it is recorded as failed. Workers end with this process, even if that is killed.

    Raises:
        UserError: while running, if ATTEMPTS processes in a row die before they can take a cell, or
            what a cell is about is not there as it was asked.
    """
    return partial(_on_workers, number)


def died(cell: Cell, times: int) -> Record:
    """The record of a cell that no worker survived."""
    return failed(cell, f"its worker died {times} times (out of memory?)", 0.0)


def _on_workers(number: int, jobs: Iterable[Job]) -> Iterator[Record]:
    waiting = iter(jobs)
    workers: list[_Worker] = []
    try:
        for job in islice(waiting, number):
            workers.append(_Worker(job))
        while workers:
            heard = wait([worker.connection for worker in workers])
            for worker in [worker for worker in workers if worker.connection in heard]:
                record = worker.answer()
                if record is None:
                    continue
                following = next(waiting, None)
                if following is None:
                    workers.remove(worker)
                    worker.stop()
                else:
                    worker.take(following)
                yield record
    finally:
        for worker in workers:
            worker.stop()


class _Worker:
    """One cell after another in a process of its own, which is replaced when it dies.

    The process says None when it can take its first cell, and after that one record for each. So a
    death before that is no cell's fault, and one after it is that of the cell it had.
    """

    def __init__(self, job: Job) -> None:
        self._failed_starts = 0
        self._start()
        self.take(job)

    def take(self, job: Job) -> None:
        """The next job: at once if the process waits for one, or else as soon as it can."""
        self._job, self._deaths = job, 0
        if self._began:
            self._send()

    def answer(self) -> Record | None:
        """What the process says, waiting for it; None if it goes on with its job or begins again.

        Raises:
            UserError: if it cannot answer any job of the sweep, or ATTEMPTS processes in a row died
                before they could take a job.
        """
        try:
            record = self.connection.recv()
        except (EOFError, OSError):
            return self._replaced()
        if record is None:
            self._began, self._failed_starts = True, 0
            self._send()
        if isinstance(record, UserError):
            raise record
        return record

    def stop(self) -> None:
        """End the process without waiting for what it is at."""
        self._process.kill()
        self._process.join()
        self.connection.close()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs,), daemon=True)
        with processes_of_one_thread(), _interruptions_kept():
            process.start()
        theirs.close()
        self._process, self._began = process, False

    def _send(self) -> None:
        with suppress(OSError):
            self.connection.send(self._job)

    def _replaced(self) -> Record | None:
        """Begin again in a new process; the record of the job if that was its last attempt."""
        began = self._began
        self.stop()
        if began:
            self._deaths += 1
        else:
            self._failed_starts += 1
        if self._failed_starts == ATTEMPTS:
            raise UserError(
                f"a worker died {ATTEMPTS} times before it could take a cell (out of memory, or a "
                "script that sweeps outside `if __name__ == '__main__':`?)"
            )
        self._start()
        return died(self._job[0], ATTEMPTS) if self._deaths == ATTEMPTS else None


def _serve(connection: Connection) -> None:
    """What a worker does, until it is stopped or its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):
        connection.send(None)
        while True:
            connection.send(_answer(*connection.recv()))


def _answer(cell: Cell, about: About) -> Record | UserError:
    """The record of a cell, or why this sweep can have none."""
    try:
        return run_cell(cell, about, threads=1)
    except UserError as error:
        return error


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


@contextmanager
def _interruptions_kept() -> Iterator[None]:
    """A process started inside this block hears no Ctrl-C; one that comes meanwhile is not lost.

    Else it would hear it while it still imports, and say so with a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # which at its own start lets interruptions through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def processes_of_one_thread() -> Iterator[None]:
    """A process that is started inside this block computes on one thread."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(_ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
