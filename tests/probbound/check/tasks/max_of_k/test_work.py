"""A certificate keeps nobody busy for longer than he wants (check/tasks/max_of_k/work.py)."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import probbound
from probbound.certificates.format import statement
from probbound.check import check
from probbound.check.__main__ import main
from probbound.check.bounds import anytime, clopper_pearson
from probbound.check.effort import MOST_BYTES, MOST_OPERATIONS, Work
from probbound.check.judge import derived_seed, judge
from probbound.check.models.attention_only.weights import Weights
from probbound.check.report import Declined
from probbound.check.tasks.max_of_k.work import work_of
from probbound.models.attention_only.transformer import Transformer
from tests.factories import copying_model, random_model, weights_of
from tests.forgeries import resealed

JUDGE = import_module("probbound.check.judge")  # the package has a function of that name
MODEL = copying_model(1)
ALLOWED, LONGEST = 2e8, 3.0  # operations; seconds that nothing asking for more may take here
STRATEGIES = (
    *("iid", "iid:tables", "hybrid", "hybrid:sub-cubic", "hybrid:low-rank-qk:sketch"),
    *("cascade", "cascade:cubic", "cascade:sub-cubic", "cubic", "sub-cubic", "brute-force"),
    *("entries", "entries:counted", "entries:exact", "auto"),
)
LOSSES = ("iid", "hybrid", "cubic", "brute-force")
FORGED = {
    "budget": {"budget": 1 << 36},
    "huge budget": {"budget": 10**400},
    "draws": {"law": {"draws": 1 << 40}},
    "grid": {"level": {"grid_points": 1 << 22}},
    "grid and budget": {"level": {"grid_points": (1 << 22) - 1}, "budget": 1 << 35},
    "stop": {"stopped_at": 1 << 40},
}


def certified(strategy: str, kind: Any = "accuracy", **settings: Any) -> dict[str, Any]:
    """What a certificate of the model says."""
    settings = {"budget": 40, "delta": 0.1, "claim": probbound.Claim(kind), **settings}
    task = probbound.task_for(MODEL)
    return probbound.certify(MODEL, task, strategy=strategy, **settings).to_json()


def forged(predicate: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The same question with other numbers, and all that follows from them."""
    made = copy.deepcopy(predicate)
    made |= {name: value for name, value in changes.items() if name == "stopped_at"}
    for asked in (made, made["ran"]):
        asked["budget"] = changes.get("budget", asked["budget"])
        if (recipe := asked["recipe"]) is not None:
            for part, name in ((recipe["levels"][0], "level"), (recipe["law"] or {}, "law")):
                part.update({k: v for k, v in changes.get(name, {}).items() if k in part})
    if "budget" in changes or "law" in changes:
        law = made["ran"]["recipe"]["law"] or {}
        drawn = law.get("draws") or made["ran"]["budget"]
        if drawn is not None:
            made["sampling"] = made["sampling"] | {"draws": drawn, "samples": drawn}
    made["seed"] = derived_seed(made)
    return resealed(made)


@pytest.fixture
def cpu(monkeypatch) -> Callable[[dict[str, Any], Weights], float]:
    """Seconds of this thread until a checker that allows little has answered."""
    monkeypatch.setattr(JUDGE, "MOST_OPERATIONS", ALLOWED)
    monkeypatch.setattr(JUDGE, "MOST_BYTES", 2.0**29)

    def measured(predicate: dict[str, Any], weights: Weights) -> float:
        start = time.thread_time()
        report = judge(predicate, weights)
        assert report.refused or report.declined or report.holds
        return time.thread_time() - start

    return measured


@pytest.mark.parametrize("kind", ["accuracy", "loss"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_forged_number_keeps_the_checker_busy(strategy, kind, cpu):
    if kind == "loss" and strategy not in LOSSES:
        return
    predicate, weights = certified(strategy, kind), weights_of(MODEL)
    for name, changes in FORGED.items():
        assert cpu(forged(predicate, **changes), weights) < LONGEST, name


@pytest.mark.parametrize("strategy", ["iid", "cascade", "hybrid:low-rank-qk:sketch"])
def test_no_forged_count_of_failures_does(strategy, cpu):
    predicate, weights = certified(strategy), weights_of(MODEL)
    for n in (10**9, 1 << 36, 10**15, 10**300):
        for failures in (1, n // 10, n // 2, n - 1):
            made = forged(predicate, budget=n)
            made["sampling"] = made["sampling"] | {"failures": failures}
            assert cpu(resealed(made), weights) < LONGEST, (n, failures)


def narrow(d_vocab: int, n_ctx: int) -> Transformer:
    """Few numbers, and many inputs."""
    return random_model(0, d_vocab=d_vocab, n_ctx=n_ctx, d_model=1, d_head=1)


@pytest.mark.parametrize("sizes", [(2, 10_000), (20_000, 2), (60_000, 1), (300, 500)], ids=str)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_nor_do_weights_of_many_tokens_or_positions(strategy, sizes, cpu):
    model = narrow(*sizes)
    inputs = {"d_vocab": sizes[0], "n_ctx": sizes[1], "size": sizes[0] ** sizes[1]}
    made = certified(strategy)
    made["claim"] = made["claim"] | {"population": made["claim"]["population"] | inputs}
    weights = weights_of(model)
    made["model"] = made["model"] | {"sha256": weights.digest()}
    assert cpu(forged(made, budget=1 << 20), weights) < LONGEST


def test_what_is_declined_is_neither_held_nor_refused(tmp_path, capsys):
    made = forged(certified("iid"), budget=1 << 36)
    report = judge(made, weights_of(MODEL))
    (reason,) = report.declined
    assert reason.startswith("checking it takes about ")
    assert "10 minutes" in reason
    assert "--patient" in reason
    assert (report.holds, report.refused, report.status) == (False, (), 3)
    (tmp_path / "c.json").write_text(json.dumps(statement(made)))
    probbound.save_model(MODEL, tmp_path / "w.safetensors")
    files = [str(tmp_path / name) for name in ("c.json", "w.safetensors")]
    assert main(files) == 3
    out = capsys.readouterr().out
    assert "not checked: checking it takes about" in out
    assert out.endswith("\nnot checked\n")


def test_the_patient_get_an_answer(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(JUDGE, "MOST_OPERATIONS", 1e3)
    made = certified("iid")
    (tmp_path / "c.json").write_text(json.dumps(statement(made)))
    probbound.save_model(MODEL, tmp_path / "w.safetensors")
    files = [str(tmp_path / name) for name in ("c.json", "w.safetensors")]
    assert [main(files), main(["--patient", *files])] == [3, 0]
    out = capsys.readouterr().out
    assert "work: checking it takes about" in out
    assert check(*files, patient=True).holds
    assert check(*files).declined


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_honest_certificate_says_its_work_and_holds(strategy):
    report = judge(resealed(certified(strategy)), weights_of(MODEL))
    assert report.holds
    assert report.work.startswith("checking it takes about ")


def test_brute_force_that_leaves_too_much_to_run_is_declined(monkeypatch):
    model = random_model(3, d_vocab=6, n_ctx=4)
    made = probbound.certify(model, probbound.task_for(model), strategy="brute-force")
    stored, weights = resealed(made.to_json()), weights_of(model)
    monkeypatch.setattr(JUDGE, "MOST_OPERATIONS", work_of(stored, weights).operations)
    monkeypatch.setattr("probbound.check.tasks.max_of_k.prices.Prices.forward", 1e12)
    report = judge(stored, weights)
    assert report.declined
    assert not report.holds


@pytest.mark.parametrize(("count", "draws"), [(0, 10**4), (10**8, 10**9), (5 * 10**8, 10**9)])
def test_intervals_take_no_longer_than_is_said(count, draws):
    predicate = forged(certified("cascade"), law={"draws": draws})
    said = work_of(predicate, weights_of(MODEL)).operations
    start = time.thread_time()
    for interval in (clopper_pearson, anytime):
        interval(count, draws, -13.8)
    assert 1e9 * (time.thread_time() - start) < said


@pytest.mark.parametrize(
    ("operations", "memory", "said"),
    [
        (3.2e9, 5e5, "about 3.2e+09 operations, 3.2 seconds or so, and less than 1 MiB of memory"),
        (6e11, 2.0**33, "10 minutes or so, and 8 GiB"),
        (4.7e14, 2.0**21, "5.4 days or so, and 2 MiB"),
        (1e26, 2.0**45, "3.2e+09 years or so, and 32 TiB"),
        (np.inf, np.inf, "endless years or so, and endless TiB"),
    ],
)
def test_work_is_said_in_words(operations, memory, said):
    work = Work(operations, memory)
    assert said in work.sentence
    if operations > MOST_OPERATIONS or memory > MOST_BYTES:
        with pytest.raises(Declined, match=r"^checking it takes about"):
            work.require_within(MOST_OPERATIONS, MOST_BYTES)
    else:
        work.require_within(MOST_OPERATIONS, MOST_BYTES)
