"""Cells on this machine: one after another in this process, or on worker processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from functools import partial

from probbound.models.transformer import Transformer
from probbound.sweeps.cells import Cell, Record
from probbound.sweeps.execute import failed, run_cell

Job = tuple[Cell, Transformer]
Backend = Callable[[Iterable[Job]], Iterator[Record]]
ATTEMPTS = 3
_ONE_THREAD: dict[str, str] = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"), "1"
)


def in_process(jobs: Iterable[Job]) -> Iterator[Record]:
    """One cell after another, each on all cores."""
    for cell, model in jobs:
        yield run_cell(cell, model)


def on_workers(number: int) -> Backend:
    """A backend of `number` processes with one thread each, yielding cells as they finish.

    A cell whose process dies is run again, with the same seed, in a new process; after ATTEMPTS
    deaths it is recorded as failed. Workers end with this process, even if that is killed.
    """
    return partial(_on_workers, number)


def died(cell: Cell, times: int) -> Record:
    """The record of a cell that no worker survived."""
    return failed(cell, f"its worker died {times} times (out of memory?)", 0.0)


def _on_workers(number: int, jobs: Iterable[Job]) -> Iterator[Record]:
    waiting = iter(jobs)
    workers = {}
    running: dict[Future[Record], tuple[int, Job, int]] = {}
    try:
        for place in range(number):
            job = next(waiting, None)
            if job is not None:
                workers[place] = _Worker()
                running[workers[place].submit(job)] = (place, job, 1)
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                place, job, attempt = running.pop(future)
                try:
                    record = future.result()
                except BrokenProcessPool:
                    workers[place].stop()
                    workers[place] = _Worker()
                    if attempt < ATTEMPTS:
                        running[workers[place].submit(job)] = (place, job, attempt + 1)
                        continue
                    record = died(job[0], ATTEMPTS)
                following = next(waiting, None)
                if following is not None:
                    running[workers[place].submit(following)] = (place, following, 1)
                yield record
    finally:
        for worker in workers.values():
            worker.stop()


class _Worker:
    """A pool of one process, so that a death is known to be that of the cell it ran."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_prepare_worker)
        with _environment(_ONE_THREAD):
            self._pid = self._pool.submit(os.getpid)

    def submit(self, job: Job) -> Future[Record]:
        return self._pool.submit(run_cell, *job, threads=1)

    def stop(self) -> None:
        """End the process without waiting for what it is at."""
        started = False
        with suppress(BrokenProcessPool, ProcessLookupError, TimeoutError):
            os.kill(self._pid.result(timeout=0), signal.SIGTERM)
            started = True
        self._pool.shutdown(wait=started, cancel_futures=True)


def _prepare_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Variables that a process started inside this block inherits."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
