"""The arrays of a transformer in a file, in their one form, and the digest of the network."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from probbound.check.models.files import Contents
from probbound.check.models.transformer.arrays import Array, arrays_of
from probbound.check.models.transformer.configuration import Configuration, configuration
from probbound.check.report import Unusable

_FORMAT = "probbound-model/2"
_TEXTS = frozenset(("format", "network", "config", "sha256", "record", "source"))
_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Weights:
    """A transformer: its configuration and its arrays, of floats as the file stores them.

    An array that may be absent is so where it would change nothing: a bias of zeros, a weight of
    ones.
    """

    kind: ClassVar[str] = "transformer"

    configuration: Configuration
    arrays: Mapping[str, np.ndarray]

    @property
    def reads(self) -> tuple[int, int, int]:
        """n_ctx, the most tokens of a row, then d_vocab and d_out."""
        said = self.configuration
        return said.n_ctx, said.d_vocab, said.d_out

    @property
    def parts(self) -> dict[str, Any]:
        """What a certificate has to state of the network."""
        return self.configuration.parts

    def digest(self) -> str:
        """SHA-256 of the configuration and of every array as little-endian float64, by name."""
        state = hashlib.sha256(b"probbound-model/1\n")
        state.update(f"{self.kind} {self.configuration.text}\n".encode())
        for name in sorted(self.arrays):
            values = self.arrays[name]
            state.update(f"{name} {values.shape}\n".encode())
            flat = values.reshape(-1)
            for at in range(0, flat.size, _AT_ONCE):
                state.update((flat[at : at + _AT_ONCE].astype("<f8") + 0.0).tobytes())
        return state.hexdigest()


def assembled(contents: Contents) -> Weights:
    """The network in a file of probbound's own.

    Raises:
        Unusable: if the file says anything that is not known, if a key of its configuration is
            missing, unknown or not allowed, or if an array is missing, unknown, of another shape
            or not of finite floats of at most 64 bits.
    """
    texts = contents.texts
    if texts.get("format") != _FORMAT:
        raise Unusable(f"a transformer is read from a file of format {_FORMAT} alone")
    if others := sorted(set(texts) - _TEXTS):
        raise Unusable(f"it says {others[0][:60]!r}, which is not known of a transformer")
    if "config" not in texts:
        raise Unusable("it has no configuration")
    said = configuration(texts["config"])
    there, found = dict(contents.others), {}
    for array in arrays_of(said):
        values = there.pop(array.name, None)
        if values is None and array.absent is None:
            raise Unusable(f"it has no weight {array.name}")
        if values is not None and not _needless(array, _fitting(array, values)):
            found[array.name] = values
    if there:
        name = min(there)
        raise Unusable(f"it holds {name[:60]!r}, which this transformer does not have")
    return Weights(said, found)


def _fitting(array: Array, values: np.ndarray) -> np.ndarray:
    if values.dtype.kind != "f" or values.dtype.itemsize > 8:
        raise Unusable(f"{array.name} does not hold floats of at most 64 bits")
    if values.shape != array.shape:
        raise Unusable(f"{array.name} has shape {values.shape}, and {array.shape} is needed")
    if not np.isfinite(values).all():
        raise Unusable(f"{array.name} holds a NaN or an infinity")
    return values


def _needless(array: Array, values: np.ndarray) -> bool:
    return array.absent is not None and bool((values == array.absent).all())
