"""Checkpoints of Hugging Face: config.json with weights beside it, in one file or in shards."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from probbound.machine.errors import UserError
from probbound.machine.json_objects import read_object
from probbound.models.files import read_safetensors
from probbound.models.sources.pytorch import read_pytorch
from probbound.models.sources.source import ModelSource

CONFIG = "config.json"
_INDEX = ".index.json"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # the first that is there, as transformers
_MAP = "weight_map"


def _arrays_of_safetensors(path: Path) -> Mapping[str, Any]:
    return read_safetensors(path).tensors


_READERS: Mapping[str, Callable[[Path], Any]] = {
    ".safetensors": _arrays_of_safetensors,
    ".bin": read_pytorch,
}


def _takes(path: Path) -> bool:
    """A folder with config.json, or weights whose config.json beside says a model_type."""
    if os.path.isdir(path):
        return (path / CONFIG).is_file()
    if path.suffix not in _READERS or not os.path.isfile(path):
        return False
    try:
        return "model_type" in read_object(path.with_name(CONFIG))
    except UserError:
        return False


def _files(path: Path) -> tuple[Path, ...]:
    """config.json, the index if the weights are in shards, and the weights in order of name."""
    folder, weights = _weights(path)
    if not weights.name.endswith(_INDEX):
        return (folder / CONFIG, weights)
    shards = sorted(set(_map(weights).values()))
    return (folder / CONFIG, weights, *(folder / shard for shard in shards))


def _read(path: Path) -> dict[str, Any]:
    """The configuration and the arrays, each under the name of its file.

    Raises:
        UserError: if a file is missing or cannot be read, or shards are not what the index says.
    """
    folder, weights = _weights(path)
    if weights.name.endswith(_INDEX):
        arrays = dict(_sharded(folder, weights))
    else:
        arrays = _array_mapping(weights)
    others = {each.name: None for each in _beside(folder, weights)}
    return {CONFIG: read_object(folder / CONFIG), weights.name: arrays, **others}


def _weights(path: Path) -> tuple[Path, Path]:
    """The folder, and the file of its weights or of their index."""
    if not os.path.isdir(path):
        return path.parent, path
    for name in _WEIGHTS:
        for candidate in (path / name, path / f"{name}{_INDEX}"):
            if candidate.is_file():
                return path, candidate
    raise UserError(f"{path} holds {CONFIG} and no weights: expected {' or '.join(_WEIGHTS)}")


def _beside(folder: Path, weights: Path) -> Iterator[Path]:
    """Weights that are there as well, and not read."""
    for name in _WEIGHTS:
        other = folder / name
        if other.is_file() and not weights.name.startswith(name):
            yield other


def _sharded(folder: Path, index: Path) -> Iterator[tuple[str, np.ndarray]]:
    told = _map(index)
    for shard in sorted(set(told.values())):
        held = _array_mapping(folder / shard)
        wanted = {name for name, where in told.items() if where == shard}
        if wanted != set(held):
            other = min(wanted ^ set(held))
            raise UserError(f"{index} and {shard} beside it do not agree on {other[:80]}")
        yield from held.items()


def _map(index: Path) -> dict[str, str]:
    """Which array is in which file, all of them beside the index."""
    told = read_object(index).get(_MAP)
    if not isinstance(told, dict) or not told:
        raise UserError(f"{index} has to say a {_MAP}")
    for where in told.values():
        if not isinstance(where, str) or PurePath(where).name != where:
            raise UserError(f"{index} names {str(where)[:80]!r}, which is no file beside it")
        if PurePath(where).suffix not in _READERS or not (index.parent / where).is_file():
            raise UserError(f"{index} names {where[:80]}, and there are no such weights beside it")
    return told


def _array_mapping(path: Path) -> Mapping[str, Any]:
    found = _READERS[path.suffix](path)
    if not isinstance(found, Mapping):
        raise UserError(f"{path} has to hold arrays by name")
    return found


HUGGING_FACE = ModelSource(
    "Hugging Face", (f"a folder of Hugging Face with {CONFIG}",), _takes, _read, _files
)
