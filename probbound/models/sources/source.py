"""What a source format has to give: everything in it, as nested plain values and arrays."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def by_suffix(*suffixes: str) -> Callable[[Path], bool]:
    """Whether a path is of a file with one of these suffixes."""

    def takes(path: Path) -> bool:
        return path.suffix in suffixes and os.path.isfile(path)

    return takes


def the_file(path: Path) -> tuple[Path, ...]:
    """The files of a source that is one."""
    return (path,)


@dataclass(frozen=True)
class ModelSource:
    """A format: which paths are of it, and what is read of them.

    `expected` names it where a path is of none. `read` gives mappings, lists, texts, numbers,
    flags, None and NumPy arrays, nested as they are in the file, and runs nothing of it; `files`
    are those that it reads, in the order in which the digest of the source is taken of them. Both
    raise UserError where the source cannot be used.
    """

    name: str
    expected: tuple[str, ...]
    takes: Callable[[Path], bool]
    read: Callable[[Path], Any]
    files: Callable[[Path], tuple[Path, ...]] = the_file
