"""The source formats, and which one reads a path."""

from __future__ import annotations

import os
from pathlib import Path

from probbound.machine.errors import UserError
from probbound.models.sources.arrays import NPZ, SAFETENSORS
from probbound.models.sources.hugging_face import HUGGING_FACE
from probbound.models.sources.pytorch import PYTORCH
from probbound.models.sources.source import ModelSource

SOURCES: tuple[ModelSource, ...] = (HUGGING_FACE, PYTORCH, SAFETENSORS, NPZ)


def source_of(path: Path) -> ModelSource:
    """The first format that takes a path.

    Raises:
        UserError: if there is nothing at the path, or none does.
    """
    for source in SOURCES:
        if source.takes(path):
            return source
    if not os.path.exists(path):  # Path.exists raises where a name is too long
        raise UserError(f"there is no file {path}")
    known = ", ".join(each for source in SOURCES for each in source.expected)
    raise UserError(f"{path} is of no format that is imported: expected {known}")
