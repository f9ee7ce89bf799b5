"""The inputs of a claim about products of a group in words; nothing heavy is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def counted(population: Mapping[str, Any]) -> str:
    """The number of a claim's inputs in words, and the group."""
    return f"{population['sizes'][0]}^2 ({population['group']['name']})"
