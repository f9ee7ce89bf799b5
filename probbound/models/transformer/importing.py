"""A transformer in what a source gave, by whichever dialect says it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from probbound.machine.errors import UserError
from probbound.machine.json_objects import named_once, read_object
from probbound.models.configuration_keys import HARMLESS
from probbound.models.imported import Imported
from probbound.models.transformer.dialects.dialect import Dialect
from probbound.models.transformer.dialects.reading import prefix_of, read, without_prefix
from probbound.models.transformer.dialects.registry import DIALECTS
from probbound.models.transformer.dialects.transformer_lens_plain import is_attention_only
from probbound.models.transformer.network import GeneralTransformer

DEEPEST = 16
_NAMES = ("config", "config.json", "cfg", "model_config", "model_cfg")
_SIZES = ("n_layers", "d_model", "n_ctx")
_FEWEST = 3  # arrays that make a mapping a network's


def speaks_of(found: Any, config: str | None = None, weights: str | None = None) -> bool:
    """Whether some dialect says a transformer in what a source gave, more than one of attention.

    Raises:
        UserError: if a configuration that is named cannot be read.
    """
    if not speaks_if_asked(found, config, weights):
        return False
    _, settings = _settings(found, config)
    _, state, dialect = _chosen(found, weights, settings)
    return not is_attention_only(without_prefix(dialect, state), settings)


def speaks_if_asked(found: Any, config: str | None = None, weights: str | None = None) -> bool:
    """Whether some dialect says a transformer, one layer of attention among them.

    Raises:
        UserError: if a configuration that is named cannot be read.
    """
    try:
        _, settings = _settings(found, config)
        _chosen(found, weights, settings)
    except LookupError:
        return False
    return True


def network_in(
    found: Any, path: Path, config: str | None = None, weights: str | None = None
) -> Imported[GeneralTransformer]:
    """The network of which `speaks_if_asked` holds.

    Raises:
        UserError: if its configuration says what is not computed with, or its arrays do not fit.
    """
    said, settings = _settings(found, config)
    place, state, dialect = _chosen(found, weights, settings)
    _require_no_contradiction(found, said, settings, path)
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


def _require_no_contradiction(
    found: Any, said: str | None, settings: Mapping[str, Any], path: Path
) -> None:
    """What is not the configuration may say anything but something else of the network."""
    for place, other in _configurations(found):
        for key in other.keys() & settings.keys() - set(HARMLESS):
            if place != said and not _same(other[key], settings[key]):
                raise UserError(
                    f"{path} says {key} = {str(other[key])[:60]} in {place}, and {said} says "
                    f"{str(settings[key])[:60]}; take it out of the one that is wrong"
                )


def _same(value: Any, wanted: Any) -> bool:
    numbers = isinstance(value, int | float) and isinstance(wanted, int | float)
    return value == wanted if numbers else str(value) == str(wanted)


def _chosen(
    found: Any, wanted: str | None, settings: Mapping[str, Any]
) -> tuple[str, dict[str, np.ndarray], Dialect]:
    """The arrays of a network, their place and dialect; an optimizer's are in none.

    Raises:
        LookupError: if there are none, or there is more than one set of them.
    """
    states = [each for each in _states(found) if wanted is None or each[0] == wanted]
    known = [(place, state, _dialect(state, settings)) for place, state in states]
    spoken = [(place, state, each) for place, state, each in known if each is not None]
    if len(spoken) != 1:
        raise LookupError("there is no one network")
    return spoken[0]


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
        told = _read(value) if str(name).lower() in _NAMES else None
        told = value if told is None and _says_sizes(value) else told
        if isinstance(told, Mapping):
            yield here, told
        elif isinstance(value, Mapping):
            yield from _configurations(value, here, depth + 1)


def _says_sizes(value: Any) -> bool:
    """Whether a mapping under any name is the configuration of a network."""
    return isinstance(value, Mapping) and all(size in value for size in _SIZES)


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
