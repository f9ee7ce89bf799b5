"""Rows of tokens: an array, or lists in JSON lines or Parquet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from probbound.machine.errors import UserError, first_line

NAME = "tokens"
MOST_TOKENS = 1 << 31


def as_rows(found: Any, source: str = "tokens") -> Int[np.ndarray, "n length"]:
    """Rows of tokens as integers.

    Raises:
        UserError: if they are none, or not equally long, or shorter than two tokens.
    """
    try:
        rows = np.asarray(found)
    except ValueError as error:
        raise UserError(f"rows of {source} must all be as long as the first") from error
    if rows.ndim != 2 or rows.dtype.kind not in "iu":
        raise UserError(
            f"{source} must hold equally long rows of whole numbers, [n, length], got an array of "
            f"shape {rows.shape} of {rows.dtype}"
        )
    if len(rows) == 0 or rows.shape[1] < 2:
        raise UserError(f"{source} must hold rows of two tokens at least, got shape {rows.shape}")
    if rows.min() < 0 or rows.max() >= MOST_TOKENS:
        raise UserError(f"tokens of {source} must lie from 0 to 2^31 - 1")
    return np.ascontiguousarray(rows, dtype=np.int64)


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
