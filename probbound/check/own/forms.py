"""The digest of a list: each item as bytes of its type and value (docs/own-claims.md, "Forms")."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from probbound.check.report import Unusable


def digest_of(items: Iterable[Any], weights: Iterable[int]) -> tuple[str, bool]:
    """The digest of members with their weights, and whether they all differ.

    Rows of an array have the form of the array without rows, and their bytes after it.

    Raises:
        Unusable: if an item has no form.
    """
    digest, seen, number = hashlib.sha256(), set(), 0
    for form, weight in zip(_forms(items), weights, strict=True):
        seen.add(hashlib.sha256(form).digest())
        number += 1
        digest.update(len(form).to_bytes(8, "little") + form + b" %d\n" % weight)
    return digest.hexdigest(), len(seen) == number


def _forms(items: Iterable[Any]) -> Iterator[bytes]:
    if not isinstance(items, np.ndarray):
        yield from map(_form, items)
    elif items.dtype.hasobject:
        yield from map(_form, items.tolist())
    else:
        head, little = _of_array(items[:0]), items.dtype.newbyteorder("<")
        yield from (head + row.tobytes() for row in np.ascontiguousarray(items, dtype=little))


def _form(item: Any) -> bytes:
    if isinstance(item, np.ndarray | np.generic):
        return _of_array(np.asarray(item))
    kind = type(item).__name__
    if item is None or isinstance(item, bool | int | float | complex):
        return _with_head(kind, repr(item).encode())
    if isinstance(item, str):
        return _with_head("str", item.encode("utf-8", "surrogatepass"))
    if isinstance(item, bytes):
        return _with_head("bytes", item)
    parts: Iterable[bytes]
    if isinstance(item, dict):
        kind, parts = "dict", sorted(_form(key) + _form(item[key]) for key in item)
    elif isinstance(item, set | frozenset):
        kind, parts = "set", sorted(map(_form, item))
    elif isinstance(item, list | tuple):
        kind, parts = "list" if isinstance(item, list) else "tuple", map(_form, item)
    else:
        raise Unusable(f"an item of the list is a {kind}, which has no form to take a digest of")
    return _with_head(kind, b"".join(parts))


def _of_array(array: np.ndarray) -> bytes:
    if array.dtype.hasobject:
        return _with_head("objects", b"".join(map(_form, array.ravel().tolist())))
    values = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    head = f"{values.dtype.str} {list(array.shape)} "
    return _with_head("array", head.encode() + values.tobytes())


def _with_head(kind: str, content: bytes) -> bytes:
    return f"{kind} {len(content)} ".encode() + content
