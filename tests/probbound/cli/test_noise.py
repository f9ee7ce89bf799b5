"""`probbound noise` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from probbound.cli.main import run

MODEL = "max-of-4-s0"
FIELDS = {"quantity", "method", "bound", "guarantee", "delta", "entries", "flops", "seconds"}


def test_json_has_one_object_with_a_row_for_each_quantity_and_method(capsys):
    assert run(["noise", MODEL, "--rank", "1", "--budget", "500", "--exact", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    methods = {row["method"] for row in found["rows"]}
    assert {"entries", "tiles", "rows", "norm-screen", "sketch", "svd"} <= methods
    for row in found["rows"]:
        assert row.keys() >= FIELDS | {"truth"}
        assert row["bound"] is None or row["bound"] >= row["truth"]
        assert row["quantity"] != "share-above" or row["truth"] <= 1 / 9
        assert row["delta"] == (0 if row["guarantee"] == "deterministic" else 1e-6)


def test_the_same_seed_gives_the_same_bounds(capsys):
    bounds = []
    for _ in range(2):
        run(["noise", MODEL, "--methods", "entries,tiles,sketch", "--budget", "300", "--json"])
        rows = json.loads(capsys.readouterr().out)["rows"]
        bounds.append([row["bound"] for row in rows])
    assert bounds[0] == bounds[1]


def test_no_digit_is_cut_where_the_console_is_narrow(capsys):
    assert run(["noise", MODEL, "--exact", "--methods", "svd,sketch"]) == 0
    rows = capsys.readouterr().out.split("\nShares count")[0]
    assert max(map(len, rows.splitlines())) > 80
    assert "largest-row-spread" in rows
    assert "…" not in rows


def test_the_table_and_the_figure(capsys, tmp_path):
    path = tmp_path / "noise.png"
    arguments = ["noise", MODEL, "--term", "ov", "--methods", "entries,svd", "--plot", str(path)]
    assert run(arguments) == 0
    shown = capsys.readouterr().out
    assert "share-above" in shown
    assert "entries" in shown
    assert path.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--delta", "0"], "delta must lie"),
        (["--budget", "-1"], "budget must be"),
        (["--methods", "magic"], "no method 'magic'"),
        (["--methods", ""], "no method ''"),
        (["--rank", "99"], "rank must lie"),
        (["--term", "mlp"], "mlp"),
        (["--plot", "x.pdf"], "--plot must end in .png"),
        (["--threshold", "-1"], "threshold must be"),
        (["--head", "3"], "head must lie"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(capsys, arguments, message):
    assert run(["noise", MODEL, *arguments]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "\n" not in error


def test_a_figure_that_cannot_be_drawn_leaves_the_old_one(monkeypatch, tmp_path):
    from matplotlib.figure import Figure

    def half_written(self, target, **_):
        with open(target, "wb") if isinstance(target, (str, Path)) else target as file:
            file.write(b"half")
        raise OSError("the disk is full")

    monkeypatch.setattr(Figure, "savefig", half_written)
    path = tmp_path / "noise.png"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="the disk is full"):
        run(["noise", MODEL, "--methods", "svd", "--plot", str(path)])
    assert path.read_bytes() == b"old"


def test_a_network_that_has_no_such_paths_is_refused_in_a_sentence(capsys):
    assert run(["noise", "mod-add-p59-s0"]) == 2
    assert "error: bounds are proved for probbound.Transformer itself" in capsys.readouterr().err
