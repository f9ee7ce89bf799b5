"""The arrays of a file of any source format, each under one name, and matrices taken from them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from probbound.machine.errors import UserError
from probbound.models.catalogue import located
from probbound.models.sources.registry import source_of

_NEAR = 3
_ITEM = re.compile(r"(-?\d{1,18})|(-?\d{1,18})?:(-?\d{1,18})?")


@dataclass(frozen=True)
class Stored:
    """What a file holds: arrays by name, those of nested mappings with dots between; and the rest.

    `path` is for messages.
    """

    path: Path
    arrays: Mapping[str, np.ndarray]
    beside: Mapping[str, Any]

    @classmethod
    def of(cls, name_or_path: str | Path) -> Stored:
        """The arrays of a file, or of a shipped model.

        Raises:
            UserError: if there is no such file, it cannot be read, or it holds no array by name.
        """
        path = located(name_or_path)[0]
        flat = dict(_flat(source_of(path).read(path), ""))
        arrays = {name: held for name, held in flat.items() if isinstance(held, np.ndarray)}
        if not arrays:
            raise UserError(f"{path} holds no array that has a name")
        return cls(path, arrays, {name: flat[name] for name in flat.keys() - arrays.keys()})

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """What the file says beside its arrays, by the last part of its names.

        A text `config` that is a JSON object counts with all that it says.
        """
        said = {name.rpartition(".")[2]: value for name, value in self.beside.items()}
        try:
            whole = json.loads(said.get("config", "{}"))
        except (TypeError, ValueError):
            return said
        return {**said, **whole} if isinstance(whole, dict) else said

    def array(self, written: str) -> np.ndarray:
        """An array by its name, after which `[…]` indexes as in NumPy and `.T` transposes.

        `blocks.0.attn.W_Q[3]`, `query.weight[64:96].T`, `W[:, 0]`: whole numbers and ranges. A
        name that itself ends so is found first.

        Raises:
            UserError: if there is no such array, with names near it, or no such index.
        """
        if written in self.arrays:
            return self.arrays[written]
        if written.endswith(".T"):
            found = self.array(written[:-2])
            if found.ndim != 2:
                raise _no_matrix(written[:-2], found)
            return found.T
        name, bracket, index = written.removesuffix("]").rpartition("[")
        if not bracket or not written.endswith("]"):
            raise self._unknown(written)
        return _part(self.array(name), name, index)

    def matrix(self, written: str) -> Float[np.ndarray, "m n"]:
        """A matrix of finite floats, written as for `array`.

        Raises:
            UserError: as `array`; if it is no matrix, is empty or of other numbers, or holds a NaN
                or an infinity.
        """
        found = self.array(written)
        if found.ndim != 2:
            raise _no_matrix(written, found)
        return _usable(written, found)

    def vector(self, written: str, length: int) -> Float[np.ndarray, " length"]:
        """A vector of finite floats of this length.

        Raises:
            UserError: as `matrix`.
        """
        found = self.array(written)
        if found.shape != (length,):
            raise UserError(f"{written} must be a vector of {length:,}, got shape {found.shape}")
        return _usable(written, found)

    def _unknown(self, name: str) -> UserError:
        endings = [other for other in self.arrays if other.endswith(f".{name}")]
        near = [*endings, *get_close_matches(name, self.arrays, _NEAR, 0.5)]
        shown = list(dict.fromkeys(near))[:_NEAR]
        if shown:
            return UserError(
                f"there is no array {name!r} in {self.path}; names near it: {', '.join(shown)}"
            )
        first = ", ".join(list(self.arrays)[:_NEAR])
        more = ", …" if len(self.arrays) > _NEAR else ""
        return UserError(f"there is no array {name!r} in {self.path}, which holds {first}{more}")


def _flat(held: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """The leaves of nested mappings by their names, with dots between."""
    if not isinstance(held, Mapping):
        if prefix:
            yield prefix, held
        return
    for name, part in held.items():
        yield from _flat(part, f"{prefix}.{name}" if prefix else str(name))


def _usable(written: str, found: np.ndarray) -> np.ndarray:
    if found.dtype.kind != "f" or found.dtype.itemsize > 8:
        raise UserError(f"{written} holds {found.dtype}; a chain is of floats of at most 64 bits")
    if not found.size:
        raise UserError(f"{written} is empty, of shape {found.shape}")
    if not np.isfinite(found).all():
        raise UserError(f"{written} holds a NaN or an infinity; no bound can be given")
    return found


def _no_matrix(written: str, found: np.ndarray) -> UserError:
    remedy = f"; an index picks a part, as in {written}[0]" if found.ndim > 2 else ""
    return UserError(f"{written} is no matrix but has shape {found.shape}{remedy}")


def _part(array: np.ndarray, name: str, index: str) -> np.ndarray:
    """`array[index]`.

    Raises:
        UserError: if the index is not of whole numbers and ranges, or there is no such part.
    """
    items = []
    for text in index.split(","):
        match = _ITEM.fullmatch(text.strip())
        if match is None:
            raise UserError(
                f"{name}[{index}] is no index; whole numbers and ranges are, as in [0] and [:, 0:8]"
            )
        number, start, stop = (None if part is None else int(part) for part in match.groups())
        items.append(slice(start, stop) if number is None else number)
    try:
        return array[tuple(items)]
    except IndexError as error:
        raise UserError(f"there is no {name}[{index}]; {name} has shape {array.shape}") from error
