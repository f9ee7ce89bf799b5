"""Training in one go and with stops on the way."""

from __future__ import annotations

import numpy as np
import pytest

from probbound.machine.errors import UserError
from probbound.models.recipes import Recipe
from probbound.models.store import digest
from probbound.tasks.max_of_k.task import MaxOfK
from probbound.tasks.max_of_k.training import initial_model, snapshots, train

TASK = MaxOfK(6, 3)
RECIPE = Recipe("tiny", 150, 64, 5e-3, "cosine", 0.01)


def test_the_last_snapshot_is_the_trained_model_bit_for_bit_wherever_one_stopped():
    whole = train(TASK, 8, RECIPE, 3, "whole")
    found = list(snapshots(TASK, 8, RECIPE, 3, (0, 1, 7, 100, 149, 150), "stopped"))
    assert [model.name for model in found] == ["stopped"] * 6
    assert digest(found[0]) == digest(initial_model(TASK, 8, 3))
    assert digest(found[-1]) == digest(whole)
    assert len({digest(model) for model in found}) == 6
    assert all(isinstance(found[2].W_E, np.ndarray) for _ in found)


def test_a_snapshot_does_not_depend_on_the_others():
    (alone,) = snapshots(TASK, 8, RECIPE, 3, (7,))
    *_, last = snapshots(TASK, 8, RECIPE, 3, (2, 5, 7))
    assert digest(alone) == digest(last)


@pytest.mark.parametrize("at", [(5, 3), (3, 3), (-1,), (151,)])
def test_snapshots_outside_the_training_are_refused(at):
    with pytest.raises(UserError, match="snapshots must increase"):
        list(snapshots(TASK, 8, RECIPE, 3, at))
