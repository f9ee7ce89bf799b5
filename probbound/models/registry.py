"""The models that ship with the package, and models by path."""

from __future__ import annotations

import os
from pathlib import Path

from probbound.errors import UserError
from probbound.models.store import read_model, renamed
from probbound.models.transformer import Transformer

SHIPPED = Path(__file__).parent / "shipped"
ALIASES = {"max-of-4": "max-of-4-s0"}


def shipped_names() -> list[str]:
    """Names of the shipped models, aliases included."""
    files = sorted(SHIPPED.glob("*.safetensors"), key=lambda path: (len(path.stem), path.stem))
    return [*ALIASES, *(path.stem for path in files)]


def shipped_path(name: str) -> Path:
    """The file of a shipped model."""
    return SHIPPED / f"{ALIASES.get(name, name)}.safetensors"


def load(name_or_path: str | Path) -> Transformer:
    """A shipped model by name, or any model by the path of its file.

    Raises:
        UserError: if there is no such model, or its file cannot be used.
    """
    name = str(name_or_path)
    if name in shipped_names():
        return renamed(read_model(shipped_path(name)), name)
    path = Path(name)
    if path.suffix or os.path.exists(path):  # Path.exists raises where a name is too long
        return read_model(path)
    raise UserError(
        f"there is no model {name!r}; give the path of a model file, or one of "
        f"{', '.join(shipped_names())}"
    )
