"""Files of plain arrays as sources: safetensors of other makers, and `.npz`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from probbound.models.files import Held, read_npz, read_safetensors
from probbound.models.sources.source import ModelSource, by_suffix


def _whole(read: Callable[[Path], Held]) -> Callable[[Path], Mapping[str, Any]]:
    """Arrays and what is beside them in one mapping, as a state dict with its configuration."""

    def everything(path: Path) -> Mapping[str, Any]:
        held = read(path)
        return {**held.beside, **held.tensors}

    return everything


SAFETENSORS = ModelSource(
    "safetensors", (".safetensors",), by_suffix(".safetensors"), _whole(read_safetensors)
)
NPZ = ModelSource("npz", (".npz",), by_suffix(".npz"), _whole(read_npz))
