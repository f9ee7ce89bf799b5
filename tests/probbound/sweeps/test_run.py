"""A sweep resumes where it was, gives what an uninterrupted one gives, and drops no failure."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import probbound
from probbound.check.judge import judge
from probbound.cli.main import run
from probbound.machine.errors import UserError
from probbound.models.store import read_model
from probbound.sweeps.local import in_process
from probbound.sweeps.run import Sweep, run_sweep
from probbound.sweeps.store import FORMAT, SweepStore
from probbound.sweeps.table import RESULTS, SCHEMA, Summary, read_results
from tests.factories import copying_model, weights_of
from tests.probbound.sweeps.small import cells_without_clock, small_config, small_models


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return small_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def whole(models, tmp_path_factory):
    """An uninterrupted sweep."""
    out = tmp_path_factory.mktemp("whole") / "sweep"
    return out, run_sweep(small_config(models), out)


def test_deterministic_strategies_are_not_repeated(whole):
    rows = whole[1].to_pylist()
    assert len(rows) == 2 * (2 + 3 * 8)
    for row in rows:
        settings = {row[name] for name in ("budget", "delta", "seed")}
        assert (settings == {None}) == (row["strategy"] in ("brute-force", "cubic"))


def test_a_screen_that_spends_delta_meets_no_budget(models, tmp_path):
    table = run_sweep(small_config(models[:1], ("low-rank-qk:sketch",)), tmp_path / "s")
    rows = table.to_pylist()
    assert len(rows) == 4
    assert {row["budget"] for row in rows} == {None}
    assert {(row["delta"], row["seed"]) for row in rows} == {
        (delta, seed) for delta in (1e-3, 1e-6) for seed in (0, 1)
    }


def test_every_cell_is_a_certificate_that_verifies(whole, models):
    loaded = {model.name: model for model in map(read_model, map(Path, models))}
    for record in SweepStore.open(whole[0]).contents().records.values():
        assert record.certificate is not None
        assert judge(record.certificate, weights_of(loaded[record.cell.model])).holds


def test_rows_say_what_the_certificates_say(whole):
    rows = {row["key"]: row for row in whole[1].to_pylist()}
    for record in SweepStore.open(whole[0]).contents().records.values():
        row, certificate = rows[record.cell.key], record.certificate
        assert certificate is not None
        assert row["failure_upper"] == certificate["failure_upper"]
        assert row["flops"] == certificate["cost"]["flops"]
        assert row["samples"] == certificate["sampling"]["samples"]
        assert row["delta_spent"] == certificate["delta"]
        absent = {name for name in SCHEMA.names if row[name] is None}
        assert _OF_OTHER_QUESTIONS <= absent <= _OF_OTHER_QUESTIONS | _MAY_BE_NULL
    stored = read_results(whole[0] / RESULTS)
    assert stored.equals(whole[1])


_MAY_BE_NULL = {"budget", "delta", "paths", "seed", "reason"}
_OF_OWN_CLAIMS = {"claim_sha256", "file_sha256", "looks", "cheap_looks"}
_OF_OTHER_QUESTIONS = _OF_OWN_CLAIMS | {
    *("at", "prior_sha256", "loss_upper", "largest_loss", "mean_loss"),
    *("data", "against", "arithmetic", "inputs_sha256"),
}


def test_every_column_is_documented():
    page = Path(__file__).parents[3] / "docs" / "sweeps.md"
    columns = page.read_text().split("## Columns")[1].split("## ")[0]
    listed = [
        name for line in columns.splitlines() for name in _NAMES.findall(line.split(" | ")[0])
    ]
    assert sorted(listed) == sorted(SCHEMA.names)


_NAMES = re.compile("`([a-z_0-9]+)`")


def test_what_is_there_is_not_run_again(whole, models):
    def refuse(jobs):
        assert list(jobs) == []
        return iter(())

    before = (whole[0] / RESULTS).read_bytes()
    again = run_sweep(small_config(models), whole[0], backend=refuse)
    assert again.equals(whole[1])
    assert (whole[0] / RESULTS).read_bytes() == before


def test_a_store_may_be_asked_more_and_a_table_is_of_its_own_grid(whole, models, tmp_path):
    few = run_sweep(small_config(models, ("cubic",)), tmp_path / "s")
    more = run_sweep(small_config(models[:1], ("iid",)), tmp_path / "s")
    assert (len(few), len(more)) == (2, 8)
    assert len(read_results(tmp_path / "s" / RESULTS)) == 10
    assert len(SweepStore.open(tmp_path / "s").contents().asked) == 2


def test_an_interrupted_sweep_goes_on_to_the_same_bytes(whole, models, tmp_path):
    def interrupted(jobs):
        for done, record in enumerate(in_process(jobs)):
            if done == 20:
                raise KeyboardInterrupt
            yield record

    out = tmp_path / "s"
    with pytest.raises(KeyboardInterrupt):
        run_sweep(small_config(models), out, backend=interrupted)
    assert len(cells_without_clock(out)) == 20
    run_sweep(small_config(models), out)
    assert cells_without_clock(out) == cells_without_clock(whole[0])


def test_kill_9_loses_nothing_but_the_cell_in_flight(whole, models, tmp_path):
    out = tmp_path / "s"
    grid = ["--strategies", "brute-force,cubic,iid,hybrid,cascade", "--budgets", "5,40"]
    grid += ["--deltas", "1e-3,1e-6", "--seeds", "0,1", "--models", ",".join(models)]
    arguments = ["sweep", "--out", str(out), *grid]
    process = subprocess.Popen([sys.executable, "-m", "probbound", *arguments])
    while process.poll() is None and len(list(out.glob("cells/*.json"))) < 3:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    kept = {path: path.read_bytes() for path in out.glob("cells/*.json")}
    assert 3 <= len(kept) < 52
    assert run(arguments) == 0
    assert cells_without_clock(out) == cells_without_clock(whole[0])
    assert {path: path.read_bytes() for path in kept} == kept


def test_an_interrupted_cascade_is_no_answer(models, tmp_path, monkeypatch):
    """A cascade turns an interruption into a certificate; that is of another question."""

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("probbound.strategies.rooms.InOrder.entered", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(small_config(models[:1], ("cascade",)), tmp_path / "s")
    assert cells_without_clock(tmp_path / "s") == {}


def test_two_sweeps_at_once_lose_nothing(whole, models, tmp_path):
    """The second starts after the first has listed what is to do, and ends before it goes on."""
    out, config = tmp_path / "s", small_config(models)
    first = Sweep.prepared(config, out)
    second = Sweep.prepared(config, out)
    assert second.run().ran == 52
    assert first.run().ran == 0
    assert cells_without_clock(out) == cells_without_clock(whole[0])


def test_failed_cells_are_counted_and_only_retried_on_request(tmp_path):
    wide = {"wide": copying_model(0, d_vocab=8, n_ctx=13), "fine": copying_model(0)}
    config = small_config(("wide", "fine"), ("brute-force", "iid"))
    table = run_sweep(config, tmp_path / "s", models=wide)
    failed = [row for row in table.to_pylist() if row["status"] == "failed"]
    assert [(row["model"], row["strategy"]) for row in failed] == [("wide", "brute-force")]
    assert "brute force would run" in failed[0]["reason"]
    assert failed[0]["bound"] is None
    counts = Summary.of(table)
    assert (counts.cells, counts.certified, counts.failed) == (18, 17, 1)
    assert counts.joint_delta == pytest.approx(8 * 1e-3 + 8 * 1e-6)
    for retry, expected in ((False, []), (True, [("wide", "brute-force")])):
        sweep = Sweep.prepared(config, tmp_path / "s", models=wide, retry_failed=retry)
        assert [(cell.model, cell.strategy) for cell in sweep.pending] == expected


def test_an_unexpected_exception_is_recorded_too(models, tmp_path, monkeypatch):
    def broken(*arguments, **settings):
        raise ZeroDivisionError("one\ntwo")

    monkeypatch.setattr("probbound.sweeps.about.certify", broken)
    (row,) = run_sweep(small_config(models[:1], ("cubic",)), tmp_path / "s").to_pylist()
    assert (row["status"], row["reason"]) == ("failed", "ZeroDivisionError: one two")


def test_a_full_disk_is_one_sentence_and_keeps_what_was_finished(
    whole, models, tmp_path, monkeypatch, capsys
):
    out, real, written = tmp_path / "s", os.fsync, []

    def fsync(handle):
        written.append(handle)
        if len(written) > 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr("probbound.machine.files.os.fsync", fsync)
    grid = ["--strategies", "brute-force,cubic,iid,hybrid,cascade", "--budgets", "5,40"]
    grid += ["--deltas", "1e-3,1e-6", "--seeds", "0,1", "--models", ",".join(models)]
    assert run(["sweep", "--out", str(out), *grid]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: cannot write")
    assert "No space left on device" in err
    assert err.count("\n") == 1
    kept = cells_without_clock(out)
    assert len(kept) == 8
    assert not any(path.name.startswith(".") for path in out.rglob("*"))
    monkeypatch.undo()
    run_sweep(small_config(models), out)
    assert cells_without_clock(out) == cells_without_clock(whole[0])
    assert kept.items() <= cells_without_clock(out).items()


def test_a_damaged_cell_is_run_again_and_never_merged(whole, models, tmp_path):
    out, config = tmp_path / "s", small_config(models, ("cubic", "iid"))
    run_sweep(config, out)
    before = cells_without_clock(out)
    first, second, third = sorted((out / "cells").glob("*.json"))[:3]
    first.write_text(first.read_text()[:100])
    second.write_text(third.read_text())
    third.write_text("{}")
    for path in (first, second, third):
        with pytest.raises(UserError, match=path.name):
            SweepStore.open(out).record(path.stem)
    assert len(Sweep.prepared(config, out).pending) == 3
    run_sweep(config, out)
    assert cells_without_clock(out) == before


def test_a_half_written_table_is_one_sentence_and_made_anew(models, tmp_path):
    out, config = tmp_path / "s", small_config(models, ("cubic",))
    table = run_sweep(config, out)
    path = out / RESULTS
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match=r"is damaged; `probbound report .*` makes it anew"):
        read_results(path)
    assert run_sweep(config, out).equals(table)
    assert read_results(path).equals(table)
    path.unlink()
    with pytest.raises(UserError, match="there is no table"):
        read_results(path)


def test_foreign_directories_and_other_versions_are_refused(models, tmp_path):
    config = small_config(models, ("cubic",))
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.tex").write_text("x")
    with pytest.raises(UserError, match="holds something other than a sweep"):
        run_sweep(config, tmp_path / "foreign")
    assert [path.name for path in (tmp_path / "foreign").iterdir()] == ["thesis.tex"]
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / ".sweep.json.x1").write_text("{")
    run_sweep(config, tmp_path / "killed")
    with pytest.raises(UserError, match="holds no sweep"):
        SweepStore.open(tmp_path / "foreign")
    manifest = tmp_path / "killed" / "sweep.json"
    manifest.write_text(json.dumps({"format": FORMAT, "version": "0.0.1"}))
    with pytest.raises(UserError, match=r"was made by probbound 0\.0\.1"):
        run_sweep(config, tmp_path / "killed")
    manifest.write_text("[]")
    with pytest.raises(UserError, match="is not the manifest of a sweep"):
        run_sweep(config, tmp_path / "killed")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        run_sweep(config, tmp_path / "file")


def test_another_version_is_another_cell(whole, models):
    cell = Sweep.prepared(small_config(models), whole[0]).cells[0]
    assert cell.version == probbound.__version__
    assert replace(cell, version="0.0.1").key != cell.key


def test_two_models_of_one_name_are_refused(models, tmp_path):
    (tmp_path / "other").mkdir()
    other = small_models(tmp_path / "other")[1]
    clash = tmp_path / "other" / Path(models[0]).name
    clash.write_bytes(Path(other).read_bytes())
    with pytest.raises(UserError, match="two of the models are called copying-0"):
        run_sweep(small_config((models[0], str(clash))), tmp_path / "s")
    assert not (tmp_path / "s").exists()
