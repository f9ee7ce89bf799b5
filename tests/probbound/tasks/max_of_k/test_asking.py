"""Work beyond reason is refused in a sentence, before anything is done."""

import pytest

import probbound
from probbound.cli.main import run
from probbound.machine.errors import UserError
from probbound.models.store import save_model
from probbound.strategies.levels import MOST_DRAWS
from probbound.tasks.max_of_k.asking import FEW_INPUTS
from tests.factories import random_model

MODEL = random_model(1)
WIDE = random_model(1, d_vocab=9, n_ctx=7)
BEYOND = {
    "budget": {"strategy": "hybrid", "budget": 10**30},
    "beyond every float": {"strategy": "hybrid", "budget": 10**5000},
    "draws": {"strategy": "cascade", "draws": 1 << 40},
    "stopped_at": {"strategy": "cascade", "stopped_at": 1 << 40},
    "grid points": {"strategy": "cubic", "grid_points": (1 << 22) + 1},
    "losses": {"strategy": "iid", "budget": 1 << 25, "claim": probbound.Claim("loss")},
    "plan": {"strategy": "auto", "budget": 10**30},
}


@pytest.mark.parametrize("settings", BEYOND.values(), ids=BEYOND)
def test_numbers_that_no_certificate_carries_are_refused(settings):
    with pytest.raises(UserError, match=r"must be at most [0-9,]+, the most that a certificate is"):
        probbound.certify(MODEL, probbound.task_for(MODEL), **settings)


@pytest.mark.parametrize("strategy", ["iid", "iid:tables", "cascade"])
def test_more_draws_than_inputs_point_to_brute_force(strategy):
    task, budget = probbound.task_for(WIDE), 9**7 + 1
    assert budget > FEW_INPUTS
    with pytest.raises(UserError, match="more than the 4,782,969 inputs that there are; brute-f"):
        probbound.certify(WIDE, task, strategy=strategy, budget=budget)


@pytest.mark.parametrize("strategy", ["hybrid", "cascade:cubic", "brute-force", "cubic"])
def test_what_runs_no_input_twice_takes_any_budget(strategy):
    task = probbound.task_for(MODEL)
    assert probbound.certify(MODEL, task, strategy=strategy, budget=MOST_DRAWS).bound >= 0


def test_a_few_draws_too_many_are_made_with_a_note(tmp_path, capsys):
    path = tmp_path / "m.safetensors"
    save_model(MODEL, path)
    asked = ["certify", str(path), "--strategy", "iid"]
    assert run(asked) == 0
    assert "note: a budget of 10,000 draws is more than the 125 inputs" in capsys.readouterr().err
    assert run([*asked, "--budget", "125"]) == 0
    assert "note" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["noise", "max-of-4", "--budget", "1e20"],
        ["train", "max-of-k", "--out", "x.safetensors", "--steps", "1e20"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_other_commands_say_their_limit(arguments, capsys):
    assert run(arguments) == 2
    assert "at most" in capsys.readouterr().err
