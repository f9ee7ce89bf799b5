"""Mistral of Hugging Face: Llama whose layers all see a window."""

from __future__ import annotations

from typing import Any

from probbound.models.transformer.dialects.dialect import Shapes
from probbound.models.transformer.dialects.keys import Told
from probbound.models.transformer.dialects.llama import Family, activation, biases

_WINDOW = 4096


def _choices(told: Told, shapes: Shapes, layers: int) -> dict[str, Any]:
    """A window that is null is none; one that is not told is the usual."""
    window = told.whole("sliding_window", _WINDOW) if told.wanted("sliding_window") else None
    return {**activation(told), "windows": (window,) * layers}


DIALECT = Family(
    "Mistral",
    "mistral",
    (biases("", "QKVO"), biases("", "")),
    _choices,
).dialect()
