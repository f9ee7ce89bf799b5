"""Names and shapes of weights in files: TransformerLens 3's, short or of a state dict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from probbound.machine.errors import UserError

if TYPE_CHECKING:
    import numpy as np

SHOWN = ("d_vocab", "n_ctx", "d_model")  # of a configuration, in a list of models
STATE_DICT = {
    "W_E": "embed.W_E",
    "W_pos": "pos_embed.W_pos",
    "W_U": "unembed.W_U",
    "b_U": "unembed.b_U",
    **{f"{kind}_{part}": f"blocks.0.attn.{kind}_{part}" for kind in "Wb" for part in "QKVO"},
}
MASK, IGNORE = "attn.mask", "attn.IGNORE"  # constants that TransformerLens keeps with the weights
IN_VERSION_4 = "embed.weight"
SCALE = "attn_scale"
_LEAST_IGNORED = -1e4


def is_constant(name: str) -> bool:
    """Whether a name is that of a mask, or of what it puts in the place of masked scores."""
    return name.endswith((MASK, IGNORE))


def is_weight(name: str) -> bool:
    """Whether a name is that of a weight, in either form."""
    return name in STATE_DICT or name in STATE_DICT.values()


def unknown(names: Iterable[str]) -> list[str]:
    """Those that are no weight of one attention layer, nor a constant beside it."""
    return [n for n in names if not (is_weight(n) or is_constant(n) or n == SCALE)]


def prefix_of(names: Iterable[str]) -> str:
    """What stands before every name, as `module.` or `_orig_mod.`, in front of the embedding's."""
    names = list(names)
    for name in names:
        for first in ("embed.W_E", IN_VERSION_4, "W_E"):
            prefix = name.removesuffix(first)
            if prefix != name and prefix.endswith(".") and not prefix.endswith("embed."):
                return prefix if all(other.startswith(prefix) for other in names) else ""
    return ""


def require_constants(tensors: Mapping[str, np.ndarray], n_ctx: int) -> bool:
    """Refuse a stored mask that is not the causal one; whether a whole causal one is there.

    Raises:
        UserError: naming the mask.
    """
    import numpy as np  # a list of models asks for names alone

    full = False
    for name, values in tensors.items():
        found = np.asarray(values)
        if name.endswith(IGNORE):
            if found.size != 1 or not float(found.reshape(())) <= _LEAST_IGNORED:
                raise UserError(f"{name} does not mask: it has to be one number of at most -1e4")
        elif name.endswith(MASK) and found.shape != (0, 0):
            wanted = np.tri(n_ctx, dtype=bool)
            there = found.reshape(found.shape[-2:]) if found.size == n_ctx**2 else found
            if there.shape != wanted.shape or not np.array_equal(there, wanted):
                raise UserError(
                    f"{name}, of shape {found.shape}, is not the causal mask of {n_ctx} positions, "
                    "the only one that can be computed with"
                )
            full = True
    return full
