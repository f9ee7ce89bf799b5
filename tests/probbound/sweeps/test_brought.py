"""Inputs that a user brings as axes of a sweep: each cell is the certificate that certify gives."""

from __future__ import annotations

import json
from shlex import split

import numpy as np
import pytest

from probbound import NextToken, certify
from probbound.certificates.format import file_content
from probbound.check.__main__ import main as check
from probbound.cli.main import run
from probbound.cli.report.data import Report
from probbound.cli.report.markdown import markdown
from probbound.cli.report.page import page
from probbound.cli.report.plots import views_of
from probbound.machine.errors import UserError
from probbound.models.store import save_model
from probbound.sweeps.config import SweepConfig, read_toml
from probbound.sweeps.local import in_process, on_workers
from probbound.sweeps.run import Sweep, run_sweep
from probbound.sweeps.store import DamagedCell, SweepStore
from probbound.sweeps.table import SCHEMA
from tests.probbound.sweeps.altering import alter, certificate, put
from tests.probbound.sweeps.small import cells_without_clock
from tests.probbound.tasks.next_token import rows

GRID = SweepConfig(
    ("net.safetensors",),
    ("auto", "brute-force", "iid"),
    budgets=(20, 48),
    deltas=(1e-1,),
    tasks=("next-token",),
    claims=("accuracy", "margin:0.5"),
    data=("rows.npz",),
    against=("none", "other.safetensors"),
)
ONE = SweepConfig(
    ("net.safetensors",), ("iid",), budgets=(20,), tasks=("next-token",), data=("rows.npz",)
)


def bring(folder):
    rows.saved(folder)
    for name, noise in (("net", 0.0), ("other", 0.02)):
        save_model(rows.model(name, noise), folder / f"{name}.safetensors")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two networks and rows, by names in the working directory."""
    monkeypatch.chdir(tmp_path)
    bring(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A whole sweep, and its table."""
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("brought")
        patch.chdir(root)
        bring(root)
        return root, run_sweep(GRID, "s").to_pylist()


def other_rows(folder):
    """Rows of the same name that the network answers less well."""
    rows.saved(folder, rows.tokens(wrong=15))


def test_rows_say_what_was_brought_and_how_much_of_it_was_looked_at(swept):
    _, found = swept
    assert {row["status"] for row in found} == {"certified"}
    assert {(r["claim"], r["data"], r["against"], r["arithmetic"]) for r in found} == {
        ("accuracy", "rows.npz", None, "real"),
        ("accuracy", "rows.npz", "other.safetensors", "real"),
        ("margin", "rows.npz", None, "real"),
    }
    assert len({row["inputs_sha256"] for row in found}) == 2
    for row in found:
        exact = row["budget"] in (None, 48) and row["strategy"] != "auto"
        assert row["population"] == rows.NUMBER
        assert row["looks"] == (rows.NUMBER if row["guarantee"] == "deterministic" else 20)
        assert not exact or row["guarantee"] == "deterministic"
        assert row["answers"] is None
        assert set(row) == set(SCHEMA.names)
    alone = [row for row in found if row["claim"] == "accuracy" and row["against"] is None]
    (truth,) = [row["failure_upper"] for row in alone if row["strategy"] == "brute-force"]
    assert truth >= rows.WRONG / rows.NUMBER


def test_cells_are_the_certificates_of_certify_and_verify_with_the_files(swept, monkeypatch):
    root, _ = swept
    monkeypatch.chdir(root)
    records = SweepStore.open(root / "s").contents().records.values()
    assert len(records) == 3 * (1 + 2 + 2)
    net, other = rows.model("net"), rows.model("other", 0.02)
    chosen = [r.cell for r in records if r.cell.strategy == "iid" and r.cell.budget == 20]
    for record in records:
        if record.cell not in chosen:
            continue
        (root / "made.json").write_bytes(file_content(record.certificate or {}))
        against = ("--against", record.cell.against) if record.cell.against else ()
        assert check(["made.json", "net.safetensors", "--data", "rows.npz", *against]) == 0
        assert check(["made.json", "other.safetensors", "--data", "rows.npz", *against]) == 1
        if record.cell.claim == "accuracy":
            task = NextToken(rows.tokens(), against=other if against else None)
            made = certify(net, task, **record.cell.settings).to_json()
            assert made["failure_upper"] == (record.certificate or {})["failure_upper"]


def test_a_sweep_goes_on_where_it_stopped_and_workers_need_no_files(folder, swept):
    class Stop(Exception):
        pass

    def stopping(jobs):
        for number, record in enumerate(in_process(jobs)):
            if number == 4:
                raise Stop
            yield record

    with pytest.raises(Stop):
        run_sweep(GRID, "s", backend=stopping)
    prepared = Sweep.prepared(GRID, folder / "s")
    assert len(prepared.pending) == 15 - 4
    assert prepared.changed == ()
    for name in ("rows.npz", "net.safetensors", "other.safetensors"):
        (folder / name).unlink()
    assert prepared.run(on_workers(1)).ran == 15 - 4
    assert cells_without_clock(folder / "s") == cells_without_clock(swept[0] / "s")


def test_files_that_changed_are_run_anew_and_said_to(folder, capsys):
    command = "sweep --out s --models net.safetensors --strategies iid --budgets 20 --data rows.npz"
    assert run(split(command)) == 0
    lists = rows.tokens().tolist()
    text = "\n".join(json.dumps({"tokens": row}) for row in lists)
    (folder / "sub").mkdir()
    (folder / "sub" / "rows.jsonl").write_text(text)
    assert run([*split(command)[:-1], "sub/rows.jsonl"]) == 0
    other_rows(folder)
    capsys.readouterr()
    assert run(split(command)) == 0
    out, told = (" ".join(text.split()) for text in capsys.readouterr())
    assert "net on rows.npz is not what an earlier sweep of this directory read; its cells" in told
    assert "1 run now" in out
    assert run(split(command)) == 0
    out, told = (" ".join(text.split()) for text in capsys.readouterr())
    assert (told, "0 run now" in out) == ("", True)
    contents = SweepStore.open(folder / "s").contents()
    assert len(contents.records) == 3
    facets = Report.of(contents).facets
    changed, jsonl = sorted({facet.data_shown for facet in facets}), facets[0]
    assert [name[:10] for name in changed] == ["rows.jsonl", "rows.npz (", "rows.npz ("]
    assert jsonl.title == "failure rate, rows.jsonl, in real arithmetic"
    assert len({facet.slug for facet in facets}) == 3


def test_a_report_draws_bounds_against_what_was_looked_at(swept):
    report = Report.of(SweepStore.open(swept[0] / "s").contents())
    alone, compared, margin = report.facets
    assert compared.title.endswith(", rows.npz, against other.safetensors, in real arithmetic")
    assert (views_of(alone)[0].x, views_of(alone)[0].title) == ("looks", "rows of tokens looked at")
    assert (alone.measure.unit, margin.measure.unit) == (
        "share of all rows of tokens",
        "of all rows of tokens",
    )
    made = markdown(report, "s", [], swept[0])
    assert "| data | against | arithmetic | SHA-256 |" in made
    assert "looked at | cost | time" in made
    assert '"rows of tokens looked at"' in page(report, "s")


def test_the_other_network_is_a_part_of_what_a_cell_is_about(folder):
    config = SweepConfig(**{**vars(ONE), "against": ("other.safetensors",)})
    (first,) = run_sweep(config, "s").to_pylist()
    save_model(rows.model("other", 0.03), folder / "other.safetensors")
    prepared = Sweep.prepared(config, folder / "s")
    assert len(prepared.pending) == 1
    assert prepared.changed[0].startswith("net on rows.npz against other.safetensors is not what")
    assert prepared.pending[0].inputs_sha256 != first["inputs_sha256"]


def test_arithmetics_that_are_one_are_one_cell(folder):
    config = SweepConfig(**{**vars(ONE), "arithmetic": ("auto", "real", "float64")})
    found = run_sweep(config, "s").to_pylist()
    assert sorted(row["arithmetic"] for row in found) == ["float64", "real"]
    assert len({row["inputs_sha256"] for row in found}) == 2


def test_a_certificate_about_other_rows_is_not_read(folder):
    run_sweep(ONE, "s")
    (path,) = (folder / "s" / "cells").glob("*.json")
    alter(path, certificate(put("claim", "population", "sha256", "0" * 64)), reseal="all")
    with pytest.raises(DamagedCell, match="its inputs are not those of its task"):
        SweepStore.open(folder / "s").record(path.stem)


def below_its_counts(found):
    """A bound below what so many failures among different rows allow (Theorem 2.4)."""
    upper = found["levels"][0]["share_upper"]
    found["levels"][0]["share_upper"] = upper - 1 / rows.NUMBER


def test_draws_without_replacement_are_held_to_their_own_bound(folder):
    run_sweep(ONE, "s")
    (path,) = (folder / "s" / "cells").glob("*.json")
    alter(path, certificate(below_its_counts), reseal="all")
    with pytest.raises(DamagedCell, match="more was left over at a level than its share allows"):
        SweepStore.open(folder / "s").record(path.stem)


def test_a_cell_of_auto_is_read_again(folder):
    config = SweepConfig(**{**vars(ONE), "strategies": ("auto",)})
    run_sweep(config, "s")
    assert Sweep.prepared(config, folder / "s").pending == ()
    (path,) = (folder / "s" / "cells").glob("*.json")
    alter(path, certificate(put("budget_flops", None)), reseal="all")
    with pytest.raises(DamagedCell, match=r"operations to plan with|null"):
        SweepStore.open(folder / "s").record(path.stem)


def test_the_keys_of_a_configuration_are_those_of_the_command(folder):
    (folder / "grid.toml").write_text(GRID.to_toml())
    assert SweepConfig.from_mapping(read_toml(folder / "grid.toml"), "grid.toml") == GRID


def test_what_needs_files_is_told_in_one_sentence(folder, capsys):
    np.savez("long.npz", tokens=np.tile(rows.tokens(), (1, 2)))
    (folder / "sub").mkdir()
    rows.saved(folder / "sub", rows.tokens(wrong=15))
    start = "sweep --out s --strategies iid --models"
    bad = {
        "net.safetensors": "rows of tokens that you bring",
        "net.safetensors --data none.npz": "there is no file none.npz",
        "net.safetensors --data rows.npz,none.npz": "there is no file none.npz",
        "net.safetensors --data rows.csv": "rows.csv is no file of rows",
        "net.safetensors --data long.npz": "rows have 9 tokens to read, net reads 5",
        "net.safetensors --data rows.npz,sub/rows.npz": "two of the files are called rows.npz",
        "net.safetensors --data rows.npz --against max-of-4": "networks of kind transformer",
        "net.safetensors --data rows.npz --against no.safetensors": "no.safetensors",
        "net.safetensors --data rows.npz --arithmetic float32": "arithmetic must be auto or one",
        "net.safetensors --data rows.npz --priors p.txt": "there is no prior file",
        "net.safetensors --against other.safetensors": "that you bring: --data TOKENS",
        "max-of-4 --data rows.npz": "max-of-k is about inputs of its own, so --data is of no use",
        "max-of-4 --arithmetic real": "max-of-k is about inputs of its own, so --arithmetic is",
    }
    for arguments, told in bad.items():
        assert run(split(f"{start} {arguments}")) == 2, arguments
        error = " ".join(capsys.readouterr().err.split())
        assert error.startswith("error: "), arguments
        assert told in error, (arguments, error)
        assert error.count("error") == 1
    assert not (folder / "s").exists()


def test_a_claim_that_cannot_be_made_of_two_networks_is_left_out(folder):
    prepared = Sweep.prepared(GRID, folder / "s")
    assert {(c.claim, c.against) for c in prepared.left_out} == {
        ("margin:0.5", "other.safetensors")
    }
    alone = SweepConfig(**{**vars(GRID), "claims": ("margin:0.5",), "against": GRID.against[1:]})
    with pytest.raises(UserError, match=r"has no meaning in this grid: of two networks"):
        Sweep.prepared(alone, folder / "t")
