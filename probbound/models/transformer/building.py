"""From a file of probbound's own to a transformer, or a refusal by name."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from probbound.machine.errors import UserError, first_line
from probbound.machine.json_objects import named_once
from probbound.models.files import Held
from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.network import GeneralTransformer


def recognises(names: Collection[str]) -> bool:
    """Never: arrays alone do not tell a transformer; its file says so, or it is imported."""
    return False


def built(held: Held, path: Path) -> GeneralTransformer:
    """The network in a file that says its whole configuration.

    Raises:
        UserError: if the configuration is missing or says what cannot be, or its arrays do not fit.
    """
    others = sorted(set(held.beside) - {"config"})
    if others:
        raise UserError(f"{path} says {others[0][:60]}, which is not known of a transformer")
    try:
        told = json.loads(str(held.beside["config"]), object_pairs_hook=named_once)
    except KeyError as error:
        raise UserError(f"{path} does not say its configuration") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"the configuration in {path} is no JSON: {first_line(error)}") from error
    if not isinstance(told, dict):
        raise UserError(f"the configuration in {path} is no JSON object")
    try:
        return GeneralTransformer(held.tensors, Architecture.from_json(told), path.stem)
    except UserError as error:
        raise UserError(f"{path} cannot be used: {error}") from error
