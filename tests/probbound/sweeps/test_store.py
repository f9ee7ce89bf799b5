"""A store publishes what a sweep wrote and nothing else: altered cells and strays are left out."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
from pathlib import Path

import pytest

from probbound.certificates.certificate import bound_of, confidence_weighted
from probbound.certificates.format import canonical
from probbound.cli.main import run
from probbound.machine.errors import UserError
from probbound.models.store import save_model
from probbound.sweeps.cells import Record
from probbound.sweeps.run import Sweep, run_sweep
from probbound.sweeps.store import DamagedCell, SweepStore
from probbound.sweeps.table import RESULTS, read_results
from tests.factories import copying_model
from tests.probbound.sweeps.altering import alter, certificate, put
from tests.probbound.sweeps.small import cells_without_clock, small_config

CONFIG = small_config(("net",), ("cubic", "iid", "hybrid", "cascade"))
MODELS = {"net": copying_model(0)}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("stores") / "made"
    run_sweep(CONFIG, out, models=MODELS)
    return out


@pytest.fixture
def store(made, tmp_path):
    """A copy that may be spoiled."""
    shutil.copytree(made, tmp_path / "s")
    return tmp_path / "s"


def key_of(out, strategy):
    records = SweepStore.open(out).contents().records
    return next(key for key, record in records.items() if record.cell.strategy == strategy)


CARELESS = {
    "seconds of the cell": put("seconds", 0.001),
    "seconds of the certificate": certificate(put("cost", "seconds", 0.0)),
    "bound": certificate(put("bound", 1.0)),
    "failure rate": certificate(put("failure_upper", 1e-9)),
    "delta": certificate(put("delta", 0.0)),
    "operations": certificate(put("cost", "flops", 1)),
    "failures": certificate(put("sampling", "failures", 0)),
    "an unknown field": put("note", "hello"),
    "an unknown field of the certificate": certificate(put("note", "hello")),
    "reason": put("reason", "none"),
}


@pytest.mark.parametrize("change", CARELESS.values(), ids=CARELESS.keys())
def test_an_altered_number_is_not_read(store, change):
    key = key_of(store, "iid")
    alter(store / "cells" / f"{key}.json", change, reseal="none")
    with pytest.raises(DamagedCell, match=key):
        SweepStore.open(store).record(key)


@pytest.mark.parametrize("name", [n for n in CARELESS if n.endswith(("bound", "certificate"))])
def test_the_seal_of_the_certificate_holds_where_that_of_the_cell_was_made_again(store, name):
    key = key_of(store, "iid")
    alter(store / "cells" / f"{key}.json", CARELESS[name], reseal="cell")
    with pytest.raises(DamagedCell, match=key):
        SweepStore.open(store).record(key)


def lower(found):
    found["failure_upper"] = found["failure_upper"] / 2
    found["bound"] = bound_of(found["failure_upper"])


def half_spent(found):
    found["ledger"][0]["delta"] /= 2
    found["delta"] /= 2


def share_by_luck(found):
    """Everything that the certificate's bound follows from but the draws themselves."""
    upper = found["levels"][0]["share_upper"] = found["failure_upper"] = (
        0.999 * (found["failure_upper"])
    )
    bound = found["bound"] = bound_of(upper)
    found["confidence_weighted"] = confidence_weighted(bound, found["delta"], 0.0)


FORGED = {
    "bound alone": (put("bound", 1.0), "its bound is not"),
    "bound and failure rate": (lower, "confidence-weighted"),
    "confidence-weighted": (put("confidence_weighted", 1.0), "confidence-weighted"),
    "certified mass": (put("proof", "certified_mass", 0.5), "confidence-weighted"),
    "level": (put("levels", 0, "share_upper", 1.0), "below the product of its levels"),
    "failures of a level": (put("levels", 0, "failures", 39), "more was left over"),
    "more failures than draws": (put("levels", 0, "failures", 41), "more was left over"),
    "fewer failures at a level": (put("levels", 0, "failures", 0), "not those of its last level"),
    "share of a level": (share_by_luck, "more was left over"),
    "delta of a level": (put("levels", 0, "log_delta", -1.0), "its levels spend more"),
    "delta": (put("delta", 1e-9), "confidence-weighted|not the sum"),
    "delta of a spend": (half_spent, "confidence-weighted|exponential"),
    "guarantee": (put("guarantee", "deterministic"), "its guarantee"),
    "population": (put("claim", "population", "size", 10), "its inputs are not those of its task"),
    "huge population": (put("claim", "population", "n_ctx", 10**15), "its inputs are not those"),
    "failures": (put("sampling", "failures", 41), "contradict each other"),
    "operations": (put("cost", "flops", 1), "its operations in all"),
    "operations of a part": (put("proof", "flops", 7), "of its phases do not add up"),
    "seconds": (put("cost", "seconds", 1e-9), "its seconds"),
    "seed": (put("seed", 12345), "seed of its certificate is 12345"),
    "strategy": (put("strategy", "hybrid"), "strategy of its certificate"),
    "what ran": (put("chosen", "hybrid"), "what ran is not"),
    "budget": (put("budget", 7), "its recipe or budget is not"),
    "recipe": (put("recipe", "levels", 0, "mode", "enumerated"), "its recipe or budget is not"),
    "recipe that ran": (put("ran", "recipe", "levels", 0, "mode", "enumerated"), "what ran is not"),
    "delta allowed": (put("delta_allowed", 0.5), "delta_allowed of its certificate"),
    "model": (put("model", "sha256", "0" * 64), "model of its certificate"),
    "version": (put("versions", "probbound", "0.0.1"), "another version"),
    "margin": (put("claim", "kind", "margin"), "kind of its certificate"),
    "no levels": (put("levels", []), "damaged|altered"),
    "no number": (put("failure_upper", None), "no bound"),
    "not even a certificate": (lambda found: found.clear(), "lacks its model"),
}


@pytest.mark.parametrize(("change", "reason"), FORGED.values(), ids=FORGED.keys())
def test_numbers_that_do_not_fit_are_not_read_though_every_seal_was_made_again(
    store, change, reason
):
    key = key_of(store, "iid")
    alter(store / "cells" / f"{key}.json", certificate(change), reseal="all")
    with pytest.raises(DamagedCell, match=reason):
        SweepStore.open(store).record(key)


QUESTIONS = {"budget": "5", "delta": 2.0, "seed": -1, "model": 5, "paths": [], "version": None}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_of_wrong_types_is_not_read_under_its_own_key(store, name):
    path = store / "cells" / f"{key_of(store, 'iid')}.json"

    def change(found):
        found["question"][name] = QUESTIONS[name]
        found.update(status="failed", reason="none", certificate=None)

    alter(path, change, reseal="all")
    key = hashlib.sha256(canonical(json.loads(path.read_text())["question"])).hexdigest()
    path.rename(path.with_stem(key))
    with pytest.raises(DamagedCell, match=r"wrong type|type hint"):
        SweepStore.open(store).record(key)


def test_what_is_read_is_what_was_written(made):
    for record in SweepStore.open(made).contents().records.values():
        assert Record.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_an_altered_cell_is_in_no_table_and_run_again(store, tmp_path, capsys):
    before = cells_without_clock(store)
    key = key_of(store, "cascade")
    alter(store / "cells" / f"{key}.json", CARELESS["failure rate"], reseal="none")
    assert run(["report", str(store), "--json"]) == 0
    said = capsys.readouterr()
    counts = json.loads(said.out)
    assert (counts["cells"], counts["missing"], counts["damaged"]) == (len(before) - 1, 1, 1)
    assert said.err.count("\n") == 1
    assert "warning: 1 cell is left out" in said.err
    assert key not in read_results(store / RESULTS).column("key").to_pylist()
    for file in ("report.html", "report.md"):
        text = (store / file).read_text()
        assert "Altered or damaged cells" in text
        assert re.search('1 not run yet|not run yet</dt><dd class="bad">1<', text)
    sweep = Sweep.prepared(CONFIG, store, models=MODELS)
    assert [cell.key for cell in sweep.pending] == [key]
    assert sweep.run().contents.damaged == {}
    assert cells_without_clock(store) == before


def stray(directory: Path) -> int:
    """What file managers, editors, sync tools and people leave; how many are warned of."""
    name = next(directory.glob("[0-9a-f]*.json"), directory / f"{'0' * 64}.json")
    (directory / "._abc.json").write_bytes(b"\x00\x05\x16\x07")
    (directory / f"._{name.name}").write_bytes(b"\x00\x05\x16\x07")
    (directory / ".DS_Store").write_bytes(b"\x00")
    (directory / f"{name.stem} (conflicted copy 2026-11-26).json").write_text("{")
    (directory / f"{name.name}~").write_text("{")
    (directory / f"#{name.name}#").write_text("{")
    (directory / f"{name.stem.upper()}.json").write_text("{")
    (directory / "a directory.json").mkdir()
    (directory / "dangling.json").symlink_to("nowhere")
    (directory / f".{name.name}.ab12cd34").write_text("half")  # in the making: no stray
    return 9


def test_strays_are_skipped_with_one_warning_and_stop_nothing(made, store, tmp_path, capsys):
    strays = sum(stray(store / name) for name in ("cells", "configurations", ""))
    strays -= 9  # what else lies in the root is not looked at
    model = tmp_path / "net.safetensors"
    save_model(MODELS["net"], model)
    grid = ["--strategies", "cubic,iid,hybrid,cascade", "--budgets", "5,40", "--seeds", "0,1"]
    arguments = ["sweep", "--out", str(store), "--models", str(model), *grid]
    for command in ([*arguments, "--deltas", "1e-3,1e-6"], ["report", str(store)]):
        assert run([*command, "--json"]) == 0
        said = capsys.readouterr()
        assert said.err.count("\n") == 1
        assert said.err.startswith(f"warning: {strays} files are no part of the sweep, skipped: ")
        assert json.loads(said.out)["cells"] == 25
    assert read_results(store / RESULTS).equals(read_results(made / RESULTS))


KEY = "0" * 64


@pytest.mark.parametrize("kind", ["directory", "pipe", "text", "nested", "twice", "unreadable"])
def test_a_key_that_holds_no_cell_is_left_out(store, kind, monkeypatch):
    path = store / "cells" / f"{KEY}.json"
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        texts = {"nested": "[" * 100_000, "twice": '{"format": 1, "format": 1}'}
        path.write_text(texts.get(kind, "{"))
    if kind == "unreadable":

        def refuse(found):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "read_bytes", refuse)
    contents = SweepStore.open(store).contents()
    assert KEY in contents.damaged
    assert len(contents.records) == (0 if kind == "unreadable" else 25)


def test_a_directory_in_the_place_of_a_cell_is_refused_before_any_work(store):
    key = key_of(store, "iid")
    (store / "cells" / f"{key}.json").unlink()
    (store / "cells" / f"{key}.json").mkdir()
    with pytest.raises(UserError, match=rf"{key}\.json: it is a directory"):
        Sweep.prepared(CONFIG, store, models=MODELS)


def test_an_altered_or_damaged_grid_is_skipped_and_written_anew(store):
    (path,) = (store / "configurations").iterdir()
    whole = path.read_text()
    for spoiled in ("{", whole.replace('"iid"', '"entries"'), "[1]"):
        path.write_text(spoiled)
        contents = SweepStore.open(store).contents()
        assert list(contents.strays) == [f"configurations/{path.name}"]
        assert contents.asked == ()
    run_sweep(CONFIG, store, models=MODELS)
    assert path.read_text() == whole


def test_hidden_files_do_not_make_a_directory_a_foreign_one(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / ".DS_Store").write_text("x")
    SweepStore.create(tmp_path / "s")
    (tmp_path / "t" / ".git").mkdir(parents=True)
    with pytest.raises(UserError, match="something other than a sweep"):
        SweepStore.create(tmp_path / "t")


def test_a_population_beyond_all_floats_has_a_row(tmp_path):
    long = {"long": copying_model(0, d_vocab=8, n_ctx=400)}
    config = small_config(("long",), ("iid",))
    rows = run_sweep(config, tmp_path / "s", models=long).to_pylist()
    assert {row["status"] for row in rows} == {"certified"}
    assert {row["population"] for row in rows} == {math.inf}
    assert run(["report", str(tmp_path / "s")]) == 0
