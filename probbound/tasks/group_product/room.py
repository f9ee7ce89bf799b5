"""Products of a group as everybody outside sees them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from probbound.machine.errors import UserError, kind_of
from probbound.tasks.accepted import unaltered
from probbound.tasks.group_product.grammar import GRAMMAR
from probbound.tasks.group_product.groups import Group, group_named
from probbound.tasks.group_product.task import GroupProduct
from probbound.tasks.group_product.training import train
from probbound.tasks.pairs.rooms import pair_room

_ADDITION = "modular-addition"


def _of_network(model: Any) -> GroupProduct:
    raise UserError(
        f"{model.name} does not say which group of {model.d_vocab} elements is meant; name it: "
        "group-product:s5"
    )


def _about(what: str) -> GroupProduct:
    return GroupProduct(group_named(what))


def _stated(population: Mapping[str, Any]) -> GroupProduct:
    stated = population["group"]
    if stated["table"] is None:
        return GroupProduct(group_named(stated["name"]))
    return GroupProduct(Group.of_table(np.asarray(stated["table"]), stated["name"]))


def _unaltered(task: Any) -> GroupProduct:
    if type(task) is not GroupProduct or type(task.group) is not Group:
        raise UserError(f"bounds are proved for GroupProduct itself, got {kind_of(task)}")
    return unaltered(task, GroupProduct(Group(task.group.name, task.group.table)))


def _one_claim(claim: dict[str, Any]) -> dict[str, Any]:
    """By its table, whatever the group is called; sums modulo n are those of modular addition."""
    task = _stated(claim["population"])
    pairs = {name: value for name, value in claim["population"].items() if name != "group"}
    if task.group.table == group_named(f"c{task.group.order}").table:
        return {**claim, "task": _ADDITION, "population": pairs}
    table = json.dumps([list(row) for row in task.group.table], separators=(",", ":"))
    digest = hashlib.sha256(table.encode()).hexdigest()
    return {**claim, "population": {**pairs, "group": digest}}


TASK = pair_room(
    GroupProduct.name,
    GRAMMAR,
    of_network=_of_network,
    about=_about,
    stated=_stated,
    unaltered=_unaltered,
    train=train,
    one_claim=_one_claim,
)
