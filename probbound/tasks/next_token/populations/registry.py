"""The populations of rows, and which one a file or an array is."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from probbound.machine.errors import UserError, kind_of
from probbound.machine.python_files import is_meant
from probbound.models.files import read_npz
from probbound.tasks.next_token.populations.contract import RowPopulation
from probbound.tasks.next_token.populations.generator import RowGenerator, generator_at
from probbound.tasks.next_token.populations.law import RowLaw, as_law
from probbound.tasks.next_token.populations.listed import RowList
from probbound.tasks.next_token.reading import NAME, as_rows, of_json_lines, of_parquet

KINDS: tuple[type[RowPopulation], ...] = (RowList, RowLaw, RowGenerator)
LAW = "law"


def population_of(given: Any) -> RowPopulation:
    """What is a population already, or the list of the rows of an array, or of lists.

    Raises:
        UserError: if it is a subclass of one, or no rows.
    """
    if type(given) in KINDS:
        return given
    if isinstance(given, KINDS):
        raise UserError(f"bounds are proved for the populations themselves, got {kind_of(given)}")
    return RowList(as_rows(given))


def read_population(data: str) -> RowPopulation:
    """What a file holds: rows, a law of rows, or, FILE.py:NAME, a generator, which is executed.

    Raises:
        UserError: if it cannot be used, in one sentence.
    """
    if is_meant(data):
        return generator_at(data)
    path = Path(data)
    if path.suffix not in _FORMATS:
        raise UserError(
            f"{path} is no file of rows: expected {', '.join(_FORMATS)}, or FILE.py:NAME of a "
            "generator"
        )
    if not os.path.isfile(path):  # Path.is_file raises where a name is too long
        raise UserError(f"there is no file {path}")
    return _FORMATS[path.suffix](path)


def _of_npz(path: Path) -> RowPopulation:
    held = read_npz(path).tensors
    found = [name for name in _ARRAYS if name in held]
    if len(found) != 1:
        raise UserError(
            f"{path} must hold either an array {NAME}, [n, length], or an array {LAW}, [length, "
            f"d_vocab], and holds {'both' if found else 'neither'}"
        )
    return _ARRAYS[found[0]](held[found[0]], str(path))


_ARRAYS: Mapping[str, Callable[[Any, str], RowPopulation]] = {
    NAME: lambda found, source: RowList(as_rows(found, source)),
    LAW: lambda found, source: RowLaw(*as_law(found, f"{LAW} of {source}")),
}
_FORMATS: Mapping[str, Callable[[Path], RowPopulation]] = {
    ".npz": _of_npz,
    ".jsonl": lambda path: RowList(as_rows(of_json_lines(path), str(path))),
    ".parquet": lambda path: RowList(as_rows(of_parquet(path), str(path))),
}
