"""Rows of a law and of a generator from the shell: certified, shown, and verified twice."""

import json
from shlex import split

import pytest

from probbound.check.__main__ import main as check
from probbound.cli.main import run
from probbound.models.store import save_model
from tests.probbound.tasks.next_token import drawn, rows


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A network, rows, a law and a file of generators, by names in the working directory."""
    monkeypatch.chdir(tmp_path)
    rows.saved(tmp_path)
    drawn.saved(tmp_path, drawn.weights() / 7.0)["data"].rename("shares.npz")
    drawn.saved(tmp_path)
    drawn.written(tmp_path)
    save_model(rows.model("net"), tmp_path / "net.safetensors")
    return tmp_path


CERTIFY = "certify net.safetensors --strategy iid --budget 20 --delta 0.1 --out made.json --data"
VERIFY, CHECK = "verify made.json --model net.safetensors", "made.json net.safetensors"
CODE = "--replay generators.py:others"


def told(capsys, line, status=0, command=run):
    """What a command prints, on either stream, in one line."""
    capsys.readouterr()
    assert command(split(line)) == status, line
    found = capsys.readouterr()
    return " ".join((found.out + found.err).split())


def test_a_law_is_certified_shown_and_verified(capsys):
    said = told(capsys, f"{CERTIFY} law.npz")
    assert "all draws of rows of tokens" in said
    assert "rows of 5 independent tokens, each position by its law, " in said
    page = told(capsys, "show made.json")
    assert "all draws of rows of tokens" in page
    assert "net.safetensors" not in page
    assert "--data law.npz" in page
    told(capsys, f"{VERIFY} --data law.npz --fresh")
    assert "the law of the rows has the digest" in told(
        capsys, f"{CHECK} --data law.npz", command=check
    )
    assert "this has" in told(capsys, f"{VERIFY} --data shares.npz", 1)
    assert "holds no array law" in told(capsys, f"{VERIFY} --data rows.npz", 2)
    assert "rounded to multiples of 2^-24" in told(capsys, f"{CERTIFY} shares.npz --target 0.9")
    told(capsys, f"{VERIFY} --data shares.npz")


def test_a_generator_is_certified_shown_and_verified_with_its_code_or_without(capsys):
    said = told(capsys, f"{CERTIFY} generators.py:others")
    assert "rows of 5 tokens by the generator others, " in said
    assert "on trust that the rows of the generator are independent" in said
    page = told(capsys, "show made.json")
    assert "| on trust | that the rows of the generator are independent and have one law" in page
    assert "--replay FILE.py:NAME" in page
    holds = told(capsys, f"{VERIFY} {CODE} --fresh")
    assert "new samples agree" in holds
    assert "taken on trust: that the rows of the generator are independent" in holds
    assert "confirmed: the same rows were drawn and answered again" in holds
    told(capsys, f"{CHECK} {CODE}", command=check)
    without = told(capsys, VERIFY, 4)
    assert "depends on: the answers to 20 rows of its generator, as counted in it" in without
    assert "drawn and answered again" not in without
    told(capsys, CHECK, 4, command=check)
    assert "another source" in told(capsys, f"{VERIFY} --replay generators.py:prompts", 1)
    assert "--data has no use" in told(capsys, f"{VERIFY} --data law.npz", 2)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (f"{CERTIFY} generators.py", "a generator of rows is named FILE.py:NAME"),
        (f"{CERTIFY} none.py:a", "there is no file none.py"),
        (f"{CERTIFY} generators.py:none", "generators.py has no none"),
        (f"{CERTIFY} net.safetensors", "is no file of rows: expected .npz, .jsonl, .parquet, or"),
        (
            "certify net.safetensors --strategy brute-force --data law.npz",
            "rows of a law or a generator are no list; iid draws them",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_exit_status_2(line, sentence, capsys):
    assert sentence in told(capsys, line, 2)


def test_the_certificate_says_what_is_on_trust(capsys):
    told(capsys, f"{CERTIFY} generators.py:others")
    with open("made.json", encoding="utf-8") as file:
        stated = json.load(file)["claim"]["population"]
    assert stated["on_trust"].startswith("that the rows of the generator are independent")
    assert (stated["size"], stated["prior"]) == (None, None)
