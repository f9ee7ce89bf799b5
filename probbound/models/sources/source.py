"""What a source format has to give: everything in the file, as nested plain values and arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ModelSource:
    """A file format by its suffixes.

    `read` gives mappings, lists, texts, numbers, flags, None and NumPy arrays, nested as they are
    in the file, and runs nothing of it. It raises UserError where the file cannot be used.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Path], Any]
