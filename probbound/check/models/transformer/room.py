"""A transformer to the checker."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from probbound.check import rules
from probbound.check.models.contract import Kind
from probbound.check.models.transformer.configuration import FLOATS, NONE, RULES
from probbound.check.models.transformer.network import Network
from probbound.check.models.transformer.weights import Weights, assembled


def _knows(names: Collection[str]) -> bool:
    """Never: files of this kind say so themselves."""
    del names
    return False


def _float_or_none(value: Any) -> bool:
    return value == NONE if type(value) is str else rules.not_negative(value)


NETWORK = Kind(
    name=Weights.kind,
    knows=_knows,
    assembled=assembled,
    parts={
        **{name: rules.part(rule) for name, rule in RULES.items()},
        **{name: rules.part(_float_or_none) for name in FLOATS},
        "windows": rules.part(rules.text),
    },
    subject=Network,
)
