"""Objects of JSON in which a name stands twice: readers disagree on what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from probbound.machine.errors import UserError, first_line

_SHOWN = 60


def named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs, as `object_pairs_hook` of `json.loads`.

    Raises:
        UserError: if a name stands twice in it, naming the first that does.
    """
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise UserError(f"the name {name[:_SHOWN]!r} stands twice in one object")
        made[name] = value
    return made


def read_object(path: Path) -> dict[str, Any]:
    """The one JSON object in a file.

    Raises:
        UserError: if the file cannot be read, or holds something else, or a name twice.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=named_once)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as JSON: {first_line(error)}") from error
    if not isinstance(told, dict):
        raise UserError(f"{path} has to hold one JSON object")
    return told
