"""Local workers and a Dask cluster give what one process gives, also if some of them are killed."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import psutil
import pytest
from distributed import LocalCluster

from probbound.cli.main import run
from probbound.machine.errors import UserError
from probbound.models.attention_only.transformer import Transformer
from probbound.sweeps.cells import Record
from probbound.sweeps.cluster import on_cluster
from probbound.sweeps.config import SweepConfig
from probbound.sweeps.local import ATTEMPTS, Backend, Job, on_workers
from probbound.sweeps.run import Sweep, run_sweep
from tests.factories import copying_model
from tests.probbound.sweeps.small import cells_without_clock, small_models

GRID = SweepConfig(
    ("m", "wide"), ("brute-force", "iid", "hybrid"), ("own",), (5, 40), (1e-3,), seeds=(0, 1)
)
NETWORKS = {"m": copying_model(0), "wide": copying_model(0, d_vocab=8, n_ctx=13)}


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    out = tmp_path_factory.mktemp("expected") / "s"
    run_sweep(GRID, out, models=NETWORKS)
    return cells_without_clock(out)


def acting(backend: Backend, act: Callable[[], object]) -> Backend:
    """A backend that does something as soon as two cells are finished."""

    def run(jobs: Iterable[Job]) -> Iterator[Record]:
        for number, record in enumerate(backend(jobs), 1):
            yield record
            if number == 2:
                act()

    return run


def finished(out: Path) -> int:
    return len(list(out.glob("cells/*.json")))


def test_workers_give_the_same_also_if_one_is_killed(expected, tmp_path):
    out = tmp_path / "s"
    backend = acting(on_workers(2), lambda: multiprocessing.active_children()[0].kill())
    table = run_sweep(GRID, out, models=NETWORKS, backend=backend)
    assert len(table) == 18
    assert cells_without_clock(out) == expected
    assert multiprocessing.active_children() == []


class Fatal(Transformer):
    """A network that no process survives reading."""

    def __reduce__(self) -> tuple[Callable[[int], object], tuple[int]]:
        return os._exit, (1,)


def test_a_cell_that_kills_every_worker_is_recorded_as_failed(tmp_path):
    """Those after it are not: each of the ATTEMPTS deaths is followed by a new process."""
    weights = {field.name: getattr(NETWORKS["m"], field.name) for field in fields(NETWORKS["m"])}
    models = {"fatal": Fatal(**weights), "m": NETWORKS["m"]}
    config = SweepConfig(("fatal", "m"), ("iid",), budgets=(5,), deltas=(1e-3,))
    table = run_sweep(config, tmp_path / "s", models=models, backend=on_workers(1)).to_pylist()
    rows = {row["model"]: row for row in table}
    assert rows["fatal"]["status"] == "failed"
    assert rows["fatal"]["reason"].startswith(f"its worker died {ATTEMPTS} times")
    assert rows["m"]["status"] == "certified"


def dies(connection: Connection) -> None:
    os._exit(1)


def test_workers_that_never_begin_stop_the_sweep_and_no_cell_is_blamed(monkeypatch, tmp_path):
    monkeypatch.setattr("probbound.sweeps.local._serve", dies)
    config = SweepConfig(("m",), ("iid",), budgets=(5, 6, 7), deltas=(1e-3,))
    with pytest.raises(UserError, match=f"a worker died {ATTEMPTS} times before it could take"):
        run_sweep(config, tmp_path / "s", models=NETWORKS, backend=on_workers(1))
    assert finished(tmp_path / "s") == 0
    assert multiprocessing.active_children() == []


SWEEP = """
import signal, sys
from probbound.cli.main import main

signal.signal(signal.SIGINT, signal.default_int_handler)
main(sys.argv[1:])
"""


def test_ctrl_c_while_workers_import_is_one_word(tmp_path):
    """It reaches the whole process group, as from a terminal: workers must not answer it."""
    (model, _) = small_models(tmp_path)
    command = ["sweep", "--out", str(tmp_path / "s"), "--models", model, "--strategies", "iid"]
    process = subprocess.Popen(
        [sys.executable, "-c", SWEEP, *command, "--seeds", "0,1,2,3", "--workers", "2"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    workers: list[int] = []
    while len(workers) < 2 and process.poll() is None:
        time.sleep(0.01)
        workers = _workers(process.pid)
    deaf = [_is_deaf(pid) for pid in workers]
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert deaf == [True, True]
    assert process.returncode == 130
    assert "Traceback" not in err
    assert err.endswith("interrupted\n")


def _workers(pid: int) -> list[int]:
    try:
        children = psutil.Process(pid).children()
        return [child.pid for child in children if "spawn_main" in " ".join(child.cmdline())]
    except psutil.NoSuchProcess:
        return []


def _is_deaf(pid: int) -> bool:
    """Whether SIGINT is blocked in a process, where Linux says so."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    masks = [int(line.split()[1], 16) for line in lines if line.startswith("SigBlk:")]
    return all(mask >> (signal.SIGINT - 1) & 1 for mask in masks)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_whenever_workers_are_killed_the_answers_are_the_same(expected, tmp_path, seed):
    """Before a process begins, while it runs, between two cells: as seldom as no cell gives up."""
    rng, out = np.random.default_rng(seed), tmp_path / "s"
    ended, killed = threading.Event(), []

    def kill() -> None:
        while len(killed) < ATTEMPTS - 1 and not ended.wait(rng.uniform(0, 6)):
            for victim in multiprocessing.active_children()[:1]:
                victim.kill()
                killed.append(victim.pid)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    run_sweep(GRID, out, models=NETWORKS, backend=on_workers(2))
    ended.set()
    killer.join()
    assert cells_without_clock(out) == expected


def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    models = ",".join(small_models(tmp_path))
    out = tmp_path / "s"
    budgets = ",".join(map(str, range(1000)))
    command = [sys.executable, "-m", "probbound", "sweep", "--out", str(out), "--models", models]
    command += ["--strategies", "iid", "--budgets", budgets, "--workers", "2"]
    process = subprocess.Popen(command)
    while finished(out) < 2:
        assert process.poll() is None
        time.sleep(0.01)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert alive == []


def local_cluster(workers: int) -> LocalCluster:
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",
        silence_logs=logging.CRITICAL,
    )


@pytest.fixture(scope="module")
def cluster():
    with local_cluster(2) as running:
        yield running


@pytest.mark.slow
def test_a_cluster_gives_the_same_also_if_a_worker_is_killed(cluster, expected, tmp_path):
    out = tmp_path / "s"
    pids = [worker.pid for worker in cluster.workers.values()]
    sweep = Sweep.prepared(GRID, out, models=NETWORKS)
    on_two = on_cluster(cluster.scheduler_address)
    assert sweep.run(acting(on_two, lambda: os.kill(pids[0], signal.SIGKILL))).ran == 18
    assert cells_without_clock(out) == expected
    assert pids[0] not in [worker.pid for worker in cluster.workers.values()]


@pytest.mark.slow
def test_a_cluster_that_is_lost_is_one_sentence_and_keeps_what_was_finished(expected, tmp_path):
    out, short_lived = tmp_path / "s", local_cluster(1)
    address = str(short_lived.scheduler_address)
    backend = acting(on_cluster(address), short_lived.close)
    with pytest.raises(UserError, match="was lost; sweep again to go on"):
        run_sweep(GRID, out, models=NETWORKS, backend=backend)
    kept = cells_without_clock(out)
    assert 2 <= len(kept) < 18
    assert kept.items() <= expected.items()


@pytest.mark.parametrize("address", ["nonsense", "http://localhost:3"])
def test_an_address_that_is_none_is_one_sentence(capsys, tmp_path, address):
    (model, _) = small_models(tmp_path)
    command = ["sweep", "--out", str(tmp_path / "s"), "--models", model, "--strategies", "iid"]
    assert run([*command, "--scheduler", address]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: no Dask scheduler can be reached at '{address}'")
    assert err.count("\n") == 1
    assert not (tmp_path / "s").exists()


def test_a_scheduler_that_does_not_answer_is_one_sentence(tmp_path, monkeypatch):
    """Something listens, and says nothing."""
    import socket

    monkeypatch.setattr("probbound.sweeps.cluster.CONNECT_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(UserError, match="no Dask scheduler answers at"):
            on_cluster(address)


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match="install probbound with the extra `cluster`"):
        on_cluster("tcp://localhost:1")
