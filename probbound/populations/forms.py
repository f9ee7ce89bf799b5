"""One byte string for each item of a list, the same for equal items and for no others."""

from __future__ import annotations

from typing import Any

import numpy as np

from probbound.machine.errors import UserError


def form(item: Any) -> bytes:
    """Type and value of an item: text, number, bytes, None, array, or a collection of those.

    Raises:
        UserError: if it is another thing.
    """
    if isinstance(item, np.generic | np.ndarray):
        return array_form(np.asarray(item))
    if item is None or isinstance(item, bool | int | float | complex):
        return _tagged(type(item).__name__, repr(item).encode())
    if isinstance(item, str):
        return _tagged("str", item.encode("utf-8", "surrogatepass"))
    if isinstance(item, bytes):
        return _tagged("bytes", item)
    if isinstance(item, list | tuple):
        kind = "list" if isinstance(item, list) else "tuple"
        return _tagged(kind, b"".join(map(form, item)))
    if isinstance(item, dict):
        pairs = sorted(form(key) + form(value) for key, value in item.items())
        return _tagged("dict", b"".join(pairs))
    if isinstance(item, set | frozenset):
        return _tagged("set", b"".join(sorted(map(form, item))))
    raise UserError(
        "the items of a Listed population are text, numbers, bytes, arrays, or lists, tuples, "
        f"dicts and sets of those, got a {type(item).__name__}; list its name or number instead, "
        "and let the check look it up"
    )


def array_form(array: np.ndarray) -> bytes:
    """The form of an array: its type, its shape, and its values in little-endian C order."""
    if array.dtype.hasobject:
        return _tagged("objects", b"".join(form(part) for part in array.ravel().tolist()))
    little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<")))
    head = f"{little.dtype.str} {list(array.shape)} ".encode()
    return _tagged("array", head + little.tobytes())


def _tagged(kind: str, content: bytes) -> bytes:
    return f"{kind} {len(content)} ".encode() + content
