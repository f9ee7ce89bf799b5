"""Rows of tokens in a file, and their digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from probbound.check.models.files import read_contents
from probbound.check.report import Unusable

_NAME = "tokens"
_MOST_BYTES = 1 << 32
_AT_ONCE = 256


@dataclass(frozen=True)
class Rows:
    """Tokens (n, length), of which all but the last of each row are read."""

    tokens: np.ndarray

    @property
    def read(self) -> np.ndarray:
        """What networks read."""
        return self.tokens[:, :-1]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the shape and of all tokens as little-endian 64-bit integers."""
        state = hashlib.sha256(f"probbound-rows/1\n{self.tokens.shape}\n".encode())
        state.update(self.tokens.astype("<i8").tobytes())
        return state.hexdigest()


def parts(numbers: np.ndarray) -> Iterator[np.ndarray]:
    """Numbers of rows, as many of them as networks are run on at once."""
    for at in range(0, len(numbers), _AT_ONCE):
        yield numbers[at : at + _AT_ONCE]


def read_rows(path: Path) -> Rows:
    """The rows in an `.npz` or `.jsonl` file.

    Raises:
        Unusable: if it is missing, damaged, of another format, or holds no equally long rows.
    """
    if path.suffix == ".npz":
        found = read_contents(path).arrays.get(_NAME)
        if found is None:
            raise Unusable(f"{path} has no array {_NAME}")
    elif path.suffix == ".jsonl":
        found = _of_lines(path)
    else:
        raise Unusable(
            f"{path} is not a file of rows that the checker reads: expected .npz or .jsonl; of "
            "Parquet save the same rows as one of these, their digest stays the same"
        )
    if found.ndim != 2 or found.dtype.kind not in "iu" or min(found.shape) < 1:
        raise Unusable(f"{path} holds no rows of whole numbers, but {found.shape} of {found.dtype}")
    if found.shape[1] < 2 or found.min() < 0 or found.max() >= 2**31:
        raise Unusable(f"{path} holds no rows of two tokens or more")
    return Rows(found.astype(np.int64))


def _of_lines(path: Path) -> np.ndarray:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise Unusable(f"{path} is larger than {_MOST_BYTES} bytes")
        with path.open(encoding="utf-8") as lines:  # splitlines would split at U+2028 in a text
            return np.array([_tokens(json.loads(line)) for line in lines if line.strip()])
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError, OverflowError) as error:
        raise Unusable(f"{path} holds no equally long lists of tokens: {error}") from error


def _tokens(found: Any) -> list[int]:
    row = found.get(_NAME) if isinstance(found, dict) else found
    if not isinstance(row, list) or not all(type(token) is int for token in row):
        raise ValueError(f"a line is no list of whole numbers and has none as {_NAME}")
    return row
