"""Modular addition as everybody outside sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.machine.errors import UserError, kind_of
from probbound.tasks.accepted import unaltered
from probbound.tasks.modular_addition.grammar import GRAMMAR
from probbound.tasks.modular_addition.task import ModularAddition
from probbound.tasks.modular_addition.training import train
from probbound.tasks.pairs.rooms import pair_room


def _of_network(model: Any) -> ModularAddition:
    return ModularAddition(model.d_vocab)


def _stated(population: Mapping[str, Any]) -> ModularAddition:
    return ModularAddition(population["sizes"][0])


def _unaltered(task: Any) -> ModularAddition:
    if type(task) is not ModularAddition:
        raise UserError(f"bounds are proved for ModularAddition itself, got {kind_of(task)}")
    return unaltered(task, ModularAddition(task.p))


TASK = pair_room(
    ModularAddition.name,
    GRAMMAR,
    of_network=_of_network,
    stated=_stated,
    unaltered=_unaltered,
    train=train,
)
