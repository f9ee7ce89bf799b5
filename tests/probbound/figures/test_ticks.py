"""At least two labels along every logarithmic axis, none touching, each saying where it stands."""

from __future__ import annotations

import json
import math
import random
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

import probbound
from probbound.figures.ticks import log_ticks

DECADES = [0.001, 0.1, 0.2, 0.24, 0.5, 0.9, 1.0, 1.3, 1.9, 2.0, 2.7, 3.0, 5.0, 9.5, 15.0, 20.0]
LETTERS = (50, 20, 12)  # how many letters the axis is long


def ranges():
    rng = random.Random(0)
    for decades in DECADES:
        for start in (0.0, -6.0, *(rng.uniform(-30, 30) for _ in range(20))):
            yield 10**start, 10 ** (start + decades)


def value_of(label):
    mantissa, _, exponent = label.replace("·10^", "e").replace("10^", "1e").partition("e")
    return float(f"{mantissa}e{exponent or 0}")


@pytest.mark.parametrize("letters", LETTERS)
def test_two_labels_at_least_and_none_touch(letters):
    for low, high in ranges():
        ticks = log_ticks(low, high, lambda text: len(text) / letters)
        assert len(ticks) >= 2 or letters < 20
        assert ticks
        places = [math.log(value / low) / math.log(high / low) for value, _ in ticks]
        assert all(-1e-6 <= place <= 1 + 1e-6 for place in places)
        for (a, (_, shown)), (b, (_, following)) in pairwise(zip(places, ticks, strict=True)):
            assert b - a >= (len(shown) + len(following)) / 2 / letters * (1 - 1e-9)
        for value, label in ticks:
            assert value_of(label) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (1e6, 2e7, "10^6 2·10^6 5·10^6 10^7 2·10^7"),
        (1e-6, 2.0, "10^-6 10^-5 10^-4 10^-3 10^-2 10^-1 1"),
        (3e6, 3.8e6, "3·10^6 3.2·10^6 3.4·10^6 3.6·10^6 3.8·10^6"),
        (1.0, 1e20, "1 10^2 10^4 10^6 10^8 10^10 10^12 10^14 10^16 10^18 10^20"),
        (0.99, 1.01, "0.99 0.995 1 1.005 1.01"),
        (0.3, 70.0, "0.5 1 2 5 10 20 50"),
        (0.3, 7000.0, "1 10^1 10^2 10^3"),
        (1.0, 1.0, ""),
        (0.0, 1.0, ""),
        (1.0, math.inf, ""),
    ],
)
def test_round_numbers_are_chosen(low, high, labels):
    found = log_ticks(low, high, lambda text: len(text) / 50)
    assert " ".join(label for _, label in found) == labels


NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="needs Node")
def test_the_page_chooses_the_same(tmp_path):
    script = Path(probbound.__file__).parent / "cli" / "report" / "ticks.js"
    asked = [(low, high, letters) for low, high in ranges() for letters in LETTERS]
    call = "([low, high, letters]) => logTicks(low, high, (text) => text.length / letters)"
    program = f"{script.read_text()}\nconst asked = {json.dumps(asked)};\n"
    (tmp_path / "run.js").write_text(f"{program}console.log(JSON.stringify(asked.map({call})));")
    said = subprocess.run([str(NODE), str(tmp_path / "run.js")], capture_output=True, check=True)
    for (low, high, letters), found in zip(asked, json.loads(said.stdout), strict=True):
        here = log_ticks(low, high, lambda text, letters=letters: len(text) / letters)
        assert [label for _, label in found] == [label for _, label in here]
        assert [value for value, _ in found] == pytest.approx([value for value, _ in here])
