"""What TransformerLens 3 keeps beside weights: masks, and tables of rotations."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from probbound.machine.errors import UserError
from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.forward import seen

_BUFFER = re.compile(r"blocks\.(\d{1,6})\.attn\.(mask|IGNORE|rotary_sin|rotary_cos)")
_LEAST_IGNORED = -1e4
_OFF = 2.0**-6  # of tables in bfloat16, and of angles in float32


def is_buffer(name: str) -> bool:
    """Whether an array is none of the weights."""
    return _BUFFER.fullmatch(name) is not None


def require_buffers(state: Mapping[str, np.ndarray], a: Architecture) -> None:
    """Refuse a stored mask or table of rotations of another network than the configuration says.

    Raises:
        UserError: naming it.
    """
    for name, values in state.items():
        found = _BUFFER.fullmatch(name)
        if found is None or not values.size:
            continue
        layer, kind = int(found[1]), found[2]
        if kind == "IGNORE":
            _require_ignored(name, values)
        elif kind == "mask" and a.causal and layer < a.n_layers:
            _require_mask(name, values, a, a.windows[layer])
        elif kind.startswith("rotary") and a.positions == "rotary":
            _require_table(name, values, a, np.sin if kind == "rotary_sin" else np.cos)


def _require_ignored(name: str, values: np.ndarray) -> None:
    if values.size != 1 or not float(values.reshape(())) <= _LEAST_IGNORED:
        raise UserError(f"{name} does not mask: it has to be one number of at most -1e4")


def _require_mask(name: str, values: np.ndarray, a: Architecture, window: int | None) -> None:
    wanted = seen(a, window, a.n_ctx)
    if values.squeeze().shape != wanted.squeeze().shape or (values.squeeze() != wanted).any():
        raise UserError(
            f"{name}, of shape {values.shape}, is not the mask of {a.n_ctx} positions that its "
            "configuration says"
        )


def _require_table(name: str, values: np.ndarray, a: Architecture, wave: np.ufunc) -> None:
    half = a.rotary_dim // 2
    angles = np.arange(len(values))[:, None] * a.rotary_base ** (-np.arange(half) / half)
    repeated = np.repeat if a.rotary_pairs == "adjacent" else lambda x, n, axis: np.tile(x, (1, n))
    wanted = wave(repeated(angles, 2, axis=1))
    if values.shape != wanted.shape or not np.abs(values - wanted).max() <= _OFF:
        raise UserError(f"{name} does not hold the rotations that its configuration says")
