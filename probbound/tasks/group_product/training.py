"""Training a pair network on the product of a group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.machine.errors import UserError
from probbound.models.pair_mlp.network import PairMLP
from probbound.tasks.group_product.groups import group_named
from probbound.tasks.group_product.task import GroupProduct
from probbound.tasks.group_product.trainable import OPTIONS
from probbound.tasks.pairs.training import train_on
from probbound.tasks.trainable import with_defaults


def train(options: Mapping[str, Any], name: str = "unnamed") -> tuple[PairMLP, dict[str, Any]]:
    """A network of `OPTIONS`, those not given at their defaults, and how it was made and scores.

    Raises:
        UserError: if there is no such group, an option cannot be used, or the embedding is tied
            and the group is not commutative: its logits would be the same for gh and hg.
    """
    chosen = with_defaults(OPTIONS, options)
    task = GroupProduct(group_named(chosen["group"]))
    if chosen["tied"] and not (task.table == task.table.T).all():
        raise UserError(
            f"{task.group.name} is not commutative, and a tied embedding gives gh and hg the same "
            "logits; train it untied"
        )
    model, record = train_on(task.table, chosen, name, tied=chosen["tied"])
    return model, {"task": f"{task.name}:{task.group.name}", "group": task.group.name, **record}
