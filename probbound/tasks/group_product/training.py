"""Training a pair network on the product of a group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.models.pair_mlp.network import PairMLP
from probbound.tasks.group_product.groups import group_named
from probbound.tasks.group_product.task import GroupProduct
from probbound.tasks.group_product.trainable import OPTIONS
from probbound.tasks.pairs.training import train_on
from probbound.tasks.trainable import with_defaults


def train(options: Mapping[str, Any], name: str = "unnamed") -> tuple[PairMLP, dict[str, Any]]:
    """A network of `OPTIONS`, those not given at their defaults, and how it was made and scores.

    Raises:
        UserError: if there is no such group, or an option cannot be used.
    """
    chosen = with_defaults(OPTIONS, options)
    task = GroupProduct(group_named(chosen["group"]))
    model, record = train_on(task.table, chosen, name)
    return model, {"task": task.name, "group": task.group.name, **record}
