"""Training a pair network on a + b mod p."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.models.pair_mlp.network import PairMLP
from probbound.tasks.modular_addition.task import ModularAddition
from probbound.tasks.modular_addition.trainable import OPTIONS
from probbound.tasks.pairs.training import train_on
from probbound.tasks.trainable import with_defaults


def train(options: Mapping[str, Any], name: str = "unnamed") -> tuple[PairMLP, dict[str, Any]]:
    """A network of `OPTIONS`, those not given at their defaults, and how it was made and scores.

    Raises:
        UserError: if an option cannot be used.
    """
    chosen = with_defaults(OPTIONS, options)
    task = ModularAddition(chosen["p"])
    model, record = train_on(task.table, chosen, name, tied=not chosen["untied"])
    return model, {"task": task.name, "p": task.p, **record}
