"""Claims and priors as axes: each cell is the certificate that the question has by itself."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from probbound.certificates.certification import certify
from probbound.certificates.format import canonical
from probbound.check.judge import judge
from probbound.cli.main import run
from probbound.contract.claims import claim_of
from probbound.draws.priors import Prior
from probbound.machine.errors import UserError
from probbound.models.store import save_model
from probbound.sweeps.cells import Cell
from probbound.sweeps.config import SweepConfig
from probbound.sweeps.local import on_workers
from probbound.sweeps.run import Sweep, run_sweep
from probbound.sweeps.store import DamagedCell, SweepStore
from probbound.tasks.max_of_k.task import task_for
from tests.factories import copying_model, weights_of
from tests.probbound.sweeps.altering import alter, certificate, put
from tests.probbound.sweeps.small import cells_without_clock, without_clock

NETWORKS = {"m": copying_model(0), "n": copying_model(1, d_vocab=5)}
PRIORS = {"steep": Prior((1, 2, 4, 8, 16, 32))}
GRID = SweepConfig(
    tuple(NETWORKS),
    ("brute-force", "iid", "hybrid", "cascade"),
    budgets=(20,),
    deltas=(1e-3,),
    claims=("accuracy", "margin:0.5", "margin:-1", "loss"),
    priors=("uniform", "steep"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("axes") / "s"
    return out, run_sweep(GRID, out, models=NETWORKS, priors=PRIORS)


def test_every_meaning_has_its_row(made):
    rows = made[1].to_pylist()
    # of each claim and prior: three strategies of a loss, four of a share; one model fits the prior
    assert len(rows) == (3 * 4 + 3) * (2 + 1)
    assert {row["status"] for row in rows} == {"certified"}
    assert {(row["claim"], row["at"]) for row in rows} == {
        ("accuracy", None),
        ("margin", 0.5),
        ("margin", -1.0),
        ("loss", None),
    }
    for row in rows:
        of_loss, weighted = row["claim"] == "loss", row["prior"] == "steep"
        assert row["prior_sha256"] == (PRIORS["steep"].sha256 if weighted else None)
        absent = {name for name in ("failure_upper", "certified_mass") if row[name] is None}
        assert absent == ({"failure_upper", "certified_mass"} if of_loss else set())
        assert (row["loss_upper"] is None) == (row["largest_loss"] is None) == (not of_loss)


def test_a_cell_is_the_certificate_that_the_question_has_by_itself(made):
    for record in SweepStore.open(made[0]).contents().records.values():
        cell, found = record.cell, record.certificate
        assert found is not None
        kind, _, at = cell.claim.partition(":")
        prior = PRIORS.get(cell.prior)
        task = task_for(NETWORKS[cell.model], prior)
        claim = claim_of(kind, float(at) if at else None)
        asked = {"strategy": cell.strategy, "claim": claim, "seed": cell.seed}
        if cell.budget is not None:
            asked |= {"budget": cell.budget, "delta": cell.delta}
        again = certify(NETWORKS[cell.model], task, **asked).to_json()
        assert without_clock(again | {"model": 0}) == without_clock(found | {"model": 0})


def test_every_certificate_is_verified_by_other_code(made):
    for record in SweepStore.open(made[0]).contents().records.values():
        assert record.certificate is not None
        assert judge(record.certificate, weights_of(NETWORKS[record.cell.model])).holds


def test_it_is_there_and_goes_on_and_workers_do_the_same(made, tmp_path):
    again = Sweep.prepared(GRID, made[0], models=NETWORKS, priors=PRIORS)
    assert again.pending == ()
    assert {cell.strategy for cell in again.left_out} == {
        *("brute-force", "iid", "hybrid", "cascade")
    }
    few = replace(GRID, models=("m",), strategies=("iid",), claims=("loss", "margin:0.5"))
    given = {"models": NETWORKS, "priors": PRIORS, "backend": on_workers(1)}
    assert len(run_sweep(few, tmp_path / "s", **given)) == 4
    assert cells_without_clock(tmp_path / "s").items() <= cells_without_clock(made[0]).items()


def test_another_prior_of_the_same_name_is_another_cell(made):
    other = {"steep": Prior((1, 1, 1, 1, 1, 2))}
    again = Sweep.prepared(GRID, made[0], models=NETWORKS, priors=other)
    assert {(cell.model, cell.prior) for cell in again.pending} == {("m", "steep")}


OLD_ADDRESS = "4568897ca9508007743b18f84431d99818db651f6ca7fc34c49822a09e94d197"


def test_a_cell_of_before_has_the_address_that_it_had():
    cell = Cell("m", "0" * 64, "iid", 5, 1e-3, None, 0, version="0.2.0")
    assert cell.key == OLD_ADDRESS
    assert list(cell.question) == [
        *("model", "model_sha256", "strategy", "budget", "delta", "paths", "seed", "version")
    ]


def test_a_store_of_before_is_read_and_gone_on_with(tmp_path):
    config = SweepConfig(("m",), ("iid",), budgets=(5, 6), deltas=(1e-3,))
    run_sweep(config, tmp_path / "s", models=NETWORKS)
    (path,) = (tmp_path / "s" / "configurations").iterdir()
    grid = json.loads(path.read_text())
    assert list(grid) == ["grid", "model_sha256"]
    assert list(grid["grid"]) == [
        *("models", "strategies", "noises", "budgets", "deltas", "paths", "seeds")
    ]
    assert path.stem == hashlib.sha256(canonical(grid)).hexdigest()
    wider = SweepConfig(
        ("m",), ("iid",), budgets=(5, 6), deltas=(1e-3,), claims=("accuracy", "loss")
    )
    sweep = Sweep.prepared(wider, tmp_path / "s", models=NETWORKS)
    assert [cell.claim for cell in sweep.pending] == ["loss", "loss"]
    assert len(sweep.run().contents.asked) == 2


ALTERED = {
    "claim": (put("claim", "kind", "margin"), "loss", "kind of its certificate"),
    "margin": (put("claim", "at", 0.25), "margin:0.5", "at of its certificate is 0.25"),
    "no prior": (put("claim", "population", "prior", None), "steep", "not that of its question"),
    "weights of the prior": (
        put("claim", "population", "prior", "weights", [1, 2, 4, 8, 16, 31]),
        "steep",
        "not those of its task",
    ),
    "digest of the prior": (
        put("claim", "population", "prior", "sha256", "0" * 64),
        "steep",
        "not that of its question",
    ),
    "loss": (put("bound", 1e-9), "loss", "its confidence-weighted bound is not"),
    "loss beyond the largest": (
        put("proof", "largest_loss", 1e-9),
        "loss",
        "the largest loss contradict each other",
    ),
    "share of a loss": (put("failure_upper", 0.5), "loss", "or one on a failure rate"),
    "nothing proven of a loss": (put("proof", "loss_upper", None), "loss", "no bound on a loss"),
    "failures of a loss": (put("sampling", "failures", 0), "loss", "counted of a loss"),
    "level of a loss": (put("levels", -1, "share_upper", 1e-9), "loss", "more was left over"),
    "seconds": (put("cost", "seconds", 1e-9), "loss", "its seconds"),
}


@pytest.mark.parametrize(("change", "about", "reason"), ALTERED.values(), ids=ALTERED.keys())
def test_numbers_that_do_not_fit_are_not_read(made, change, about, reason):
    contents = SweepStore.open(made[0]).contents()
    key = next(
        key
        for key, record in contents.records.items()
        if record.cell.strategy == "iid" and about in (record.cell.claim, record.cell.prior)
    )
    path = made[0] / "cells" / f"{key}.json"
    whole = path.read_bytes()
    try:
        alter(path, certificate(change), reseal="all")
        with pytest.raises(DamagedCell, match=reason):
            SweepStore.open(made[0]).record(key)
    finally:
        path.write_bytes(whole)


def test_a_deterministic_loss_is_what_is_proven(made):
    contents = SweepStore.open(made[0]).contents()
    key = next(
        key
        for key, record in contents.records.items()
        if (record.cell.strategy, record.cell.claim) == ("brute-force", "loss")
    )
    path = made[0] / "cells" / f"{key}.json"
    whole = path.read_bytes()

    def lower(found):
        found["bound"] /= 2
        found["confidence_weighted"] = found["bound"]

    try:
        alter(path, certificate(lower), reseal="all")
        with pytest.raises(DamagedCell, match="deterministic and not what is proven"):
            SweepStore.open(made[0]).record(key)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("question", [{"claim": "margin:0.50"}, {"prior": "p"}, {"task": "x"}])
def test_a_question_of_another_form_is_not_read(made, tmp_path, question):
    out = tmp_path / "s"
    run_sweep(SweepConfig(("m",), ("cubic",)), out, models=NETWORKS)
    (path,) = (out / "cells").iterdir()

    def change(found):
        found["question"].update(question)
        found.update(status="failed", reason="none", certificate=None)

    alter(path, change, reseal="all")
    key = hashlib.sha256(canonical(json.loads(path.read_text())["question"])).hexdigest()
    path.rename(path.with_stem(key))
    with pytest.raises(DamagedCell, match="wrong type"):
        SweepStore.open(out).record(key)


def test_toml_and_options_ask_the_same(tmp_path, capsys):
    model, prior = tmp_path / "m.safetensors", tmp_path / "p.txt"
    save_model(NETWORKS["m"], model)
    prior.write_text("1 2 4 8 16 32")
    (tmp_path / "grid.toml").write_text(
        f'models = ["{model}"]\nstrategies = ["cubic", "cascade"]\ntasks = ["max-of-k"]\n'
        f'claims = ["accuracy", "margin:0.5", "margin:1", "loss"]\npriors = ["uniform", "{prior}"]'
    )
    options = ["--models", str(model), "--strategies", "cubic,cascade", "--tasks", "max-of-k"]
    options += ["--claims", "accuracy,margin:0.5,margin:1,loss", "--priors", f"uniform,{prior}"]
    found = []
    for number, arguments in enumerate((["--config", str(tmp_path / "grid.toml")], options)):
        out = tmp_path / f"s{number}"
        assert run(["sweep", "--out", str(out), *arguments, "--json"]) == 0
        said = capsys.readouterr()
        assert "note: 2 combinations are left out, as without meaning: cascade cannot" in said.err
        found.append((json.loads(said.out), sorted(path.name for path in out.glob("cells/*"))))
    assert found[0][1] == found[1][1]
    assert (found[0][0]["cells"], found[0][0]["left_out"]) == (2 * 3 * 2 + 2, 2)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--tasks", "addition"), "induction, got 'addition'"),
        (("--claims", "margin"), "claims must be accuracy, loss, margin:NUMBER"),
        (("--priors", "none.txt"), "there is no prior file none.txt"),
        (("--strategies", "cascade", "--claims", "loss"), "cascade has no meaning in this grid"),
    ],
)
def test_bad_axes_are_one_sentence_and_leave_nothing(
    capsys, tmp_path, monkeypatch, options, sentence
):
    monkeypatch.chdir(tmp_path)
    given = ["--models", "max-of-4", "--strategies", "iid"]
    assert run(["sweep", "--out", "s", *given, *options]) == 2
    err = capsys.readouterr().err
    assert sentence in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_prior_that_no_model_fits_is_refused_before_anything_is_made(tmp_path):
    config = SweepConfig(("n",), ("iid",), priors=("steep",))
    with pytest.raises(UserError, match="the prior steep has 6 weights, the model 5 tokens"):
        run_sweep(config, tmp_path / "s", models=NETWORKS, priors=PRIORS)
    assert not (tmp_path / "s").exists()


def test_models_are_swept_on_what_they_were_trained_for(tmp_path):
    given = ["--models", "group-s5", "--strategies", "iid,low-rank", "--budgets", "100"]
    for _ in range(2):
        assert run(["sweep", "--out", str(tmp_path / "s"), *given]) == 0
    rows = pq.read_table(tmp_path / "s" / "results.parquet").to_pylist()
    assert [row["task"] for row in rows] == ["group-product:s5"] * 2
    assert {row["strategy"]: row["bound"] for row in rows}["low-rank"] == 1
