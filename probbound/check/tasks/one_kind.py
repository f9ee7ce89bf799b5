"""The one form of claims about margins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def one_kind(claim: Mapping[str, Any]) -> dict[str, Any]:
    """An accuracy is the share of margins above 0."""
    if claim["kind"] == "margin" and claim["at"] == 0:
        return {**claim, "kind": "accuracy", "at": None}
    return dict(claim)
