"""The source formats, and which one reads a file."""

from __future__ import annotations

import os
from pathlib import Path

from probbound.machine.errors import UserError
from probbound.models.sources.arrays import NPZ, SAFETENSORS
from probbound.models.sources.pytorch import PYTORCH
from probbound.models.sources.source import ModelSource

SOURCES: tuple[ModelSource, ...] = (PYTORCH, SAFETENSORS, NPZ)


def source_of(path: Path) -> ModelSource:
    """The format of a file, by its suffix.

    Raises:
        UserError: if the file is missing, or its format is none that is read here.
    """
    if not os.path.isfile(path):  # Path.is_file raises where a name is too long
        if os.path.isdir(path):
            raise UserError(f"{path} is a directory, and only single files are imported")
        raise UserError(f"there is no file {path}")
    for source in SOURCES:
        if path.suffix in source.suffixes:
            return source
    known = ", ".join(suffix for source in SOURCES for suffix in source.suffixes)
    raise UserError(f"{path} is of no format that is imported: expected {known}")
