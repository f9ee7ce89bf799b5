"""Claims that say one thing in one form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def one_kind(claim: Mapping[str, Any]) -> dict[str, Any]:
    """A margin above 0 is a right answer."""
    if claim["kind"] == "margin" and claim["at"] == 0:
        return {**claim, "kind": "accuracy", "at": None}
    return dict(claim)
