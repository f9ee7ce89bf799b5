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
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from distributed import LocalCluster

from probbound.cli.main import run
from probbound.errors import UserError
from probbound.sweeps.cluster import on_cluster
from probbound.sweeps.config import SweepConfig
from probbound.sweeps.local import ATTEMPTS, on_workers
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


def once(condition: Callable[[], bool], act: Callable[[], object]) -> threading.Thread:
    """Act in a thread as soon as a condition holds."""

    def wait() -> None:
        while not condition():
            time.sleep(0.005)
        act()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def finished(out: Path) -> int:
    return len(list(out.glob("cells/*.json")))


def test_workers_give_the_same_also_if_one_is_killed(expected, tmp_path):
    out = tmp_path / "s"
    killed: list[int | None] = []

    def kill() -> None:
        victim = multiprocessing.active_children()[0]
        victim.kill()
        killed.append(victim.pid)

    killer = once(lambda: finished(out) >= 2, kill)
    table = run_sweep(GRID, out, models=NETWORKS, backend=on_workers(2))
    killer.join()
    assert len(killed) == 1
    assert len(table) == 18
    assert cells_without_clock(out) == expected
    assert multiprocessing.active_children() == []


def test_a_cell_that_kills_every_worker_is_recorded_as_failed(tmp_path):
    config = SweepConfig(("m",), ("iid",), budgets=(5,), deltas=(1e-3,))
    killed: list[int] = []

    def kill() -> None:
        while len(killed) < ATTEMPTS:
            for victim in multiprocessing.active_children():
                if victim.pid not in killed and victim.is_alive():
                    killed.append(victim.pid or 0)
                    victim.kill()
            time.sleep(0.005)

    killer = once(lambda: bool(multiprocessing.active_children()), kill)
    (row,) = run_sweep(config, tmp_path / "s", models=NETWORKS, backend=on_workers(1)).to_pylist()
    killer.join()
    assert row["status"] == "failed"
    assert row["reason"].startswith(f"its worker died {ATTEMPTS} times")


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
    killer = once(lambda: finished(out) >= 2, lambda: os.kill(pids[0], signal.SIGKILL))
    sweep = Sweep.prepared(GRID, out, models=NETWORKS)
    assert sweep.run(on_cluster(cluster.scheduler_address)) == 18
    killer.join()
    assert cells_without_clock(out) == expected
    assert pids[0] not in [worker.pid for worker in cluster.workers.values()]


@pytest.mark.slow
def test_a_cluster_that_is_lost_is_one_sentence_and_keeps_what_was_finished(expected, tmp_path):
    out, short_lived = tmp_path / "s", local_cluster(1)
    address = str(short_lived.scheduler_address)
    killer = once(lambda: finished(out) >= 2, short_lived.close)
    with pytest.raises(UserError, match="was lost; sweep again to go on"):
        run_sweep(GRID, out, models=NETWORKS, backend=on_cluster(address))
    killer.join()
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
