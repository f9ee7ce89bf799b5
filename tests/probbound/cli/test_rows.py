"""Claims about rows from the shell: certified, verified twice, and bad input in one sentence."""

import json
from shlex import split

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from probbound.check.__main__ import main as check
from probbound.cli.main import run
from probbound.models.store import save_model
from tests.probbound.tasks.next_token import rows


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two networks and rows, by names in the working directory."""
    monkeypatch.chdir(tmp_path)
    rows.saved(tmp_path)
    for name, noise in (("net", 0.0), ("other", 0.02)):
        save_model(rows.model(name, noise), tmp_path / f"{name}.safetensors")
    lists = rows.tokens().tolist()
    text = "\n".join(json.dumps({"text": "\u2028", "tokens": row}) for row in lists)
    (tmp_path / "rows.jsonl").write_text(text.replace("\\u2028", "\u2028"), encoding="utf-8")
    pyarrow.parquet.write_table(pyarrow.table({"tokens": lists}), tmp_path / "rows.parquet")
    np.savez("long.npz", tokens=np.tile(rows.tokens(), (1, 2)))
    return tmp_path


CERTIFY = "certify net.safetensors --task next-token --strategy iid --budget 20 --delta 0.1 --data"
VERIFY = "verify made.json --model net.safetensors --data"
CHECK = "made.json net.safetensors --data"


@pytest.mark.parametrize("data", ["rows.npz", "rows.jsonl", "rows.parquet"])
def test_rows_of_every_format_are_certified_and_verified(data, folder):
    compared = "--against other.safetensors"
    assert run(split(f"{CERTIFY} {data} {compared} --out made.json")) == 0
    for other in ("rows.npz", "rows.jsonl"):
        assert run(split(f"{VERIFY} {other} {compared}")) == 0
        assert check(split(f"{CHECK} {other} {compared}")) == 0
    assert run(split(f"{VERIFY} rows.npz {compared} --fresh")) == 0
    assert run(split(f"{VERIFY} rows.npz --against net.safetensors")) == 1
    assert run(split(f"{VERIFY} long.npz {compared}")) == 1
    assert check(split(f"{CHECK} long.npz {compared}")) == 1


ALONE = "certify net.safetensors --strategy iid"
BAD = {
    f"{CERTIFY} none.npz": "there is no file none.npz",
    f"{CERTIFY} rows.csv": "rows.csv is no file of rows",
    f"{CERTIFY} long.npz": "rows have 9 tokens to read, net reads 5",
    f"{CERTIFY} rows.npz --against max-of-4": "networks of kind transformer",
    f"{CERTIFY} rows.npz --claim loss --target 0.5": "leave the target out",
    f"{CERTIFY} rows.npz --claim kl --at 0.1": "name it with --against",
    f"{CERTIFY} rows.npz --claim kl --against net.safetensors": "give it with --at",
    f"{CERTIFY} rows.npz --arithmetic float32": "arithmetic must be auto or one of",
    f"{CERTIFY} rows.npz --against net.safetensors --claim margin --at 1": "without a margin",
    f"{ALONE} --task next-token": "rows of tokens that you bring",
    f"{ALONE} --task next-token --against net.safetensors": "--data TOKENS",
    ALONE: "rows of tokens that you bring",
    "certify max-of-4 --task next-token --strategy iid --data rows.npz": "kind transformer",
    "certify max-of-4 --strategy iid --data rows.npz": "max-of-k is about inputs of its own",
}


def test_bad_input_is_one_sentence_and_exit_status_2(folder, capsys):
    for line, sentence in BAD.items():
        assert run(split(line)) == 2, line
        said = " ".join(capsys.readouterr().err.split())
        assert sentence in said, line
        assert "Traceback" not in said


def test_what_a_check_is_not_given_is_asked_for(folder, capsys):
    assert run(split(f"{CERTIFY} rows.npz --out made.json")) == 0
    assert (
        run(["certify", "max-of-4", "--strategy", "iid", "--budget", "9", "--out", "max.json"]) == 0
    )
    capsys.readouterr()
    for line, sentence in (
        ("verify made.json --model net.safetensors", "give their file with --data"),
        (f"{VERIFY} rows.parquet", "save the same rows as one of these"),
        (f"{VERIFY} none.npz", "none.npz"),
        (f"{VERIFY} rows.npz --against net.safetensors", "leave --against out"),
        ("verify max.json --data rows.npz", "has inputs of its own; leave --data out"),
    ):
        assert run(split(line)) == 2, line
        said = " ".join(capsys.readouterr().err.split())
        assert sentence in said, line
    for line in ("made.json net.safetensors", f"{CHECK} rows.parquet", f"{CHECK} none.npz"):
        assert check(split(line)) == 2, line
        assert capsys.readouterr().err.startswith("error: ")
