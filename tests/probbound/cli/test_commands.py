"""What a newcomer reads."""

import json

import pytest

from probbound.check.__main__ import main as check_main
from probbound.cli.main import run
from probbound.models.catalogue import ALIASES, Header, shipped_names, shipped_path
from probbound.models.registry import load, room_of, sizes_shown
from probbound.models.store import digest


def printed(capsys, *arguments):
    assert run(list(arguments)) == 0
    return capsys.readouterr().out


def test_without_a_command_there_is_help(capsys):
    assert printed(capsys) == printed(capsys, "--help")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("certify",), "Missing argument 'MODEL'; probbound certify --help shows"),
        (("import", "x.pth"), "Missing option '--out'; probbound import --help shows"),
        (("nonsense",), "No such command 'nonsense'; probbound --help shows"),
    ],
)
def test_who_calls_it_wrongly_is_shown_where_help_is(capsys, arguments, error):
    assert run(list(arguments)) == 2
    assert capsys.readouterr().err == f"error: {error} how it is called\n"


def test_of_the_models_an_alias_is_marked(capsys):
    lines = printed(capsys, "models").splitlines()
    marked = [line.split()[:2] for line in lines if line.lstrip().startswith("max-of-4 *")]
    assert marked == [["max-of-4", "*"]]
    assert "* max-of-4 is another name of max-of-4-s0" in lines
    assert all(len(line) <= 80 for line in lines)
    assert "max-of-k (attention-only)" in (line.strip() for line in lines)
    rows = json.loads(printed(capsys, "models", "--json"))["models"]
    assert {row["name"]: row["alias_of"] for row in rows if row["alias_of"]} == ALIASES


@pytest.mark.parametrize("name", shipped_names())
def test_the_header_of_a_shipped_model_is_true_of_its_weights(name, capsys):
    model, header = load(name), Header.of(name)
    assert header.sha256 == digest(model)
    assert header.parameters == sum(array.size for array in room_of(model).arrays(model).values())
    (row,) = [
        row
        for row in json.loads(printed(capsys, "models", "--json"))["models"]
        if row["name"] == name
    ]
    sizes = sizes_shown(model.kind)
    assert {size: row[size] for size in sizes} == {
        size: getattr(getattr(model, "architecture", model), size) for size in sizes
    }


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("iid", "--budget", "9"), "9 draws, 9 run, 0 failed"),
        (("hybrid", "--budget", "9"), "9 draws from the rest, 9 run, 0 failed"),
        (("hybrid",), "all 3,921 of the rest, 3,921 run, 27 failed"),
    ],
)
def test_where_draws_came_from_is_said(capsys, options, line):
    out = printed(capsys, "certify", "max-of-4", "--strategy", *options)
    assert f"sampling {line}" in " ".join(out.split())


@pytest.mark.parametrize(
    "options",
    [("auto", "--budget-flops", "1e6"), ("iid", "--budget", "50", "--delta", "auto")],
)
def test_a_plan_that_was_made_again_is_not_taken_on_trust(capsys, tmp_path, options):
    path = str(tmp_path / "c.json")
    printed(capsys, "certify", "max-of-4", "--strategy", *options, "--out", path)
    out = printed(capsys, "verify", path)
    line = "confirmed: what was planned before the draws was planned again, and is what ran\n"
    assert line in out
    assert "pilot" not in out
    assert check_main([path, str(shipped_path("max-of-4"))]) == 0
    assert line in capsys.readouterr().out


def test_names_of_files_are_printed_as_they_are(capsys, tmp_path):
    path = tmp_path / "[bold]c.json"
    assert run(["certify", "max-of-4", "--strategy", "cubic", "--out", str(path)]) == 0
    assert f"certificate written to {path}\n" in capsys.readouterr().err
