import pytest

from probbound.cli.main import run


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
