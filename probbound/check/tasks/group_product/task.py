"""Products of a finite group to the checker: the right answer to (g, h) is gh."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from probbound.check import rules
from probbound.check.layout import canonical
from probbound.check.report import Refused
from probbound.check.tasks.group_product.groups import faults, is_cyclic_sum, named
from probbound.check.tasks.pairs.inputs import Labels
from probbound.check.tasks.pairs.recipe import LOW_RANK
from probbound.check.tasks.pairs.replays import PAIRS, pair_replay

_ADDITION = "modular-addition"


def _table(population: Mapping[str, Any]) -> np.ndarray | None:
    """The table that is stated, or that of the name, if it has one."""
    group = population["group"]
    written = group["table"]
    return named(group["name"]) if written is None else np.array(written, dtype=np.int64)


def _misstated(population: Mapping[str, Any]) -> Iterator[str]:
    """Where a group is none, is not said in its one form, or has another order."""
    group, order = population["group"], population["sizes"][0]
    known = named(group["name"])
    if group["table"] is None:
        if known is None or len(known) != order:
            yield f"no group {group['name'][:40]!r} of {order} elements is known"
        return
    yield from faults(group["table"], order)
    if known is not None and known.tolist() == group["table"]:
        yield f"its table is that of {group['name']}, which the name says"


def _labels_of(population: Mapping[str, Any]) -> Labels:
    table = _table(population)
    if table is None:
        raise Refused("no such group is known")

    def labels(pairs: np.ndarray) -> np.ndarray:
        return table[pairs[:, 0], pairs[:, 1]]

    return labels


def _one_claim(claim: dict[str, Any]) -> dict[str, Any]:
    """By its table, whatever the group is called; sums modulo n are those of modular addition."""
    stated = claim["population"]
    table = _table(stated)
    if table is None:
        return claim
    pairs = {name: value for name, value in stated.items() if name != "group"}
    if is_cyclic_sum(table):
        return {**claim, "task": _ADDITION, "population": pairs}
    digest = hashlib.sha256(canonical(table.tolist())).hexdigest()
    return {**claim, "population": {**pairs, "group": digest}}


REPLAY = pair_replay(
    _labels_of,
    screens=(LOW_RANK,),
    population={
        **PAIRS,
        "group": {"name": rules.label_of(100), "table": rules.maybe(rules.some(rules.counts))},
    },
    misstated=_misstated,
    one_claim=_one_claim,
)
