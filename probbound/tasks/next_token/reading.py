"""Rows of tokens: an array, or lists in JSON lines or Parquet.

In an array short rows have -1 before their first token.
"""

from __future__ import annotations

import json
from collections.abc import Sized
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from probbound.machine.errors import UserError, first_line
from probbound.models.transformer.lengths import BEFORE, firsts

NAME = "tokens"
MOST_TOKENS = 1 << 31


def as_rows(found: Any, source: str = "tokens") -> Int[np.ndarray, "n length"]:
    """Rows of tokens as integers; lists of different lengths get -1 before their first token.

    Raises:
        UserError: if they are none, or shorter than two tokens, or no row is as long as the array.
    """
    try:
        rows = np.asarray(_filled(found))
    except ValueError as error:
        raise UserError(f"{source} must hold rows of whole numbers") from error
    if rows.ndim != 2 or rows.dtype.kind not in "iu":
        raise UserError(
            f"{source} must hold rows of whole numbers, [n, length], short ones with {BEFORE} "
            f"before their first token, got an array of shape {rows.shape} of {rows.dtype}"
        )
    if len(rows) == 0 or rows.shape[1] < 2:
        raise UserError(f"{source} must hold rows of two tokens at least, got shape {rows.shape}")
    if rows.min() < BEFORE or rows.max() >= MOST_TOKENS:
        raise UserError(f"tokens of {source} must lie from 0 to 2^31 - 1")
    rows = np.ascontiguousarray(rows, dtype=np.int64)
    before = firsts(rows)
    if ((rows == BEFORE).sum(axis=1) != before).any():
        raise UserError(f"in rows of {source} {BEFORE} may stand before the first token alone")
    if before.max() > rows.shape[1] - 2:
        raise UserError(
            f"{source} must hold rows of two tokens at least, row {before.argmax()} has "
            f"{rows.shape[1] - before.max()}"
        )
    if before.min() > 0:
        raise UserError(f"no row of {source} is as long as its array, {rows.shape[1]} places")
    return rows


def _filled(found: Any) -> Any:
    """Lists of different lengths as an array; what is none is left as it is."""
    if not isinstance(found, list | tuple) or not all(isinstance(row, Sized) for row in found):
        return found
    longest = max(map(len, found), default=0)
    return [[BEFORE] * (longest - len(row)) + list(row) for row in found]


def of_json_lines(path: Path) -> list[Any]:
    """The lists `tokens` of the lines, or the lines themselves, if they are lists.

    Raises:
        UserError: if one is neither, or the file cannot be read.
    """
    rows = []
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    rows.append(_row(line, path, number))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as JSON lines: {first_line(error)}") from error
    return rows


def _row(line: str, path: Path, number: int) -> list[Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"line {number} of {path} is no JSON: {first_line(error)}") from error
    row = found.get(NAME) if isinstance(found, dict) else found
    if not isinstance(row, list) or not all(type(token) is int for token in row):
        raise UserError(f"line {number} of {path} must be a list of tokens, or hold one as {NAME}")
    return row


def of_parquet(path: Path) -> list[Any]:
    """The column `tokens`.

    Raises:
        UserError: if there is none, or the file cannot be read.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path, columns=[NAME])
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise UserError(f"{path} cannot be read as Parquet: {first_line(error)}") from error
    if NAME not in table.column_names:
        raise UserError(f"{path} has no column {NAME}")
    return table[NAME].to_pylist()
