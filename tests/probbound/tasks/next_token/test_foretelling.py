"""What is foretold of rows is what "auto" does, and what no failure among them would certify."""

import json
from shlex import split
from typing import Literal

import pytest

from probbound.certificates.certification import certify
from probbound.cli.main import run
from probbound.machine.errors import UserError
from probbound.models.store import save_model
from probbound.planning.foretold import Wish
from probbound.tasks.next_token.foretelling import foretold
from probbound.tasks.next_token.room import TASK
from tests.probbound.tasks.next_token import rows

DELTA = 0.1


def wish(
    amount,
    unit: Literal["flops", "seconds", "target"] = "flops",
    delta: float | None = DELTA,
    **settings,
):
    return Wish(amount, unit, delta, 0, rows.task(**settings))


@pytest.mark.parametrize("settings", [{}, {"against": rows.model("other", 0.02)}])
def test_the_number_of_rows_and_the_strategy_are_those_of_auto(settings):
    task, amount = rows.task(arithmetic="float64", **settings), 6e4
    found = TASK.foretold and TASK.foretold(rows.model(), Wish(amount, "flops", DELTA, 0, task))
    assert found
    made = certify(
        rows.model(), task, strategy="auto", budget_flops=amount, delta=DELTA, seed=3
    ).to_json()
    (best,) = found.forecasts
    ran = made["sampling"]["samples"] or rows.NUMBER
    assert (best.budget or rows.NUMBER) == ran
    assert best.strategy == ("iid" if made["sampling"]["samples"] else "brute-force")


def test_a_forecast_is_no_better_than_no_failure_would_certify():
    task = rows.task(arithmetic="float64")
    (best,) = foretold(rows.model(), wish(3e4, arithmetic="float64")).forecasts
    good = rows.task(arithmetic="float64")
    assert 0 < best.budget < rows.NUMBER
    ideal = certify(
        rows.model(),
        type(good)(rows.tokens(wrong=0), "float64"),
        strategy="iid",
        budget=best.budget,
        delta=DELTA,
    )
    assert ideal.sampling.failures == 0
    assert ideal.failure_upper is not None
    assert best.failure_upper > ideal.failure_upper
    said = foretold(rows.model(), Wish(3e4, "flops", DELTA, 0, task)).said[0]
    assert f"{best.budget} of {rows.NUMBER} rows are looked at" in said


def test_a_pilot_is_not_what_certifies_and_depends_on_its_seed_alone():
    found = [foretold(rows.model(), wish(0.5, "target")) for _ in range(2)]
    assert found[0] == found[1]
    assert found[0].pilot["rows"] == rows.NUMBER
    assert abs((found[0].wrong or 0) - rows.WRONG / rows.NUMBER) < 0.15


def test_a_target_takes_the_fewest_rows_foretold_to_reach_it():
    loose, tight = (foretold(rows.model(), wish(t, "target")).forecasts[0] for t in (0.6, 0.3))
    assert loose.failure_upper <= 0.6
    assert tight.failure_upper <= 0.3
    assert 0 < loose.budget < tight.budget < rows.NUMBER


def test_seconds_are_measured():
    best = foretold(rows.model(), wish(1e6, "seconds")).forecasts[0]
    assert best.strategy == "brute-force"
    assert best.cost > 0


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (wish(10.0), "10 operations pay for no look at a row: one is planned to take"),
        (wish(1e-9, "seconds"), "1e-09 seconds pay for no look at a row"),
        (wish(1e5, delta=None), "δ is not chosen by a plan; give --delta a number"),
        (wish(0.01, "target"), "no number of looks is foretold to certify 0.01"),
    ],
)
def test_what_nothing_is_foretold_for_is_one_sentence(asked, told):
    with pytest.raises(UserError, match=told):
        foretold(rows.model(), asked)


def test_plan_prints_what_auto_would_do_and_the_command_that_does_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows.saved(tmp_path)
    for name, noise in (("net", 0.0), ("other", 0.02)):
        save_model(rows.model(name, noise), tmp_path / f"{name}.safetensors")
    plan = "plan net.safetensors --data rows.npz --arithmetic float64 --delta 0.1 --budget-flops"
    assert run(split(f"{plan} 3e4")) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "of 48 rows are looked at, at a planned price of" in out
    pick = out.partition("Pick: probbound ")[2]
    assert pick.startswith("certify net.safetensors --strategy iid --data rows.npz --arithmetic")
    assert run(split(pick)) == 0
    capsys.readouterr()
    compared = f"{plan} 3e4 --against other.safetensors --json"
    assert run(split(compared)) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["pick"]["strategy"] == "iid"
    assert set(told["pilot"]) == {"rows", "wrong", "row_price", "flops"}
    bad = {
        "plan net.safetensors --budget-flops 1e5": "rows of tokens that you bring",
        "plan net.safetensors --data none.npz --budget-flops 1e5": "there is no file none.npz",
        "plan max-of-4 --data rows.npz --budget-flops 1e5": "max-of-k is about inputs of its own",
    }
    for arguments, error in bad.items():
        assert run(split(arguments)) == 2
        assert error in " ".join(capsys.readouterr().err.split())
