"""Qwen2 of Hugging Face: Llama with biases of queries, keys and values, windows in some layers."""

from __future__ import annotations

from typing import Any

from probbound.machine.errors import UserError
from probbound.models.transformer.dialects.dialect import Shapes
from probbound.models.transformer.dialects.keys import Told
from probbound.models.transformer.dialects.llama import Family, activation, biases

_FULL, _SLIDING = "full_attention", "sliding_attention"


def _choices(told: Told, shapes: Shapes, layers: int) -> dict[str, Any]:
    return {**activation(told), "windows": _windows(told, layers)}


def _windows(told: Told, layers: int) -> tuple[int | None, ...]:
    """Of the layers that are said to slide, or else of those from max_window_layers on."""
    slides = told.flag("use_sliding_window", False) and told.wanted("sliding_window")
    first, window = told.whole("max_window_layers", 28), told.whole("sliding_window", 4096)
    usual = [_SLIDING if slides and i >= first else _FULL for i in range(layers)]
    kinds = told.any("layer_types", usual)
    known = isinstance(kinds, list) and all(kind in (_FULL, _SLIDING) for kind in kinds)
    if not known or len(kinds) != layers:
        raise UserError(
            f"its configuration says layer_types = {str(kinds)[:60]}, not {_FULL} or {_SLIDING} of "
            f"each of {layers} layers"
        )
    if _SLIDING in kinds and not slides:
        raise UserError("its configuration says layer_types that slide, and no sliding window")
    return tuple(window if kind == _SLIDING else None for kind in kinds)


DIALECT = Family(
    "Qwen2",
    "qwen2",
    (biases("", "QKV", always=True), biases("", "O"), biases("", "")),
    _choices,
).dialect()
