"""Certificates under kill -9, a disk that fills up, and two writers at once: whole or not there."""

import json
import random
import resource
import signal
import subprocess
import sys
import time

import pytest

from probbound.cli.main import run
from probbound.machine.files import write_atomically

WRITE_FOREVER = """
import sys, itertools, json
from pathlib import Path
from probbound.machine.files import write_atomically
path, who = Path(sys.argv[1]), sys.argv[2]
for turn in itertools.count():
    text = json.dumps({"who": who, "turn": turn, "filling": [who] * 20_000, "end": True})
    write_atomically(path, text.encode())
    if turn == 0:
        print("writing", flush=True)
"""


def started(path, who):
    command = [sys.executable, "-c", WRITE_FOREVER, str(path), who]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    return process


def test_kill_minus_nine_leaves_a_whole_file(tmp_path):
    path, rng = tmp_path / "certificate.json", random.Random(0)
    for turn in range(6):
        process = started(path, f"writer {turn}")
        time.sleep(rng.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert json.loads(path.read_text())["end"]


def test_two_writers_never_mix(tmp_path):
    path = tmp_path / "certificate.json"
    writers = [started(path, who) for who in ("a", "b")]
    seen = set()
    while len(seen) < 2:
        found = json.loads(path.read_text())
        assert set(found["filling"]) == {found["who"]}
        seen.add(found["who"])
    for writer in writers:
        writer.kill()
        writer.wait()


@pytest.fixture
def small_disk():
    """Files of this process may not grow beyond 1000 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_costs_neither_the_old_file_nor_the_result(tmp_path, small_disk, capsys):
    path = tmp_path / "certificate.json"
    write_atomically(path, b"old")
    assert run(["certify", "max-of-4", "--strategy", "cubic", "--out", str(path)]) == 2
    captured = capsys.readouterr()
    assert "99.976 %" in captured.out
    assert "cannot write" in captured.err
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
