"""The file of a replay: what is executed is what is there."""

import os
import sys

from probbound.check.own.given import load_object

FILE = "def good(pairs):\n    return pairs[:, 0] > {least}\n"


def test_what_runs_is_what_is_there_now(tmp_path, monkeypatch):
    """An edit of the same length within a second, which Python's import does not notice."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path, answers = tmp_path / "claims.py", []
    for least in (2, 3):
        path.write_text(FILE.format(least=least))
        os.utime(path, (1e9, 1e9))
        answers.append(load_object(f"{path}:good").__code__.co_consts)
    assert 3 in answers[1]
    assert answers[0] != answers[1]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["claims.py"]
