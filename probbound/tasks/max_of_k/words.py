"""The inputs of a claim about max-of-K in words; nothing heavy is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def counted(population: Mapping[str, Any]) -> str:
    """The number of a claim's inputs in words."""
    return f"{population['d_vocab']}^{population['n_ctx']}"
