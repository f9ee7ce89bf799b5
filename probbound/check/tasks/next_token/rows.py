"""Rows of tokens in a file, and their digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from probbound.check.models.files import read_contents
from probbound.check.own.draws import different
from probbound.check.report import Unusable
from probbound.check.stream import Stream

_NAME, _LAW = "tokens", "law"
_MOST_BYTES = 1 << 32
Numbers = Sequence[int] | np.ndarray


@dataclass(frozen=True)
class Rows:
    """Tokens (n, length), of which all but the last of each row are read, none below 0."""

    tokens: np.ndarray

    at_hand = True
    seen = ("the rows have the digest of the certificate",)

    @property
    def length(self) -> int:
        """Tokens of the longest row."""
        return self.tokens.shape[1]

    @property
    def shortest(self) -> int:
        """Tokens of the shortest row."""
        return int((self.tokens >= 0).sum(axis=1).min())

    @property
    def reach(self) -> tuple[int, int]:
        """The largest token that is read, and the largest last one."""
        return int(self.tokens[:, :-1].max()), int(self.tokens[:, -1].max())

    def drawn(self, stream: Stream, draws: int) -> tuple[Rows, Numbers]:
        """The rows, and the numbers of so many different ones (7.1)."""
        return self, different(stream, len(self.tokens), draws)

    def anew(self, stream: Stream, draws: int) -> tuple[Rows, Numbers]:
        """The rows, and numbers drawn with replacement."""
        return self, stream.below(len(self.tokens), 0, draws)

    def at(self, numbers: Numbers) -> np.ndarray:
        """The rows of some numbers."""
        return self.tokens[np.asarray(numbers)]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the shape and of all tokens as little-endian 64-bit integers."""
        state = hashlib.sha256(f"probbound-rows/1\n{self.tokens.shape}\n".encode())
        state.update(self.tokens.astype("<i8").tobytes())
        return state.hexdigest()


def read_rows(path: Path) -> Rows:
    """The rows in an `.npz` or `.jsonl` file.

    Raises:
        Unusable: if it is missing, damaged, of another format, or holds no rows.
    """
    if path.suffix == ".npz":
        arrays = read_contents(path).arrays
        found = arrays.get(_NAME)
        if found is None or _LAW in arrays:
            raise Unusable(f"{path} has no array {_NAME}, or {_LAW} beside it")
    elif path.suffix == ".jsonl":
        found = _of_lines(path)
    else:
        raise Unusable(
            f"{path} is not a file of rows that the checker reads: expected .npz or .jsonl; of "
            "Parquet save the same rows as one of these, their digest stays the same"
        )
    if found.ndim != 2 or found.dtype.kind not in "iu" or min(found.shape) < 1:
        raise Unusable(f"{path} holds no rows of whole numbers, but {found.shape} of {found.dtype}")
    if found.shape[1] < 2 or found.min() < -1 or found.max() >= 2**31:
        raise Unusable(f"{path} holds no rows of two tokens or more")
    rows = Rows(found.astype(np.int64))
    tokens = rows.tokens >= 0
    if (tokens[:, :-1] > tokens[:, 1:]).any():
        raise Unusable(f"{path} holds a row with a number below 0 behind its first token")
    if rows.shortest < 2 or not tokens[:, 0].any():
        raise Unusable(f"{path} holds no rows of two tokens or more, one of them of all its places")
    return rows


def _of_lines(path: Path) -> np.ndarray:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise Unusable(f"{path} is larger than {_MOST_BYTES} bytes")
        with path.open(encoding="utf-8") as lines:  # splitlines would split at U+2028 in a text
            rows = [_tokens(json.loads(line)) for line in lines if line.strip()]
        longest = max(map(len, rows), default=0)
        return np.array([[-1] * (longest - len(row)) + row for row in rows])
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError, OverflowError) as error:
        raise Unusable(f"{path} holds no lists of tokens: {error}") from error


def _tokens(found: Any) -> list[int]:
    row = found.get(_NAME) if isinstance(found, dict) else found
    if not isinstance(row, list) or not all(type(token) is int for token in row):
        raise ValueError(f"a line is no list of whole numbers and has none as {_NAME}")
    return row
