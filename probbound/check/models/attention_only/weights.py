"""The weights in a file, the network that it states, and the digest of both."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from probbound.check.models.attention_only.stated_network import (
    Sizes,
    configured,
    stated_network,
    statement,
)
from probbound.check.models.attention_only.transformer_lens import KNOWN
from probbound.check.models.contract import digest_of
from probbound.check.models.files import Contents
from probbound.check.report import Unusable

_LONG_NAMES = {
    "W_E": "embed.W_E",
    "W_pos": "pos_embed.W_pos",
    "W_U": "unembed.W_U",
    "b_U": "unembed.b_U",
    **{f"{k}_{part}": f"blocks.0.attn.{k}_{part}" for k in "Wb" for part in "QKVO"},
}
_AXES = {
    **dict.fromkeys(("W_E", "W_pos", "W_U"), 2),
    **dict.fromkeys(("W_Q", "W_K", "W_V", "W_O"), 3),
    **dict.fromkeys(("b_Q", "b_K", "b_V"), 2),
    **dict.fromkeys(("b_O", "b_U"), 1),
}
_PER_HEAD = ("W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V")
_CONSTANTS = (
    "attn_scale",
    *(f"{block}attn.{name}" for block in ("", "blocks.0.") for name in ("mask", "IGNORE")),
)
_OTHER_NAMES = re.compile(
    r"(?:module|_orig_mod|_original_component)\.|.*\._original_component\.|"
    r"(?:tok_|pos_|un)?(?:embed|pos|head)\.(?:weight|bias)$|"
    r"(?:blocks|layers)\.\d+\.attn\.[qkvo]\.(?:weight|bias)$"
)
_WRAPPED = "a name of a wrapper or of TransformerLens 4; `probbound import` converts it"
_STRANGE = "which a model of one attention layer does not have"


@dataclass(frozen=True)
class Weights:
    """One layer of attention in float64: W_Q, W_K, W_V (H, d, e), W_O (H, e, d), biases alike.

    W_E is (v, d), W_pos (k, d), W_U (d, out), b_O (d,), b_U (out,). `assumed` are the parts of the
    network (`stated_network`) that the file they were read from does not state.
    """

    kind: ClassVar[str] = "attention-only"

    W_E: np.ndarray
    W_pos: np.ndarray
    W_Q: np.ndarray
    W_K: np.ndarray
    W_V: np.ndarray
    W_O: np.ndarray
    W_U: np.ndarray
    b_Q: np.ndarray
    b_K: np.ndarray
    b_V: np.ndarray
    b_O: np.ndarray
    b_U: np.ndarray
    attn_scale: float
    assumed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        (v, d), (h, _, e), out = self.W_E.shape, self.W_Q.shape, self.W_U.shape[1]
        wanted = {
            "W_E": (v, d),
            "W_pos": (self.W_pos.shape[0], d),
            **dict.fromkeys(("W_Q", "W_K", "W_V"), (h, d, e)),
            "W_O": (h, e, d),
            "W_U": (d, out),
            **dict.fromkeys(("b_Q", "b_K", "b_V"), (h, e)),
            "b_O": (d,),
            "b_U": (out,),
        }
        for name, shape in wanted.items():
            values = getattr(self, name)
            if values.shape != shape or values.size == 0:
                raise Unusable(f"{name} has shape {values.shape}, but the others need {shape}")
            if not np.isfinite(values).all():
                raise Unusable(f"{name} holds a NaN or an infinity")
        if not (math.isfinite(self.attn_scale) and self.attn_scale > 0):
            raise Unusable(f"attn_scale is {self.attn_scale}, not a positive number")

    @property
    def sizes(self) -> tuple[int, int, int, int, int, int]:
        """d_vocab, n_ctx, d_model, d_head, n_heads, d_vocab_out."""
        (v, d), (h, _, e) = self.W_E.shape, self.W_Q.shape
        return v, len(self.W_pos), d, e, h, self.W_U.shape[1]

    @property
    def reads(self) -> tuple[int, int, int]:
        """n_ctx, d_vocab and d_vocab_out."""
        return len(self.W_pos), len(self.W_E), self.W_U.shape[1]

    @property
    def parts(self) -> dict[str, Any]:
        """What a certificate has to state of the network."""
        return statement(len(self.W_Q), self.attn_scale, self.assumed)

    def digest(self) -> str:
        """SHA-256 of attn_scale and of every matrix as little-endian float64, in order of name."""
        arrays = {name: getattr(self, name) for name in _LONG_NAMES}
        return digest_of(f"attn_scale {self.attn_scale.hex()}", arrays)


def is_weight(name: str) -> bool:
    """Whether a name is that of a weight, in either form."""
    return name in _LONG_NAMES or name in _LONG_NAMES.values()


def assembled(contents: Contents) -> Weights:
    """Named matrices as one layer; short or state-dict names, absent biases are zeros.

    Raises:
        Unusable: if its parts do not fit, or it states another network than one layer of attention.
    """
    arrays, entries, others = _sorted_out(contents)
    said = configured(entries)
    for name in others:
        raise Unusable(
            f"it holds {name[:60]!r}, {_WRAPPED if _OTHER_NAMES.match(name) else _STRANGE}"
        )
    found = {}
    for short, long in _LONG_NAMES.items():
        if short in arrays and long in arrays:
            raise Unusable(f"it holds both {short} and {long}, which name one weight")
        values = arrays.pop(short, arrays.pop(long, None))
        if values is not None:
            found[short] = _one_layer(short, values)
        elif short[0] == "W":
            raise Unusable(f"it has no weight {short}")
    for short, shape in _bias_shapes(found).items():
        found.setdefault(short, np.zeros(shape))
    weights = Weights(**found, attn_scale=1.0)
    v, k, d, e, heads, out = weights.sizes
    stated = stated_network(said, arrays, Sizes(heads, d, e, k, v, out))
    return replace(weights, attn_scale=stated.attn_scale, assumed=stated.assumed)


def _sorted_out(
    contents: Contents,
) -> tuple[dict[str, np.ndarray], dict[str, Any], list[str]]:
    """Weights and constants; texts, and the numbers that configurations know; names of others."""
    arrays, entries, others = {}, dict[str, Any](contents.metadata), []
    known = (*_LONG_NAMES, *_LONG_NAMES.values(), *_CONSTANTS)
    for name, values in contents.arrays.items():
        if name in known and values.dtype.kind in "fiub":
            arrays[name] = values
        elif values.size == 1 and values.dtype.kind in "SU":
            entries[name] = _text(name, values.item())
        elif values.size == 1 and name in KNOWN:
            entries[name] = values.item()
        else:
            others.append(name)
    return arrays, entries, others


def _text(name: str, value: str | bytes) -> str:
    if isinstance(value, str):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise Unusable(f"{name[:60]!r} is no text in UTF-8") from None


def _one_layer(name: str, values: np.ndarray) -> np.ndarray:
    if not np.issubdtype(values.dtype, np.floating):
        raise Unusable(f"{name} does not hold floats")
    axes = _AXES[name]
    if name[2:] in ("Q", "K", "V", "O") and values.ndim == axes + 1 and values.shape[0] == 1:
        values = values[0]
    elif name in _PER_HEAD and values.ndim == axes - 1:
        values = values[None]
    if values.ndim != axes:
        raise Unusable(f"{name} needs {axes} axes, got shape {values.shape}")
    return values.astype(np.float64)


def _bias_shapes(found: dict[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    head = {f"b_{part}": found[f"W_{part}"].shape[::2] for part in "QKV"}
    return {**head, "b_O": found["W_O"].shape[-1:], "b_U": found["W_U"].shape[-1:]}
