"""Cells on a cluster: any scheduler that speaks Dask distributed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from probbound.machine.errors import UserError
from probbound.sweeps.cells import Record
from probbound.sweeps.execute import run_cell
from probbound.sweeps.local import Backend, Job, died

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS = 10
AHEAD = 4


def on_cluster(address: str) -> Backend:
    """A backend on the Dask scheduler at `address`, yielding cells as they finish.

    A cell whose worker dies is run again, with the same seed, on another; after as many deaths as
    the scheduler allows (its `allowed-failures`) it is recorded as failed. The store stays on this
    machine: workers need the package and nothing else.

    Raises:
        UserError: if Dask is not installed or the scheduler does not answer, before any work; while
            running, if the scheduler is lost.
    """
    try:
        import distributed
    except ImportError as error:
        raise UserError(
            "a sweep on a cluster needs Dask: install probbound with the extra `cluster`"
        ) from error
    try:
        asyncio.run(asyncio.wait_for(_identity(address), CONNECT_SECONDS))
        client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except TimeoutError as error:
        raise UserError(
            f"no Dask scheduler answers at {address} within {CONNECT_SECONDS} s"
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(f"no Dask scheduler can be reached at {address!r}: {error}") from error
    return partial(_on_cluster, client, address)


async def _identity(address: str) -> None:
    """Ask before a client is made, which would go on trying in the background."""
    from distributed import rpc
    from distributed.security import Security

    arguments = Security().get_connection_args("client")
    async with rpc(address, connection_args=arguments) as scheduler:
        await scheduler.identity()


def _on_cluster(client: Client, address: str, jobs: Iterable[Job]) -> Iterator[Record]:
    import distributed
    from distributed.client import FutureCancelledError
    from distributed.comm.core import CommClosedError

    waiting, running = iter(jobs), {}
    finished = distributed.as_completed(loop=client.loop)

    def submit(jobs: Iterable[Job]) -> None:
        for job in jobs:
            future = client.submit(run_cell, *job, threads=1, pure=False)
            running[future.key] = job
            finished.add(future)

    try:
        submit(islice(waiting, AHEAD * max(1, _threads(client))))
        for future in finished:
            job = running.pop(future.key)
            try:
                record = future.result()
            except distributed.KilledWorker as error:
                record = died(job[0], error.allowed_failures + 1)
            submit(islice(waiting, 1))
            yield record
    except (CommClosedError, FutureCancelledError, OSError) as error:
        raise UserError(f"the scheduler at {address} was lost; sweep again to go on") from error
    finally:
        client.close(timeout=CONNECT_SECONDS)


def _threads(client: Client) -> int:
    """Of all workers that are there now; there may be none yet."""
    workers = client.scheduler_info(n_workers=-1)["workers"]
    return sum(worker["nthreads"] for worker in workers.values())
