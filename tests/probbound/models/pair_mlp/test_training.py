"""Training of pair networks: reproducible, cut anywhere, stopped at few wrong pairs."""

import dataclasses

import numpy as np
import pytest

from probbound.machine.errors import UserError
from probbound.models.pair_mlp.network import in_float64, weights_of
from probbound.models.pair_mlp.training import (
    PairRecipe,
    all_margins,
    learnt_pairs,
    score,
    snapshots,
    trained,
)
from probbound.models.store import digest
from probbound.tasks.modular_addition.task import ModularAddition

TABLE = ModularAddition(7).table
RECIPE = PairRecipe(32, 8, 150, 0, 5e-3, 0.1)


def test_the_last_snapshot_is_the_trained_network_bit_for_bit_wherever_one_stopped():
    whole, record = trained(TABLE, RECIPE, 3, "whole")
    found = list(snapshots(TABLE, RECIPE, 3, (0, 7, 150), "stopped"))
    assert [model.name for model in found] == ["stopped"] * 3
    assert digest(found[-1]) == digest(whole)
    assert len({digest(model) for model in found}) == 3
    assert record["wrong"] == 0
    assert record["steps_done"] == 150


@pytest.mark.parametrize(
    ("change", "there"),
    [
        ({}, {"W_E", "W_in", "W_out", "W_U"}),
        ({"d_model": 0}, {"W_E", "W_U"}),
        ({"tied": False, "batch": 16}, {"W_E", "W_E2", "W_in", "W_out", "W_U"}),
        ({"biased": True}, {"W_E", "W_in", "b_in", "W_out", "b_out", "W_U", "b_U"}),
    ],
)
def test_every_form_learns_something(change, there):
    recipe = dataclasses.replace(RECIPE, **change)
    model, record = trained(TABLE, recipe, 0)
    assert set(weights_of(model)) == there
    assert record["wrong"] < 42


def test_a_share_of_the_pairs_is_learnt_from_and_no_other():
    learnt = learnt_pairs(TABLE, 0.5, 1)
    assert len(np.unique(learnt, axis=0)) == len(learnt) == round(0.5 * 49)
    other = TABLE.copy()
    unseen = np.ones_like(TABLE, dtype=bool)
    unseen[learnt[:, 0], learnt[:, 1]] = False
    other[unseen] = (other[unseen] + 1) % 7
    recipe = dataclasses.replace(RECIPE, share_of_pairs=0.5, steps=20)
    (one,), (two,) = (snapshots(table, recipe, 1, (20,)) for table in (TABLE, other))
    assert digest(one) == digest(two)


def test_training_stops_at_the_first_step_with_few_wrong_pairs():
    _, record = trained(TABLE, RECIPE, 3, stop_at=4)
    steps = record["steps_done"]
    assert 1 <= record["wrong"] <= 4
    assert 0 < steps < 150
    (before,) = snapshots(TABLE, RECIPE, 3, (steps - 1,))
    assert score(before, TABLE, 1.0, 3)["wrong"] > 4


def test_where_training_never_has_few_wrong_pairs_it_ends_at_its_last_step():
    recipe = dataclasses.replace(RECIPE, steps=2)
    _, record = trained(TABLE, recipe, 3, stop_at=1)
    assert record["steps_done"] == 2
    assert record["wrong"] > 1


def test_margins_are_those_of_the_logits():
    model, _ = trained(TABLE, dataclasses.replace(RECIPE, steps=30), 0)
    margins = all_margins(model, TABLE)
    logits = in_float64(model).plain(np.array([[2, 6]]))[0]
    assert margins[2, 6] == pytest.approx(logits[1] - np.delete(logits, 1).max(), abs=1e-12)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"d_mlp": 0}, "d_mlp must be at least 1"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"batch": -1}, "batch must be at least 0"),
        ({"share_of_pairs": 0.0}, "share of pairs must be above 0"),
        ({"share_of_pairs": float("nan")}, "share of pairs must be above 0"),
        ({"weight_decay": -1.0}, "weight decay at least 0"),
        ({"learning_rate": float("inf")}, "learning rate must be above 0"),
    ],
)
def test_recipes_that_cannot_be_used_are_refused(change, said):
    with pytest.raises(UserError, match=said):
        dataclasses.replace(RECIPE, **change)


def test_seeds_and_stops_that_cannot_be_used_are_refused():
    with pytest.raises(UserError, match="seed must be"):
        trained(TABLE, RECIPE, -1)
    with pytest.raises(UserError, match="0 wrong pairs or more"):
        trained(TABLE, RECIPE, 0, stop_at=-1)
