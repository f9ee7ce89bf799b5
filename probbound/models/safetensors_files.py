"""The content of a safetensors file in pieces, so that it is never all held beside its arrays."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import ml_dtypes
import numpy as np

from probbound.machine.errors import UserError

_NAMES = {  # in the order in which safetensors lays types
    np.dtype(np.float64): "F64",
    np.dtype(np.float32): "F32",
    np.dtype(ml_dtypes.bfloat16): "BF16",
    np.dtype(np.float16): "F16",
}
_ALIGNMENT = 8


def pieces(
    arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> Iterator[bytes | memoryview]:
    """The header, then each array: wider types first, then by name, as safetensors writes them.

    Raises:
        UserError: if an array is of no floats that such a file has here.
    """
    for name, values in arrays.items():
        if values.dtype.newbyteorder("=") not in _NAMES:
            raise UserError(f"{name} must hold floats to be saved, got {values.dtype}")
    order = list(_NAMES)
    names = sorted(arrays, key=lambda n: (order.index(arrays[n].dtype.newbyteorder("=")), n))
    yield _header({name: arrays[name] for name in names}, metadata)
    for name in names:
        values = np.ascontiguousarray(arrays[name])
        yield (
            values.astype(values.dtype.newbyteorder("<"), copy=False)
            .reshape(-1)
            .view(np.uint8)
            .data
        )


def _header(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    told: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    end = 0
    for name, values in arrays.items():
        start, end = end, end + values.nbytes
        kind = _NAMES[values.dtype.newbyteorder("=")]
        told[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [start, end]}
    text = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text
