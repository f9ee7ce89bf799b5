"""The settings that others keep in a JSON file beside the weights of a network."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from probbound.machine.errors import UserError, first_line
from probbound.machine.json_objects import named_once


def settings_beside(config: str | None, path: Path, known: Collection[str]) -> dict[str, Any]:
    """The settings of the weights in `path`, which may be those that are `known`.

    Raises:
        UserError: if no file of settings is given, it cannot be read, or it says what is not known:
            it might be of another network.
    """
    if config is None:
        raise UserError(
            f"{path} holds weights alone, and what is computed with them stands in the settings "
            "beside it; give these: --config FILE.json"
        )
    try:
        told = json.loads(Path(config).read_text(encoding="utf-8"), object_pairs_hook=named_once)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{config} cannot be read as JSON: {first_line(error)}") from error
    if not isinstance(told, dict):
        raise UserError(f"{config} holds no settings: it has to be one JSON object")
    if unknown := sorted(set(told) - set(known)):
        raise UserError(
            f"{config} has settings that are not known of such a network: {', '.join(unknown)}"
        )
    return told


def modulus_in(told: dict[str, Any], config: str) -> int:
    """C of a network that adds modulo C.

    Raises:
        UserError: if it is no whole number above 1.
    """
    classes = told.get("C")
    if type(classes) is not int or classes < 2:
        raise UserError(f"{config} must say C, the modulus, a whole number above 1; got {classes}")
    return classes
