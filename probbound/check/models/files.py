"""Arrays and texts in a `.safetensors` or `.npz` file, by NumPy's `frombuffer` alone.

Nothing in a file is evaluated, and no memory is taken that its size on disk does not justify.
"""

from __future__ import annotations

import json
import math
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from probbound.check.report import Unusable

MOST_BYTES = 1 << 34
_TIMES_AN_ARCHIVE, _ANY_ARCHIVE = 64, 1 << 26
_LONGEST_HEADER = 1 << 22
_MOST_ENTRIES = 1000
_BFLOAT16 = "BF16"
_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    _BFLOAT16: "<u2",
    "BOOL": "|b1",
    **{f"{sign}{8 * size}": f"<{sign.lower()}{size}" for sign in "IU" for size in (1, 2, 4, 8)},
}
_NPY_HEADER = re.compile(
    r"\{'descr': '([<>|](?:b1|[iu][1248]|f[248]|[SU]\d{1,9}))', 'fortran_order': (True|False), "
    r"'shape': \(((?:\d{1,15},? ?)*)\), \}\s*"
)
_PYTORCH = (".pth", ".pt", ".ckpt", ".bin")


@dataclass(frozen=True)
class Contents:
    """Arrays by name, and the metadata of a safetensors file, text by name."""

    arrays: dict[str, np.ndarray]
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def texts(self) -> dict[str, str]:
        """All that the file says in words: its metadata, and its arrays of one text each."""
        alone = {name: x.item() for name, x in self.arrays.items() if _is_text(x)}
        read = {
            name: text if isinstance(text, str) else text.decode("utf-8", "replace")
            for name, text in alone.items()
        }
        return {**self.metadata, **read}

    @property
    def others(self) -> dict[str, np.ndarray]:
        """The arrays that are not one text."""
        return {name: x for name, x in self.arrays.items() if not _is_text(x)}


def _is_text(values: np.ndarray) -> bool:
    return values.size == 1 and values.dtype.kind in "SU"


def read_contents(path: Path) -> Contents:
    """Everything in a `.safetensors` or `.npz` file.

    Raises:
        Unusable: if the file is missing, damaged or of another format.
    """
    readers: dict[str, Callable[[BinaryIO, int], Contents]] = {
        ".safetensors": _safetensors,
        ".npz": _npz,
    }
    if path.suffix in _PYTORCH:
        raise Unusable(
            f"{path} is a file of PyTorch; convert it once: "
            f"probbound import {path} --out {path.with_suffix('.safetensors').name}"
        )
    if path.suffix not in readers:
        raise Unusable(f"{path} is not a file of weights: expected {' or '.join(readers)}")
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
            raise Unusable(f"it is no regular file of at most {MOST_BYTES >> 30} GiB")
        with path.open("rb") as file:
            return readers[path.suffix](file, status.st_size)
    except FileNotFoundError as error:
        raise Unusable(f"there is no file {path}") from error
    except Unusable as error:
        raise Unusable(f"{path} cannot be used: {error}") from error
    except (
        zipfile.BadZipFile,
        ArithmeticError,
        EOFError,
        LookupError,
        MemoryError,
        OSError,
        RuntimeError,
        ValueError,
        struct.error,
        zlib.error,
    ) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise Unusable(f"{path} cannot be read: {reason}") from error


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, in which no name stands twice.

    Raises:
        Unusable: if one does.
    """
    made = dict(pairs)
    if len(made) < len(pairs):
        raise Unusable("a name stands twice in one object of its JSON")
    return made


def _safetensors(file: BinaryIO, size: int) -> Contents:
    """Eight bytes of length, a JSON header with dtype, shape and offsets of each, the data."""
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= min(_LONGEST_HEADER, size - 8):
        raise Unusable("it does not begin with the length of its header")
    header = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=once)
    if not isinstance(header, dict):
        raise Unusable("its header is not an object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise Unusable("its metadata is not an object of texts")
    places = sorted((_place(name, entry), name) for name, entry in header.items())
    end = 0
    for (start, stop, *_), name in places:
        if start != end:
            raise Unusable(f"{name[:40]!r} does not lie where the one before it ends")
        end = stop
    if end != size - 8 - length:
        raise Unusable(f"its header speaks of {end} bytes, and {size - 8 - length} follow")
    data = memoryview(file.read(end))
    return Contents({name: _array(data, *place) for place, name in places}, metadata)


def _place(name: str, entry: Any) -> tuple[int, int, str, tuple[int, ...]]:
    """Where a tensor starts and stops, its type and its shape.

    Raises:
        Unusable: if they do not fit each other.
    """
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise Unusable(f"{name[:40]!r} has no dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise Unusable(f"{name[:40]!r} is of a type {str(dtype)[:20]!r}, which is not read")
    if not (_sizes(shape) and len(shape) <= 8 and _sizes(offsets) and len(offsets) == 2):
        raise Unusable(f"{name[:40]!r} has a shape or offsets that are no sizes")
    if offsets[1] - offsets[0] != math.prod(shape) * np.dtype(_DTYPES[dtype]).itemsize:
        raise Unusable(f"{name[:40]!r} is not as long as its shape says")
    return offsets[0], offsets[1], dtype, tuple(shape)


def _sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 1 << 48 for n in value)


def _array(
    data: memoryview, start: int, stop: int, dtype: str, shape: tuple[int, ...]
) -> np.ndarray:
    """An array where it lies in the data; a copy only where that is not aligned."""
    values = np.require(np.frombuffer(data[start:stop], _DTYPES[dtype]), requirements="A")
    values = values.reshape(shape)
    if dtype == _BFLOAT16:  # the upper half of a float32
        return (values.astype("<u4") << 16).view("<f4")
    return values


def _npz(file: BinaryIO, size: int) -> Contents:
    """A ZIP archive of arrays; no entry is read beyond the size that its directory says."""
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        named = {entry.filename.removesuffix(".npy"): entry for entry in entries}
        if len(named) < len(entries):
            raise Unusable("a name stands twice in it")
        most = min(MOST_BYTES, max(_ANY_ARCHIVE, _TIMES_AN_ARCHIVE * size))
        if len(entries) > _MOST_ENTRIES or sum(entry.file_size for entry in entries) > most:
            raise Unusable(f"its arrays take more than {most} bytes, or are more than 1,000")
        if any(e.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for e in entries):
            raise Unusable("it is compressed by another method than deflate")
        return Contents({n: _npy(n, archive.read(entry)) for n, entry in named.items()})


def _npy(name: str, content: bytes) -> np.ndarray:
    """The array in a `.npy` entry of numbers or text.

    Raises:
        Unusable: if it is anything else.
    """
    if content[:6] != b"\x93NUMPY" or content[6:8] not in (b"\1\0", b"\2\0"):
        raise Unusable(f"{name[:40]!r} is no array of NumPy")
    starts = 10 if content[6] == 1 else 12
    stops = starts + int.from_bytes(content[8:starts], "little")
    header = _NPY_HEADER.fullmatch(content[starts : min(stops, starts + 4096)].decode("latin-1"))
    if header is None:
        raise Unusable(f"{name[:40]!r} is no array of numbers or text")
    dtype, shape = np.dtype(header[1]), tuple(int(n) for n in re.findall(r"\d+", header[3]))
    if len(content) - stops != math.prod(shape) * dtype.itemsize:
        raise Unusable(f"{name[:40]!r} is not as long as its shape says")
    if dtype.itemsize == 0 or len(shape) > 8:
        raise Unusable(f"{name[:40]!r} is empty text, or has more than 8 axes")
    values = np.frombuffer(content, dtype, offset=stops)
    return values.reshape(shape, order="F" if header[2] == "True" else "C")
