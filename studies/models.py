"""Models by name: shipped, or made by the builder of the word that their name begins with."""

from __future__ import annotations

import itertools
from importlib import import_module
from pathlib import Path
from typing import Any

from probbound.models.registry import load

_BUILDERS = {
    "planted-max-of": "planted_max_of_k",
    "trained-max-of": "trained_max_of_k",
    "trained-induction": "trained_induction",
    "planted-mod-add": "planted_modular_addition",
}


def model_named(name: str, kept: Path) -> Any:
    """A shipped model, or one that is made, as `planted-max-of-4-v256-d64-s0`.

    The word of a name is what stands before its first part with a digit. What is dear to make is
    written to the directory `kept`, and read from there the next time.

    Raises:
        UserError: if there is no such model.
    """
    parts = itertools.takewhile(lambda part: not any(map(str.isdigit, part)), name.split("-"))
    word = "-".join(parts)
    if word not in _BUILDERS:
        return load(name)
    builder = import_module(f"studies.builders.{_BUILDERS[word]}").MODEL
    return builder.made(name.removeprefix(f"{word}-"), name, kept)
