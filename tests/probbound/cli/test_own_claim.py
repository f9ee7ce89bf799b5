"""Own claims on the command line, as docs/own-claims.md shows it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from probbound.cli.main import run
from tests.probbound.cli.test_startup import HEAVY, loaded_by

PAGE = (Path(__file__).parents[3] / "docs" / "own-claims.md").read_text()
SECTION = PAGE[PAGE.index("## Check it") :]
COMMANDS = re.findall(r"```sh\n(.*?)```", SECTION, flags=re.DOTALL)[0].splitlines()
CLAIMS = re.findall(r"```python\n(.*?)```", SECTION, flags=re.DOTALL)[0]
PLAIN = """
def good(pairs):
    return pairs.sum(axis=1) % 10 != 3

class Pairs:
    def statement(self):
        return {"kind": "product", "sizes": [40, 40]}

class Claim:
    population, check = Pairs(), staticmethod(good)

CLAIM = Claim()
"""
MADE = """
import probbound

def good(pairs):
    return pairs.sum(axis=1) % 10 != 3

def raises(pairs):
    raise RuntimeError("no such device")

CLAIM = probbound.Given(probbound.Product(40, 40), good, name="pairs")
BROKEN = probbound.Given(probbound.Product(40, 40), raises, name="pairs")
NUMBER = 5
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "claims.py").write_text(MADE)
    (tmp_path / "plain.py").write_text(PLAIN)
    return tmp_path


def test_the_page_shows_what_works(here, capsys):
    (here / "claims.py").write_text(CLAIMS)
    statuses = [0, 0, 4, 0]
    for line, status in zip(COMMANDS, statuses, strict=False):
        assert run(line.split()[1:]) == status, line
    out = capsys.readouterr().out
    assert "entries below 45: of all 5,000 × 5,000 index tuples, the share that fails" in out
    assert "holds if the counts are as stated: entries below 45" in out
    assert "\nholds: entries below 45" in out
    done = subprocess.run(
        [sys.executable, *COMMANDS[4].split()[1:]], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("\nholds\n")


def test_the_checker_alone_loads_no_maker(here):
    made = ["certify", "claims.py:CLAIM", "--budget", "90", "--delta", "0.1", "--out", "c.json"]
    assert run(made) == 0
    for given, status in (([], 4), (["--replay", "plain.py:CLAIM"], 0)):
        found, modules = loaded_by("probbound.check", "c.json", *given)
        assert found == status
        assert not (HEAVY - {"numpy", "scipy"} | {"click", "rich"}) & modules
        own = {name for name in modules if name.startswith(("probbound.", "estimators"))}
        assert all(name.startswith("probbound.check") for name in own)
    status, modules = loaded_by("probbound", "verify", "c.json")
    assert status == 4
    assert not ({"jax", "equinox", "jsonschema", "probbound.own"} & modules)


def test_json_says_what_a_verdict_depends_on(here, capsys):
    run(["certify", "claims.py:CLAIM", "--budget", "90", "--out", "c.json", "--side", "two"])
    capsys.readouterr()
    assert run(["verify", "c.json", "--json"]) == 4
    found = json.loads(capsys.readouterr().out)
    assert not found["holds"]
    assert found["reasons"] == []
    assert "90 looks in all" in found["depends_on"][0]
    assert run(["certify", "claims.py:CLAIM", "--budget", "90", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["format"] == "probbound-own-claim/1"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["certify", "claims.py"], "an own claim is named FILE.py:NAME, got 'claims.py'"),
        (["certify", "none.py:CLAIM"], "there is no file none.py"),
        (["certify", r"C:\none.py:CLAIM"], r"there is no file C:\none.py"),
        (["certify", "claims.py:OTHER"], "claims.py has no OTHER"),
        (["certify", "claims.py:a b"], "an own claim is named FILE.py:NAME, got 'claims.py:a b'"),
        (["certify", "claims.py:NUMBER"], "claims.py:NUMBER is a int; it has to be a probbound."),
        (["certify", "claims.py:BROKEN"], "the functions of claims.py:BROKEN cannot be used"),
        (["certify", "broken.py:CLAIM"], "broken.py cannot be run: ZeroDivisionError"),
        (["certify", "claims.py:CLAIM", "--target", "0.1"], "--target is for claims about net"),
        (["certify", "claims.py:CLAIM", "--claim", "loss"], "--claim is for claims about net"),
        (["certify", "claims.py:CLAIM", "--task", "max-of-k"], "--task is for claims about net"),
        (["certify", "claims.py:CLAIM", "--delta", "auto"], "δ of an own claim is a number"),
        (["certify", "claims.py:CLAIM", "--strategy", "hybrid"], "hybrid"),
        (["certify", "max-of-4", "--strategy", "iid", "--side", "two"], "--side is for own claims"),
        (["verify", "c.json", "--model", "max-of-4"], "--model is for claims about networks"),
        (["verify", "c.json", "--fresh"], "--fresh is for claims about networks"),
        (["verify", "c.json", "--replay", "claims.py:BROKEN"], "another source"),
        (
            ["verify", "c.json", "--replay", "claims.py:NUMBER"],
            "claims.py:NUMBER has no population",
        ),
    ],
)
def test_what_makes_no_sense_is_one_sentence(here, capsys, arguments, sentence):
    (here / "broken.py").write_text("1 / 0\n")
    run(["certify", "claims.py:CLAIM", "--budget", "90", "--out", "c.json"])
    capsys.readouterr()
    status = run(arguments)
    out, err = capsys.readouterr()
    assert status == (1 if "BROKEN" in arguments[-1] and arguments[0] == "verify" else 2)
    assert sentence in (out if status == 1 else err)
    assert "Traceback" not in err


def test_a_claim_about_a_network_needs_its_weights(here, capsys):
    run(["certify", "max-of-4", "--strategy", "iid", "--budget", "9", "--out", "m.json"])
    assert run(["verify", "m.json", "--replay", "claims.py:CLAIM"]) == 2
    assert "max-of-k has inputs of its own; leave --replay out" in capsys.readouterr().err
    done = subprocess.run(
        [sys.executable, "-m", "probbound.check", "m.json"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: it is about a network; give the file of its weights\n"
