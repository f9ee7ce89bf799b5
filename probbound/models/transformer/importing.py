"""A transformer in what a source gave, by whichever dialect says it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from probbound.machine.errors import UserError
from probbound.machine.json_objects import named_once, read_object
from probbound.models.imported import Imported
from probbound.models.transformer.dialects.dialect import Dialect
from probbound.models.transformer.dialects.reading import prefix_of, read, without_prefix
from probbound.models.transformer.dialects.registry import DIALECTS
from probbound.models.transformer.network import GeneralTransformer

DEEPEST = 16
_NAMES = ("config", "config.json", "cfg", "model_config", "model_cfg")
_FEWEST = 3  # arrays that make a mapping a network's


def speaks_of(found: Any, config: str | None = None, weights: str | None = None) -> bool:
    """Whether some dialect says a transformer in what a source gave.

    Raises:
        UserError: if a configuration that is named cannot be read.
    """
    try:
        _, state = _chosen(found, weights)
        _, settings = _settings(found, config)
    except LookupError:
        return False
    return _dialect(state, settings) is not None


def network_in(
    found: Any, path: Path, config: str | None = None, weights: str | None = None
) -> Imported[GeneralTransformer]:
    """The network of which `speaks_of` holds.

    Raises:
        UserError: if its configuration says what is not computed with, or its arrays do not fit.
    """
    place, state = _chosen(found, weights)
    said, settings = _settings(found, config)
    dialect = _dialect(state, settings)
    if dialect is None:
        raise UserError(f"{path} holds no transformer that is known here")
    arrays = without_prefix(dialect, state)
    try:
        model = read(dialect, arrays, settings, path.stem)
    except UserError as error:
        raise UserError(f"{path} cannot be imported as {dialect.name}: {error}") from error
    return Imported(
        model,
        said,
        model.architecture.to_json(),
        place or "the file itself",
        prefix_of(dialect, state),
        (*_left_out(found, state, said), *filter(dialect.aside, arrays)),
    )


def _dialect(state: Mapping[str, Any], settings: Mapping[str, Any]) -> Dialect | None:
    for dialect in DIALECTS:
        if dialect.speaks(without_prefix(dialect, state), settings):
            return dialect
    return None


def _chosen(found: Any, wanted: str | None) -> tuple[str, dict[str, np.ndarray]]:
    """The arrays of a network and their place.

    Raises:
        LookupError: if there are none, or there is more than one set of them.
    """
    states = [each for each in _states(found) if wanted is None or each[0] == wanted]
    if len(states) != 1:
        raise LookupError("there is no one set of arrays")
    return states[0]


def _states(found: Any, place: str = "", depth: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(found, list):
        found = dict(enumerate(found))
    if not isinstance(found, Mapping) or depth > DEEPEST:
        return
    arrays = {str(name): v for name, v in found.items() if isinstance(v, np.ndarray)}
    if len(arrays) >= _FEWEST:
        yield place, arrays
    for name, value in found.items():
        yield from _states(value, f"{place}.{name}" if place else str(name), depth + 1)


def _settings(found: Any, wanted: str | None) -> tuple[str | None, Mapping[str, Any]]:
    """The configuration and its place: a file, a place in what was found, or the only one there.

    Raises:
        UserError: if it is named and cannot be read.
        LookupError: if there are several.
    """
    named = [each for each in _configurations(found) if wanted is None or each[0] == wanted]
    if len(named) > 1:
        raise LookupError("there are several configurations")
    if named:
        return named[0]
    if wanted is None:
        return None, {}
    if not Path(wanted).is_file():
        raise LookupError(f"there is no configuration {wanted}")
    return wanted, read_object(Path(wanted))


def _configurations(
    found: Any, place: str = "", depth: int = 0
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not isinstance(found, Mapping) or depth > DEEPEST:
        return
    for name, value in found.items():
        here = f"{place}.{name}" if place else str(name)
        if str(name).lower() in _NAMES:
            told = _read(value)
            if isinstance(told, Mapping):
                yield here, told
        elif isinstance(value, Mapping):
            yield from _configurations(value, here, depth + 1)


def _read(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, object_pairs_hook=named_once)
    except (ValueError, RecursionError):
        return None


def _left_out(found: Any, state: Mapping[str, Any], said: str | None) -> Iterator[str]:
    """What else is in the file at its top, by name."""
    if not isinstance(found, Mapping):
        return
    for name, value in found.items():
        if str(name) in state or f"{said}.".startswith(f"{name}."):
            continue
        if not any(True for _ in _states({name: value})):
            yield str(name)
