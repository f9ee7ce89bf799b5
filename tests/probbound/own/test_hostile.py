"""Own claims are wrong no more often than δ, on hostile populations."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from scipy.stats import binom

from tests.probbound.own.hostile import DELTA

ROOT = Path(__file__).parents[3]
FALSE_ALARM = 1e-6


def violations(repeats: int) -> dict[str, int]:
    """By a process of its own, where shapes are not checked at every call."""
    command = [sys.executable, "-m", "tests.probbound.own.hostile", str(repeats)]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    rows = [json.loads(line) for line in lines.splitlines()]
    return {row["case"]: row["violations"] for row in rows}


def judged(repeats: int) -> None:
    found = violations(repeats)
    assert len(found) == 22
    for case, missed in found.items():
        assert binom.sf(missed - 1, repeats, DELTA) > FALSE_ALARM / len(found), case
    assert found["everything looked at"] == found["no looks"] == 0
    assert max(found.values()) > repeats * DELTA / 10  # and the bounds are not vacuous


def test_few_repeats():
    judged(25)


@pytest.mark.slow
def test_twenty_thousand_repeats():
    judged(20_000)
