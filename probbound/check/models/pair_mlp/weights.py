"""The weights of a pair network in a file, what it states beside them, and the digest of both."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from probbound.check.models.contract import digest_of, stated
from probbound.check.models.files import Contents, once
from probbound.check.report import Unusable

_AXES = {
    "W_E": ("d_vocab", "d_model"),
    "W_E2": ("d_vocab", "d_model"),
    "W_in": ("d_model", "d_mlp"),
    "W_in2": ("d_model", "d_mlp"),
    "b_in": ("d_mlp",),
    "W_out": ("d_mlp", "d_out"),
    "W_skip": ("d_model", "d_out"),
    "b_out": ("d_out",),
    "W_U": ("d_out", "d_vocab_out"),
    "b_U": ("d_vocab_out",),
}
_NEEDED = frozenset(("W_E", "W_U"))
_FORM = {"activation": "relu", "operands": "added"}
_SIZES = ("d_vocab", "d_model", "d_mlp", "d_out", "d_vocab_out")
_OURS = "probbound-model/"
_OF_NO_EFFECT = ("sha256", "network", "record", "source")  # in a file of probbound's own
_FRAMEWORKS = ("pt", "np", "tf", "flax", "mlx")


@dataclass(frozen=True)
class Weights:
    """(relu(E_a W_in + E'_b W'_in + b_in) W_out + (E_a + E'_b) W_skip + b_out) W_U + b_U, float64.

    `arrays` are those that are there; Theorem 5.14 says what stands for the others. `assumed` are
    the parts of its form that the file does not state.
    """

    kind: ClassVar[str] = "pair-mlp"

    arrays: Mapping[str, np.ndarray]
    assumed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if "W_in2" in self.arrays and "W_in" not in self.arrays:
            raise Unusable("it has a second W_in and no first")
        found: dict[str, int] = {}
        for name, values in self.arrays.items():
            axes = [self._axis(axis) for axis in _AXES[name]]
            if len(axes) != values.ndim or values.size == 0:
                raise Unusable(f"{name} has shape {values.shape}, it needs {len(axes)} axes")
            for axis, size in zip(axes, values.shape, strict=True):
                if found.setdefault(axis, size) != size:
                    raise Unusable(f"{name} has shape {values.shape}, the others {found}")
            if not np.isfinite(values).all():
                raise Unusable(f"{name} holds a NaN or an infinity")

    def _axis(self, axis: str) -> str:
        """Its name, where a matrix that is not there makes two of them one."""
        joined = {"d_model": "W_in", "d_out": "W_out"}
        return axis if joined.get(axis, "W_E") in self.arrays else "d_mlp"

    @property
    def sizes(self) -> dict[str, int]:
        """Each size by its name."""
        found = {
            self._axis(axis): size
            for name, values in self.arrays.items()
            for axis, size in zip(_AXES[name], values.shape, strict=True)
        }
        return {axis: found[self._axis(axis)] for axis in _SIZES}

    @property
    def reads(self) -> tuple[int, int, int]:
        """Two tokens, d_vocab and d_vocab_out."""
        return 2, len(self.arrays["W_E"]), self.arrays["W_U"].shape[1]

    @property
    def parts(self) -> dict[str, Any]:
        """What a certificate has to state of the network."""
        said = {"layers": 1, "weights": " ".join(sorted(self.arrays)), **_FORM}
        return stated(said, self.assumed)

    def digest(self) -> str:
        """SHA-256 of the kind and of every array as little-endian float64, in order of name."""
        return digest_of(self.kind, self.arrays)


def is_pair_network(names: Collection[str]) -> bool:
    """Whether arrays of these names are a pair network's, and nothing more."""
    return _NEEDED <= set(names) <= set(_AXES)


def assembled(contents: Contents) -> Weights:
    """The network in a file.

    Raises:
        Unusable: if a weight is missing, unknown or of no floats, or the file states another
            network, or something that is not understood.
    """
    arrays, texts = {}, contents.texts
    for name, values in contents.others.items():
        if name not in _AXES:
            raise Unusable(f"it holds {name[:60]!r}, which a pair network does not have")
        if not np.issubdtype(values.dtype, np.floating):
            raise Unusable(f"{name} does not hold floats")
        arrays[name] = values.astype(np.float64)
    if missing := sorted(_NEEDED - set(arrays)):
        raise Unusable(f"it has no weight {missing[0]}")
    told = _told(texts)
    weights = Weights(arrays, frozenset(_FORM) - set(told))
    wanted: dict[str, Any] = {**_FORM, **weights.sizes}
    for name, value in told.items():
        if type(value) is not type(wanted[name]) or value != wanted[name]:
            raise Unusable(f"it says {name} is {str(value)[:60]!r}, and not {wanted[name]!r}")
    return weights


def _told(texts: Mapping[str, str]) -> dict[str, Any]:
    """What the configuration says; nothing else that is said may be of any effect."""
    known = {"config"}
    if texts.get("format", "").startswith(_OURS):
        known |= {"format", *_OF_NO_EFFECT}
    elif texts.get("format") in _FRAMEWORKS:
        known |= {"format"}
    if others := sorted(set(texts) - known):
        raise Unusable(f"it says {others[0][:60]!r}, which is not known of a pair network")
    try:
        told = json.loads(texts.get("config", "{}"), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise Unusable("its configuration is no JSON") from error
    if not isinstance(told, dict) or not set(told) <= {*_FORM, *_SIZES}:
        raise Unusable(f"its configuration may say {', '.join((*_FORM, *_SIZES))} alone")
    return told
