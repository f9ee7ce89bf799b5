"""`probbound noise` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from probbound.cli.main import run
from probbound.cli.noise_subject import without

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
    assert "mod-add-p59-s0 is of kind pair-mlp; --chain A,B" in capsys.readouterr().err


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "sae.npz", W_dec=rng.standard_normal((30, 12)), bad=np.full((12, 2), np.nan)
    )
    np.savez(tmp_path / "model.npz", W_U=rng.standard_normal((12, 25)))
    np.savez(tmp_path / "given.npz", left=np.ones((30, 1)), right=rng.standard_normal((25, 2)))
    return tmp_path


def test_a_chain_of_two_files_is_bounded_by_every_method(files, capsys):
    chain = f"W_dec,{files}/model.npz:W_U"
    arguments = ["noise", str(files / "sae.npz"), "--chain", chain, "--budget", "200", "--exact"]
    assert run([*arguments, "--directions", str(files / "given.npz"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["chain"], found["shape"], found["rank"]) == (chain, [30, 25], 0)
    methods = {row["method"] for row in found["rows"]}
    assert {"entries", "tiles", "rows", "norm-screen", "sketch", "svd", "frobenius"} <= methods
    assert "input-share" not in {row["quantity"] for row in found["rows"]}
    for row in found["rows"]:
        assert row["bound"] is None or row["bound"] >= row["truth"]
    assert run([*arguments, "--methods", "svd", "--plot", str(files / "chain.png")]) == 0
    shown = capsys.readouterr().out
    assert "without 1 leading direction: 30 × 25" in " ".join(shown.split())
    assert "tokens" not in shown
    assert (files / "chain.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--chain", "W_deck"], "names near it: W_dec"),
        (["--chain", "W_dec,W_dec"], "30 × 12 and W_dec, the next in the chain, 30 × 12"),
        (["--chain", "W_dec,bad"], "bad holds a NaN"),
        (["--chain", "W_dec", "--head", "0"], "--head means nothing beside --chain"),
        (["--chain", "W_dec", "--out", "x"], "--out means nothing without --map"),
        (["--chain", "W_dec", "--rank", "13"], "rank must lie between 0 and 12"),
        (["--chain", "W_dec", "--directions", "no.npz"], "there is no file no.npz"),
        (["--chain", "W_dec", "--directions", "{files}/given.npz"], "right directions must be"),
        (["--chain", "W_dec", "--directions", "{files}/sae.npz"], "neither left nor right"),
        (["--map", "--chain", "W_dec"], "--chain means nothing beside --map"),
        (["--map"], "--chain takes any names"),
    ],
)
def test_a_bad_chain_is_one_sentence_and_exit_2(files, capsys, arguments, message):
    arguments = [argument.format(files=files) for argument in arguments]
    assert run(["noise", str(files / "sae.npz"), *arguments]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "\n" not in error


def test_a_map_as_table_figure_and_parquet(tmp_path, capsys):
    out = tmp_path / "new" / "map"
    assert run(["noise", MODEL, "--map", "--out", str(out), "--budget", "1000", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["circuit"] for row in found["rows"]] == ["qk", "ov"]
    assert (found["delta"], found["circuits"]) == (1e-6, 2)
    table = pq.read_table(out / "map.parquet").to_pylist()
    assert table == found["rows"]
    assert (out / "map.png").stat().st_size > 10_000
    for row in table:
        assert row["exact_share_above"] <= row["share_above"] <= 1
        assert row["delta"] <= 5e-7
        assert row["left_1"] > row["left_4"] > row["left_16"]
    assert run(["noise", MODEL, "--map", "--ends", "stream", "--rank", "2"]) == 0
    assert "qk (32 × 32 × 32) without 2 leading directions" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rank", "given", "words"),
    [
        (0, None, "with nothing taken out"),
        (1, None, "without 1 leading direction"),
        (0, Path("d.npz"), "without d.npz"),
        (2, Path("d.npz"), "without d.npz and 2 leading directions"),
    ],
)
def test_what_was_taken_out_is_said(rank, given, words):
    assert without(rank, given) == words


def test_a_map_that_cannot_be_written_is_refused_before_the_work(tmp_path, capsys):
    (tmp_path / "file").write_bytes(b"")
    assert run(["noise", MODEL, "--map", "--out", str(tmp_path / "file")]) == 2
    assert "cannot make the folder" in capsys.readouterr().err
