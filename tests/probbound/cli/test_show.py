import json

import pytest

from probbound.cli.main import run
from tests.forgeries import relabelled


@pytest.mark.parametrize("command", ["show", "verify"])
def test_a_file_with_a_name_twice_is_refused_in_one_sentence(capsys, tmp_path, command):
    path = tmp_path / "c.json"
    run(["certify", "max-of-4", "--strategy", "iid", "--budget", "9", "--out", str(path)])
    capsys.readouterr()
    path.write_text(path.read_text().replace('"bound":', '"bound": 1.0, "bound":', 1))
    assert run([command, str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {path} cannot be read as a certificate: ")
    assert "stands twice in one object" in err
    assert err.count("\n") == 1


def test_a_page_says_what_is_run_level_by_level(capsys, tmp_path):
    path = tmp_path / "c.json"
    run(["certify", "max-of-4", "--strategy", "hybrid:sub-cubic", "--out", str(path)])
    capsys.readouterr()
    assert run(["show", str(path)]) == 0
    runs = (
        "sub-cubic enumerated (mean diff True), then forward pass sampled; number of draws: fixed"
    )
    assert f"Strategy hybrid:sub-cubic: {runs}. The proof alone" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["strategy", "chosen"])
@pytest.mark.parametrize("label", ["iid:tables", "auto", "the best", ""])
def test_verify_refuses_a_name_of_other_levels_than_those_that_ran(capsys, tmp_path, name, label):
    path = tmp_path / "c.json"
    run(["certify", "max-of-4", "--strategy", "iid", "--budget", "9", "--out", str(path)])
    path.write_text(json.dumps(relabelled(json.loads(path.read_text())["predicate"], name, label)))
    capsys.readouterr()
    assert run(["verify", str(path)]) == 1
    assert f"does not hold: its label {label!r} is not" in capsys.readouterr().out
