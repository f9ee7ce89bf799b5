"""The weights of a nearly uniform transformer of pairs in a file, and what it states of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from probbound.check.models.contract import digest_of, stated
from probbound.check.models.files import Contents, once
from probbound.check.report import Unusable

_AXES = {
    "W_E": ("d_vocab", "d_model"),
    "W_E2": ("d_vocab", "d_model"),
    "W_pos": ("n_ctx", "d_model"),
    **dict.fromkeys(("W_Q", "W_K", "W_V"), ("n_heads", "d_model", "d_head")),
    "W_O": ("n_heads", "d_head", "d_model"),
    "W_in": ("d_model", "d_mlp"),
    "b_in": ("d_mlp",),
    "W_out": ("d_mlp", "d_model"),
    "b_out": ("d_model",),
    "W_U": ("d_model", "d_vocab_out"),
}
_FORM = {"activation": "relu", "attention": "attn_coeff * softmax + (1 - attn_coeff)"}
_SAID = ("format", "sha256", "network", "record", "source", "config")


@dataclass(frozen=True)
class Weights:
    """One layer of attention by c · softmax + 1 - c and one of ReLU, in float64 (Theorem 8.14)."""

    kind: ClassVar[str] = "uniform-pair"

    arrays: Mapping[str, np.ndarray]
    coefficient: float

    def __post_init__(self) -> None:
        found = {"n_ctx": 2}
        if missing := sorted(set(_AXES) - {"W_E2"} - set(self.arrays)):
            raise Unusable(f"it has no weight {missing[0]}")
        for name, values in self.arrays.items():
            axes = _AXES[name]
            if len(axes) != values.ndim or values.size == 0:
                raise Unusable(f"{name} has shape {values.shape}, it needs {len(axes)} axes")
            for axis, size in zip(axes, values.shape, strict=True):
                if found.setdefault(axis, size) != size:
                    raise Unusable(f"{name} has shape {values.shape}, the others {found}")
            if not np.isfinite(values).all():
                raise Unusable(f"{name} holds a NaN or an infinity")
        if not 0 <= self.coefficient <= 1:
            raise Unusable("its attn_coeff is not between 0 and 1")

    @property
    def sizes(self) -> dict[str, int]:
        """Each size by its name; `d_out` is what the neurons and the path past them give."""
        pairs = (zip(_AXES[n], x.shape, strict=True) for n, x in self.arrays.items())
        found = {axis: size for both in pairs for axis, size in both}
        return {**found, "d_out": found["d_model"]}

    @property
    def reads(self) -> tuple[int, int, int]:
        """Two tokens, d_vocab and d_vocab_out."""
        return 2, len(self.arrays["W_E"]), self.arrays["W_U"].shape[1]

    @property
    def parts(self) -> dict[str, Any]:
        """What a certificate has to state of the network."""
        said = {
            "layers": 1,
            "heads": len(self.arrays["W_Q"]),
            **_FORM,
            "attention_coefficient": self.coefficient,
            "operands": "own" if "W_E2" in self.arrays else "shared",
        }
        return stated(said, ())

    def digest(self) -> str:
        """SHA-256 of kind, coefficient and every array."""
        return digest_of(f"{self.kind} attn_coeff {self.coefficient.hex()}", self.arrays)


def assembled(contents: Contents) -> Weights:
    """The network in a file of probbound's own, which states all of its form.

    Raises:
        Unusable: if a weight is missing, unknown or of no floats, or the file states another
            network, or something that is not understood.
    """
    arrays = {}
    for name, values in contents.others.items():
        if name not in _AXES:
            raise Unusable(f"it holds {name[:60]!r}, which a network of its kind does not have")
        if not np.issubdtype(values.dtype, np.floating):
            raise Unusable(f"{name} does not hold floats")
        arrays[name] = values.astype(np.float64)
    told = _told(contents.texts)
    coefficient = told.pop("attn_coeff", None)
    if type(coefficient) is not float:
        raise Unusable("it does not say attn_coeff, a float")
    weights = Weights(arrays, coefficient)
    if missing := sorted(set(_FORM) - set(told)):
        raise Unusable(f"it does not say {missing[0]}")
    wanted: dict[str, Any] = {**weights.sizes, **_FORM}
    for name, value in told.items():
        if type(value) is not type(wanted[name]) or value != wanted[name]:
            raise Unusable(f"it says {name} is {str(value)[:60]!r}, and not {wanted[name]!r}")
    return weights


def _told(texts: Mapping[str, str]) -> dict[str, Any]:
    """What the configuration says; nothing else that is said may be of any effect."""
    if others := sorted(set(texts) - set(_SAID)):
        raise Unusable(f"it says {others[0][:60]!r}, which is not known of its kind")
    try:
        told = json.loads(texts.get("config", "{}"), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise Unusable("its configuration is no JSON") from error
    sizes = {axis for axes in _AXES.values() for axis in axes}
    if not isinstance(told, dict) or not set(told) <= {*_FORM, *sizes, "attn_coeff"}:
        raise Unusable("its configuration says what is not known of its kind")
    return told
