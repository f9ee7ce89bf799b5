"""What a `.safetensors` or `.npz` file holds: arrays by name, and what is said beside them."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from safetensors import SafetensorError, safe_open

from probbound.machine.errors import UserError, first_line
from probbound.machine.files import ARCHIVE_ERRORS
from probbound.machine.json_objects import named_once

MAX_NPZ_BYTES = 16 << 30
MAX_HEADER_BYTES = 100 << 20
_FRAMEWORKS = ("pt", "np", "tf", "flax", "mlx")  # what safetensors files call their format
_TEXTS = ("format", "network", "record")
_BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


@dataclass(frozen=True)
class Held:
    """Arrays by name, and texts and numbers by name: metadata, or entries that are no weights."""

    tensors: Mapping[str, np.ndarray]
    beside: Mapping[str, Any]

    def apart(self, is_setting: Callable[[str], bool], path: Path) -> Held:
        """With arrays of such names, of one number each, as settings beside the others.

        Raises:
            UserError: if one has several numbers, or something else is beside it under its name.
        """
        settings = {name: values for name, values in self.tensors.items() if is_setting(name)}
        rest = {name: values for name, values in self.tensors.items() if name not in settings}
        return Held(rest, self.beside).with_beside(settings, path)

    def with_beside(self, more: Mapping[str, np.ndarray], path: Path) -> Held:
        """With what arrays of one text or number say.

        Raises:
            UserError: as `apart`.
        """
        beside = dict(self.beside)
        for name, values in more.items():
            if values.size != 1:
                raise UserError(f"{name} in {path} must be one number or text, got {values.size}")
            if name in beside and beside[name] != str(_plain(values)):
                raise UserError(
                    f"{path} says {name} twice: {beside[name]!r} and {_plain(values)!r}"
                )
            beside[name] = _plain(values)
        return Held(self.tensors, beside)


def read_safetensors(path: Path) -> Held:
    """Tensors and metadata; bfloat16 becomes float32, which holds the same numbers.

    Raises:
        UserError: if the file is damaged, or has one name twice.
    """
    try:
        _require_names_once(path)
        with safe_open(path, framework="np") as file:
            tensors = {name: as_floats(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
    except (SafetensorError, OSError, TypeError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as safetensors: {first_line(error)}") from error
    return _parted(tensors, metadata, path)


def read_npz(path: Path) -> Held:
    """Arrays, none of which may need unpickling; entries of one text or number are set apart.

    Raises:
        UserError: if the file is damaged, too large, or has one name twice.
    """
    try:
        _require_honest_sizes(path)
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: as_floats(file[key]) for key in file.files}
    except ARCHIVE_ERRORS as error:
        raise UserError(f"{path} cannot be read as .npz: {first_line(error)}") from error
    return _parted(arrays, {}, path)


def head_of_safetensors(path: Path) -> tuple[frozenset[str], Mapping[str, str]]:
    """Names of the arrays in a safetensors file and its metadata; no array is read.

    Raises:
        UserError: if the file is damaged.
    """
    try:
        with safe_open(path, framework="np") as file:
            return frozenset(file.keys()), file.metadata() or {}
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise UserError(f"{path} cannot be read as safetensors: {first_line(error)}") from error


def head_of_npz(path: Path) -> tuple[frozenset[str], Mapping[str, str]]:
    """Names in an `.npz` file, and what those of its entries say that files of ours have as texts.

    Raises:
        UserError: if the file is damaged or too large.
    """
    try:
        _require_honest_sizes(path)
        with np.load(path, allow_pickle=False) as file:
            texts = {name: file[name] for name in _TEXTS if name in file.files}
            return frozenset(file.files) - set(texts), {n: str(_plain(t)) for n, t in texts.items()}
    except ARCHIVE_ERRORS as error:
        raise UserError(f"{path} cannot be read as .npz: {first_line(error)}") from error


def told_beside(held: Held, path: Path, known: Collection[str]) -> dict[str, Any]:
    """The JSON object `config` beside the weights, which may say what is `known`, else nothing.

    Nothing else may be beside them, but the name of a framework as `format`.

    Raises:
        UserError: naming what else is said.
    """
    of_framework = {"format"} if held.beside.get("format") in _FRAMEWORKS else set()
    if others := sorted(set(held.beside) - {"config"} - of_framework):
        raise UserError(f"{path} says {others[0]}, which is not known of a pair network")
    try:
        told = json.loads(str(held.beside.get("config", "{}")), object_pairs_hook=named_once)
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"the configuration in {path} is no JSON with each name once: {first_line(error)}"
        ) from error
    if not isinstance(told, dict) or not set(told) <= set(known):
        raise UserError(f"the configuration in {path} may say {', '.join(sorted(known))} alone")
    return told


def as_floats(values: np.ndarray) -> np.ndarray:
    """The same numbers in a float type that NumPy computes with, where they are bfloat16."""
    return values.astype(np.float32) if values.dtype == _BFLOAT16 else values


def _parted(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str], path: Path) -> Held:
    texts = {name for name, values in tensors.items() if values.dtype.kind in "SU"}
    weights = {name: values for name, values in tensors.items() if name not in texts}
    return Held(weights, metadata).with_beside({name: tensors[name] for name in texts}, path)


def _plain(values: np.ndarray) -> Any:
    value = values.reshape(()).item()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _require_names_once(path: Path) -> None:
    """Readers keep the last of two entries with one name, each its own way."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > MAX_HEADER_BYTES:
            raise ValueError(f"its header would be longer than {MAX_HEADER_BYTES >> 20} MiB")
        json.loads(file.read(length), object_pairs_hook=named_once)


def _require_honest_sizes(path: Path) -> None:
    """Before anything is allocated: names differ, arrays are as long as said and within reason."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if len({entry.filename.removesuffix(".npy") for entry in entries}) < len(entries):
            raise ValueError("a name stands twice in it")
        if sum(entry.file_size for entry in entries) > MAX_NPZ_BYTES:
            raise ValueError(f"its arrays take more than {MAX_NPZ_BYTES >> 30} GiB")
        for entry in entries:
            with archive.open(entry) as file:
                version = np.lib.format.read_magic(file)
                read = np.lib.format.read_array_header_1_0
                shape, _, dtype = (
                    read if version == (1, 0) else np.lib.format.read_array_header_2_0
                )(file)
                if math.prod(shape) * dtype.itemsize > entry.file_size:
                    raise ValueError(f"{entry.filename} is shorter than its header says")
