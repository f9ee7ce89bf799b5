"""Shipped models by name, and any model by its path."""

from __future__ import annotations

from pathlib import Path

from probbound.models.attention_only.transformer import Transformer
from probbound.models.catalogue import located
from probbound.models.store import read_model, renamed


def load(name_or_path: str | Path) -> Transformer:
    """A shipped model by name, or any model by the path of its file.

    Raises:
        UserError: if there is no such model, or its file cannot be used.
    """
    path, name = located(name_or_path)
    return renamed(read_model(path), name)
