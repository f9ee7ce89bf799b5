"""Files of weights written by hand, which may hold what no library would write."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from probbound.models.attention_only.transformer import WEIGHT_SHAPES
from tests.factories import copying_model

# One head, 6 tokens, 3 positions, width 7.
WEIGHTS = {name: np.array(getattr(copying_model(0), name), float) for name in WEIGHT_SHAPES}
TYPES = {"<f8": "F64", "<f4": "F32", "<f2": "F16", "|b1": "BOOL", "<i8": "I64", "|u1": "U8"}


def write_safetensors(
    path: Path,
    tensors: Mapping[str, np.ndarray] | list[tuple[str, str, np.ndarray]],
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Tensors by name, or as (name, dtype, values) where the type is not NumPy's own."""
    if not isinstance(tensors, list):
        tensors = [(name, TYPES[values.dtype.str], values) for name, values in tensors.items()]
    header, data = [], b""
    if metadata is not None:
        header.append(f'"__metadata__": {json.dumps(metadata)}')
    for name, dtype, values in tensors:
        offsets = [len(data), len(data) + values.nbytes]
        place = {"dtype": dtype, "shape": values.shape, "data_offsets": offsets}
        header.append(f"{json.dumps(name)}: {json.dumps(place)}")
        data += values.tobytes()
    text = f"{{{', '.join(header)}}}".encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def with_metadata(path: Path, metadata: Mapping[str, str]) -> Path:
    """A safetensors file of WEIGHTS beside some metadata."""
    return write_safetensors(path / "model.safetensors", WEIGHTS, metadata)


def with_config(path: Path, **config: Any) -> Path:
    """A safetensors file of WEIGHTS with a configuration."""
    return with_metadata(path, {"config": json.dumps(config)})


def npz(path: Path, **beside: Any) -> Path:
    """A .npz file of WEIGHTS and more."""
    arrays: dict[str, Any] = WEIGHTS | beside
    np.savez(path / "model.npz", **arrays)
    return path / "model.npz"
