"""Whole numbers as people write them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probbound.cli.main import run
from probbound.cli.whole import whole
from probbound.machine.errors import UserError
from probbound.sweeps.config import SweepConfig, read_toml


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("1e6", 10**6),
        ("1E6", 10**6),
        ("2.5e3", 2500),
        ("1_000_000", 10**6),
        ("-3", -3),
        ("1.0", 1),
        ("9007199254740993", 2**53 + 1),
        ("1e29", 10**29),
    ],
)
def test_what_writes_a_whole_number_is_it_to_the_last_digit(text, number):
    assert whole(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "1.5",
        "1e-3",
        "inf",
        "-inf",
        "nan",
        "sNaN",
        "",
        "ten",
        "1e",
        "0x10",
        "1e9999999999999999999999",
    ],
)
def test_what_writes_none_is_refused_in_a_sentence(text):
    with pytest.raises(ValueError, match=r"no whole number, such as 20000, 2e4 or 20_000$"):
        whole(text)


@pytest.mark.parametrize("text", ["1e30", "1e999999999", "9" * 5000])
def test_a_number_beyond_reason_is_refused_before_it_is_written_out(text):
    with pytest.raises(ValueError, match="has more than 30 digits"):
        whole(text)


@given(st.integers(-(10**29), 10**29))
def test_every_integer_is_read_as_itself(number):
    assert whole(str(number)) == whole(f"{number:_}") == number


def made(capsys, *arguments):
    status = run(list(arguments))
    out, err = capsys.readouterr()
    assert status == 0, err
    return json.loads(out)


def test_the_command_line_takes_budgets_draws_and_grids_so(capsys):
    certify = ("certify", "max-of-4", "--json", "--strategy")
    short, long = (made(capsys, *certify, "iid", "--budget", text) for text in ("3e2", "300"))
    assert short["budget"] == 300
    assert short["self_sha256"] == long["self_sha256"]
    drawn = made(capsys, *certify, "cascade", "--draws", "2e3")["recipe"]
    assert drawn["law"] == {"law": "fixed or interrupted", "draws": 2000}
    counted = made(capsys, *certify, "cubic", "--grid-points", "1e2")["recipe"]
    assert counted["levels"][0]["grid_points"] == 100
    options = ("--budget", "1e3", "--methods", "entries")
    assert made(capsys, "noise", "max-of-4", *options, "--json")["budget"] == 1000


@pytest.mark.parametrize("text", ["1.5", "1e-3", "inf", "nan"])
def test_the_command_line_refuses_the_rest(capsys, text):
    assert run(["certify", "max-of-4", "--strategy", "iid", "--budget", text]) == 2
    assert capsys.readouterr().err == (
        f"error: Invalid value for '--budget': '{text}' is no whole number, such as 20000, 2e4 or "
        "20_000; probbound certify --help shows how it is called\n"
    )


def test_a_sweep_takes_budgets_so(tmp_path, capsys):
    grid = ("--models", "max-of-4", "--strategies", "iid", "--budgets", "1e1,2e1")
    assert made(capsys, "sweep", "--out", str(tmp_path / "s"), *grid, "--json")["certified"] == 2
    assert run(["sweep", "--out", str(tmp_path / "t"), *grid[:-1], "1e1,1.5"]) == 2
    assert "--budgets must be whole numbers separated by commas, got 1e1,1.5" in (
        capsys.readouterr().err
    )


def test_a_toml_file_takes_budgets_so(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text('models = ["a"]\nstrategies = ["iid"]\nbudgets = [1e6, 1_000]\nseeds = [1e1]\n')
    config = SweepConfig.from_mapping(read_toml(path), "s.toml")
    assert (config.budgets, config.seeds) == ((10**6, 1000), (10,))
    assert all(type(number) is int for number in (*config.budgets, *config.seeds))


@pytest.mark.parametrize("text", ["1.5", "1e19", "inf", "nan", "-1e3", "true"])
def test_a_toml_file_with_another_number_is_refused(tmp_path, text):
    path = tmp_path / "s.toml"
    path.write_text(f'models = ["a"]\nstrategies = ["iid"]\nbudgets = [{text}]\n')
    with pytest.raises(UserError, match="budgets must be whole numbers of forward passes"):
        SweepConfig.from_mapping(read_toml(path), "s.toml")
