"""Tasks over pairs: all pairs counted, drawn and answered."""

import numpy as np
import pytest

from probbound.contract.tasks import Task
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.tasks.group_product.groups import group_named
from probbound.tasks.group_product.task import GroupProduct
from probbound.tasks.modular_addition.task import MOST_MODULUS, ModularAddition

TASKS = [ModularAddition(7), GroupProduct(group_named("s3"))]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_pair_has_one_answer_and_is_drawn(task):
    protocol: Task = task
    assert isinstance(protocol, Task)
    everything = task.population.members(np.arange(task.size))
    assert task.size == task.mass == task.answers**2 == len(np.unique(everything, axis=0))
    np.testing.assert_array_equal(task.labels(everything), task.table.ravel())
    drawn = task.sample(Stream.from_seed(1), 0, 20 * task.size)
    assert len(np.unique(drawn, axis=0)) == task.size
    np.testing.assert_array_equal(task.sample(Stream.from_seed(1), 7, 12), drawn[7:12])
    assert {"kind", "size", "prior"} <= task.statement().keys()


def test_sums_are_modular():
    task = ModularAddition(MOST_MODULUS)
    assert task.labels(np.array([[MOST_MODULUS - 1, 2]])) == [1]
    assert task.statement() == {
        "kind": "product",
        "sizes": [MOST_MODULUS, MOST_MODULUS],
        "prior": None,
        "size": MOST_MODULUS**2,
    }


@pytest.mark.parametrize("p", [1, 0, -5, MOST_MODULUS + 1])
def test_moduli_without_a_table_are_refused(p):
    with pytest.raises(UserError, match="p must be at least 2"):
        ModularAddition(p)
