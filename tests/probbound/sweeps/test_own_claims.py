"""Own claims as an axis: each cell is the certificate that the object gives by itself."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from typing import get_args

import pytest

from probbound.certificates.format import canonical, statement
from probbound.check.document import predicate_of
from probbound.check.own.given import given_by, load_object
from probbound.check.own.judge import judge_own
from probbound.cli.main import run
from probbound.machine.errors import UserError
from probbound.own.files import given_at
from probbound.own.question import Strategy
from probbound.sweeps.config import OWN_STRATEGIES, SweepConfig
from probbound.sweeps.local import on_workers
from probbound.sweeps.run import Sweep, run_sweep
from probbound.sweeps.store import DamagedCell, SweepStore
from tests.factories import copying_model
from tests.probbound.sweeps.altering import alter, certificate, put
from tests.probbound.sweeps.small import cells_without_clock, without_clock

CLAIMS = """
import os, signal
import numpy as np
import probbound

def good(pairs):
    return pairs.sum(axis=1) % 10 != 3

def cheap(pairs):
    return pairs.sum(axis=1) % 10 > 4

def normal(values):
    return np.asarray(values) < 3

def interrupts(pairs):
    os.kill(os.getpid(), signal.SIGINT)
    return good(pairs)

def raises(pairs):
    raise RuntimeError("no such device")

def drawn(rng, n):
    return rng.normal(size=n)

PAIRS = probbound.Product(40, 40)
ENTRIES = probbound.Given(PAIRS, good, name="pairs", screens=[probbound.Cheap("c", cheap)])
PLAIN = probbound.Given(PAIRS, good, name="pairs")
LEFT = [probbound.Left("rest", probbound.Listed([(3, i) for i in range(40)]))]
SCREENED = probbound.Given(
    PAIRS, lambda pairs: [p[1] != 3 for p in pairs], name="rest", screens=LEFT, version="1"
)
STRATA = probbound.Given(
    probbound.Strata([(1, probbound.Product(30)), (2, probbound.Product(50))]),
    lambda ones: ones[:, 0] != 3, name="strata", version="1",
)
NORMAL = probbound.Given(probbound.Drawn(drawn, "normal"), normal, name="normal")
SLOW = probbound.Given(PAIRS, interrupts, name="slow")
BROKEN = probbound.Given(PAIRS, raises, name="broken")
EMPTY = probbound.Given(probbound.Listed([]), good, name="empty")
NUMBER = 5
"""
GRID = SweepConfig(
    (),
    ("auto", "brute-force", "iid", "cascade"),
    budgets=(30, 90),
    deltas=(1e-1, 1e-3),
    seeds=(0, 1),
    claims=tuple(
        f"claims.py:{name}" for name in ("ENTRIES", "PLAIN", "SCREENED", "STRATA", "NORMAL")
    ),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("own")
    (root / "claims.py").write_text(CLAIMS)
    before = os.getcwd()
    os.chdir(root)
    try:
        return root, run_sweep(GRID, root / "s")
    finally:
        os.chdir(before)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "claims.py").write_text(CLAIMS)
    return tmp_path


@pytest.fixture
def there(made, monkeypatch):
    monkeypatch.chdir(made[0])
    return made[0]


def test_own_claims_have_the_strategies_that_bound_share_has():
    assert get_args(Strategy) == OWN_STRATEGIES


def test_every_cell_has_its_row(made):
    rows = made[1].to_pylist()
    # two that sample of each claim, a cascade of one; all but one can be looked at as a whole
    assert len(rows) == 8 * (2 * 5 + 1) + 4
    assert {row["status"] for row in rows} == {"certified"}
    for row in rows:
        assert row["model"] == row["model_sha256"] == row["task"] == row["prior"] == ""
        assert row["flops"] is row["samples"] is row["at"] is None
        whole = row["strategy"] == "brute-force"
        assert (row["budget"], row["delta"], row["seed"]).count(None) == (3 if whole else 0)
        drawn_alone = row["claim"] == "claims.py:NORMAL"
        assert row["population"] == (
            None if drawn_alone else {"SCREENED": 40, "STRATA": 80}.get(row["claim"][10:], 1600)
        )
        assert row["looks"] <= (row["budget"] or 1600)
        assert 0 <= row["failure_upper"] <= row["weighted_upper"] <= 1
        certified = 1 - row["weighted_upper"]
        assert certified == pytest.approx(row["confidence_weighted"], abs=1e-12)
    exact = {row["claim"]: row for row in rows if row["strategy"] == "brute-force"}
    assert exact["claims.py:ENTRIES"]["failure_upper"] == pytest.approx(0.1)
    assert {row["guarantee"] for row in exact.values()} == {"deterministic"}
    spent = [row for row in rows if row["delta_spent"]]
    assert {row["delta_spent"] for row in spent} == {0.1, 0.001}


def test_a_cell_is_the_certificate_that_the_object_gives_by_itself(made, there):
    for record in SweepStore.open(there / "s").contents().records.values():
        cell, found = record.cell, record.certificate
        given = {name: getattr(cell, name) for name in ("budget", "delta", "seed")}
        asked = {name: value for name, value in given.items() if value is not None}
        again = given_at(cell.claim).bound_share(strategy=cell.strategy, **asked).to_json()
        assert without_clock(again) == without_clock(found)


def test_every_certificate_is_verified_by_other_code(made, there):
    for record in SweepStore.open(there / "s").contents().records.values():
        assert record.certificate is not None
        predicate = predicate_of(json.loads(json.dumps(statement(record.certificate))))
        given = given_by(load_object(record.cell.claim), record.cell.claim, predicate)
        assert judge_own(predicate, given).holds


def test_it_is_there_and_goes_on_and_workers_do_the_same(made, there, tmp_path):
    again = Sweep.prepared(GRID, there / "s")
    assert again.pending == ()
    reasons = {(cell.claim[10:], cell.strategy): why for cell, why in again.left_out.items()}
    assert set(reasons) == {
        *((name, "cascade") for name in ("PLAIN", "SCREENED", "STRATA", "NORMAL")),
        ("NORMAL", "brute-force"),
    }
    assert "a cascade needs a Cheap screen" in reasons["PLAIN", "cascade"]
    few = SweepConfig((), ("cascade",), claims=GRID.claims[:1], budgets=(30,), deltas=(1e-3,))
    run_sweep(few, tmp_path / "s", backend=on_workers(1))
    assert cells_without_clock(tmp_path / "s").items() <= cells_without_clock(there / "s").items()


def test_it_does_not_depend_on_the_directory(made, tmp_path):
    place = str(made[0] / "claims.py:ENTRIES")
    few = SweepConfig((), ("iid",), claims=(place,), budgets=(30,), deltas=(1e-3,))
    run_sweep(few, tmp_path / "s")
    kept = cells_without_clock(made[0] / "s")
    assert cells_without_clock(tmp_path / "s").items() <= kept.items()


def test_networks_and_own_claims_share_a_sweep(here):
    grid = SweepConfig(
        ("m",),
        ("cubic", "iid", "cascade"),
        claims=("accuracy", "loss", "claims.py:ENTRIES"),
        budgets=(30,),
        deltas=(1e-3,),
    )
    rows = run_sweep(grid, here / "s", models={"m": copying_model(0)}).to_pylist()
    assert sorted((row["model"], row["claim"], row["strategy"]) for row in rows) == [
        *(("", "claims.py:ENTRIES", name) for name in ("cascade", "iid")),
        *(("m", "accuracy", name) for name in ("cascade", "cubic", "iid")),
        *(("m", "loss", name) for name in ("cubic", "iid")),
    ]
    assert {row["status"] for row in rows} == {"certified"}
    left = Sweep.prepared(grid, here / "s", models={"m": copying_model(0)}).left_out
    assert [why for cell, why in left.items() if cell.is_own] == [
        "own claims have the strategies auto, brute-force, iid, cascade"
    ]


def test_an_altered_file_is_another_question(here):
    grid = SweepConfig((), ("iid",), claims=("claims.py:PLAIN",), budgets=(30,), deltas=(0.1,))
    run_sweep(grid, here / "s")
    assert Sweep.prepared(grid, here / "s").pending == ()
    (here / "claims.py").write_text(CLAIMS.replace("!= 3", "!= 4", 1))
    swept = Sweep.prepared(grid, here / "s").run()
    assert (swept.ran, len(swept.table), len(swept.contents.records)) == (1, 1, 2)
    digests = {r.cell.claim_sha256 for r in swept.contents.records.values()}
    assert len(digests) == 2


@pytest.mark.parametrize(
    ("change", "sentence", "backend"),
    [
        (lambda path: path.write_text(CLAIMS + "\n"), "is not what it was when the sweep", None),
        (lambda path: path.write_text(CLAIMS + "\n"), "is not what it was", on_workers(1)),
        (lambda path: path.unlink(), "there is no file .*claims.py", None),
        (lambda path: path.write_text("1 / 0"), "cannot be run: ZeroDivisionError", None),
    ],
    ids=["altered", "altered for a worker", "missing", "broken"],
)
def test_a_file_that_changes_under_way_stops_the_sweep_and_no_cell_is_blamed(
    here, change, sentence, backend
):
    grid = SweepConfig((), ("iid",), claims=("claims.py:PLAIN",), budgets=(30, 31), deltas=(0.1,))
    sweep = Sweep.prepared(grid, here / "s")
    change(here / "claims.py")
    with pytest.raises(UserError, match=sentence):
        sweep.run() if backend is None else sweep.run(backend)
    assert list((here / "s" / "cells").iterdir()) == []


def test_a_function_that_raises_is_a_failed_cell(here):
    grid = SweepConfig((), ("iid",), claims=("claims.py:BROKEN",), budgets=(30,), deltas=(0.1,))
    (row,) = run_sweep(grid, here / "s").to_pylist()
    assert (row["status"], row["reason"]) == ("failed", "RuntimeError: no such device")
    assert row["looks"] is row["failure_upper"] is None


def test_what_was_cut_short_is_not_kept(here):
    grid = SweepConfig((), ("iid",), claims=("claims.py:SLOW",), budgets=(30,), deltas=(0.1,))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_sweep(grid, here / "s")
    finally:
        signal.signal(signal.SIGINT, before)
    assert list((here / "s" / "cells").iterdir()) == []


ALTERED = {
    "claim": (put("claim", "name", "other"), "the claim of its certificate is not that"),
    "population": (put("claim", "population", "sizes", [40, 41]), "the claim of its certificate"),
    "check": (put("claim", "checks", 0, "sha256", "0" * 64), "the claim of its certificate"),
    "budget": (put("budget", 91), "budget of its certificate is 91, its question says 90"),
    "draws": (put("asked_draws", 91), "asked_draws of its certificate"),
    "seed": (put("seed", 5), "seed of its certificate is 5"),
    "bound": (put("bound", 0.999), "its bound, its result and its failure_upper contradict"),
    "part": (put("parts", 0, "upper", [1e-3]), "more was left over in a part"),
    "spent": (put("ledger", 0, "delta", 1e-9), "its δ is not the sum of its ledger"),
    "guarantee": (put("guarantee", "deterministic"), "its guarantee is not that of its ledger"),
    "weighted": (put("confidence_weighted", 0.999), "its confidence-weighted bound is not"),
    "looks": (put("cost", "looks", 5), "its looks are not those of its parts"),
    "draws in all": (put("sampling", "draws", 5), "its draws in all"),
    "interrupted": (put("parts", 0, "stopped_at", 50), "its looking was interrupted"),
    "levels": (put("parts", 0, "levels", -1, "samples", 1), "what came to a check is not"),
    "another kind": (put("format", "probbound-certificate/3"), "its certificate lacks its model"),
}


@pytest.mark.parametrize(("change", "reason"), ALTERED.values(), ids=ALTERED.keys())
def test_numbers_that_do_not_fit_are_not_read(made, change, reason):
    asked = ("claims.py:ENTRIES", "cascade", 90, 1e-3)
    about = ("claim", "strategy", "budget", "delta")
    rows = made[1].to_pylist()
    key = next(row["key"] for row in rows if tuple(row[name] for name in about) == asked)
    path = made[0] / "s" / "cells" / f"{key}.json"
    whole = path.read_bytes()
    try:
        alter(path, certificate(change), reseal="all")
        with pytest.raises(DamagedCell, match=reason):
            SweepStore.open(made[0] / "s").record(key)
    finally:
        path.write_bytes(whole)


QUESTIONS = [{"model": "m"}, {"prior": "uniform"}, {"claim_sha256": None}, {"file_sha256": 5}]


@pytest.mark.parametrize("question", QUESTIONS, ids=str)
def test_a_question_of_another_form_is_not_read(here, question):
    grid = SweepConfig((), ("iid",), claims=("claims.py:PLAIN",), budgets=(30,), deltas=(0.1,))
    run_sweep(grid, here / "s")
    (path,) = (here / "s" / "cells").iterdir()

    def change(found):
        found["question"].update(question)
        found.update(status="failed", reason="none", certificate=None)

    alter(path, change, reseal="all")
    key = hashlib.sha256(canonical(json.loads(path.read_text())["question"])).hexdigest()
    path.rename(path.with_stem(key))
    with pytest.raises(DamagedCell):
        SweepStore.open(here / "s").record(key)


@pytest.mark.parametrize("wrong", ["5", '{"x": 5}', "null", '{"iid": "no"}'])
def test_a_grid_with_other_digests_is_not_read(here, wrong):
    grid = SweepConfig((), ("iid",), claims=("claims.py:PLAIN",))
    Sweep.prepared(grid, here / "s")
    (path,) = (here / "s" / "configurations").iterdir()
    found = json.loads(path.read_text())
    assert list(found["own_claims"]) == ["claims.py:PLAIN"]
    found["own_claims"]["claims.py:PLAIN"]["refused"] = json.loads(wrong)
    path.unlink()
    key = hashlib.sha256(canonical(found)).hexdigest()
    (path.parent / f"{key}.json").write_text(json.dumps(found))
    contents = SweepStore.open(here / "s").contents()
    assert (len(contents.strays), len(contents.asked)) == ((0, 1) if "no" in wrong else (1, 0))


def test_toml_and_options_ask_the_same(here, capsys):
    (here / "grid.toml").write_text(
        'strategies = ["iid", "cascade"]\nclaims = ["claims.py:ENTRIES"]\nbudgets = [30]\n'
    )
    options = ["--strategies", "iid,cascade", "--claims", "claims.py:ENTRIES", "--budgets", "30"]
    for number, arguments in enumerate((["--config", "grid.toml"], options)):
        assert run(["sweep", "--out", f"s{number}", *arguments, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["cells"], found["certified"], found["left_out"]) == (2, 2, 0)
    assert cells_without_clock(here / "s0") == cells_without_clock(here / "s1")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--claims claims.py --strategies iid", "an own claim is named FILE.py:NAME"),
        ("--claims none.py:A --strategies iid", "there is no file none.py"),
        ("--claims claims.py:OTHER --strategies iid", "claims.py has no OTHER"),
        ("--claims claims.py:NUMBER --strategies iid", "claims.py:NUMBER is a int; it has to be"),
        ("--claims claims.py:EMPTY --strategies iid", "the population has no members"),
        ("--claims claims.py:PLAIN --strategies hybrid", "own claims have the strategies auto, "),
        ("--claims claims.py:PLAIN --strategies cascade", "a cascade needs a Cheap screen"),
        ("--claims claims.py:NORMAL --strategies brute-force", "these can only be drawn"),
        (
            "--claims claims.py:PLAIN --strategies iid --models max-of-4",
            "models are for claims about networks, and this grid has own claims alone; leave",
        ),
        ("--claims claims.py:PLAIN --strategies iid --paths joint", "paths are for claims about"),
        ("--claims claims.py:PLAIN --strategies iid --noises svd", "noises are for claims about"),
        ("--claims claims.py:PLAIN --strategies iid --priors p.txt", "priors are for claims"),
        ("--claims accuracy,claims.py:PLAIN --strategies iid", "has no models"),
        (
            "--claims claims.py:PLAIN,sub/claims.py:PLAIN --strategies iid",
            "two of the own claims are called claims.py:PLAIN; rename one of the files",
        ),
        (
            "--claims accuracy,claims.py:PLAIN --models max-of-4 --strategies cubic",
            "the claim claims.py:PLAIN has no meaning in this grid: own claims have the strat",
        ),
    ],
)
def test_what_makes_no_sense_is_one_sentence_and_leaves_nothing(here, capsys, options, sentence):
    (here / "sub").mkdir()
    (here / "sub" / "claims.py").write_text(CLAIMS + "\n")
    assert run(["sweep", "--out", "s", *options.split()]) == 2
    err = capsys.readouterr().err
    assert sentence in err
    assert err.count("\n") == 1
    assert not (here / "s").exists()
