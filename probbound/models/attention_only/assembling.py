"""From named arrays and what is said beside them to the network, or a refusal by name."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from probbound.machine.errors import UserError
from probbound.models.attention_only.configuration import (
    KEYS,
    PARTS_READ,
    Configuration,
    as_json,
    configurations_in,
    is_telling,
    require_understood,
    same,
    scale_told,
    the_one,
)
from probbound.models.attention_only.names import (
    IN_VERSION_4,
    STATE_DICT,
    is_constant,
    is_weight,
    prefix_of,
    require_constants,
    unknown,
)
from probbound.models.attention_only.transformer import (
    BIASES,
    WEIGHT_SHAPES,
    Transformer,
    require_finite,
)
from probbound.models.files import Held


def built(held: Held, path: Path) -> Transformer:
    """The network in a file.

    Weights carry TransformerLens' short names (`W_Q`) or state-dict names (`blocks.0.attn.W_Q`); a
    layer axis of one may be there, the head axis may be absent for one head, biases may be absent.
    The configuration stands in the metadata, or in entries of text or numbers of an `.npz`; what it
    does not say is assumed, and named in `assumed` of the model.

    Raises:
        UserError: as `assembled`, or if the file says a setting several times.
    """
    said = held.apart(_is_setting, path)
    return assembled(said.tensors, configuration_beside(said.beside, path), path)


def _is_setting(name: str) -> bool:
    return name in KEYS and not (is_weight(name) or is_constant(name))


def configuration_beside(beside: Mapping[str, Any], path: Path) -> Configuration | None:
    """The configuration in metadata or entries: JSON text under any name, or names of its own.

    Raises:
        UserError: if there are several that do not say the same.
    """
    flat = {name: _parsed(value) for name, value in beside.items() if _is_flat(value)}
    whole = {name: value for name, value in beside.items() if not _is_flat(value)}
    found = list(configurations_in(whole))
    (told,) = configurations_in(flat, "its metadata") if any(map(is_telling, flat)) else (None,)
    if told is not None:
        known = found[0].values if len(found) == 1 else {}
        said = {name: value for name, value in told.values.items() if is_telling(name)}
        if not all(name in known and same(known[name], value) for name, value in said.items()):
            found.append(told)
    return the_one(found, path)


def assembled(
    tensors: Mapping[str, np.ndarray], configuration: Configuration | None, path: Path
) -> Transformer:
    """The network of arrays under TransformerLens 3's names, named after the file.

    Raises:
        UserError: if a weight is missing, unknown or misshapen, or the configuration or a stored
            mask is that of another network.
    """
    told = {} if configuration is None else configuration.values
    _require_understood(configuration, {}, path)
    _require_all_used(tensors, path)
    weights: dict[str, Any] = _weights(tensors, path)
    root = math.sqrt(weights["W_Q"].shape[-1] or 1)
    model = Transformer(**weights, attn_scale=root, name=path.stem, assumed=frozenset())
    _require_understood(configuration, sizes_of(model), path)
    masked = require_constants(tensors, model.n_ctx)
    scale = scale_told(told)
    assumed = {part for part, keys in PARTS_READ.items() if not all(key in told for key in keys)}
    assumed -= {"mask"} if masked else set()
    assumed |= {"attention_scale"} if scale is None else set()
    require_finite(model)
    scale = root if scale in (None, -1.0) else scale
    return replace(model, attn_scale=scale, assumed=frozenset(assumed))


def _require_understood(
    configuration: Configuration | None, sizes: Mapping[str, int], path: Path
) -> None:
    if configuration is not None:
        try:
            require_understood(configuration, sizes)
        except UserError as error:
            raise UserError(f"{path} is of a network that is not computed with: {error}") from error


def _weights(tensors: Mapping[str, np.ndarray], path: Path) -> dict[str, np.ndarray]:
    """Every weight by its short name; biases that are not there are zeros."""
    weights = {}
    for short, axes in WEIGHT_SHAPES.items():
        found = [name for name in (short, STATE_DICT[short]) if name in tensors]
        if len(found) > 1:
            raise UserError(f"{path} holds both {found[0]} and {found[1]}, which name one weight")
        if found:
            weights[short] = _as_one_layer(tensors[found[0]], axes, short, path)
        elif short not in BIASES:
            raise UserError(f"{path} has no weight {short} (nor {STATE_DICT[short]})")
    for bias in BIASES:
        weights.setdefault(bias, np.zeros(_bias_shape(bias, weights)))
    return weights


def sizes_of(model: Transformer) -> dict[str, int]:
    """The axes that a configuration may speak of."""
    names = ("n_heads", "d_model", "d_head", "n_ctx", "d_vocab", "d_vocab_out")
    return {name: getattr(model, name) for name in names}


def _is_flat(value: Any) -> bool:
    """Whether metadata is a single word, number or flag, and no text that could hold several."""
    if not isinstance(value, str):
        return True
    return re.fullmatch(r"\S{0,40}", value) is not None and as_json(value) is None


def _parsed(value: Any) -> Any:
    """A text as the number, flag or null that it is in JSON, if it is one."""
    return as_json(value, plain=True) if isinstance(value, str) else value


def _require_all_used(tensors: Mapping[str, np.ndarray], path: Path) -> None:
    """A weight that is not computed with would make the claim one about another network."""
    others = unknown(tensors)
    if others and (prefix_of(tensors) or IN_VERSION_4 in tensors):
        raise UserError(
            f"{path} has weights under names such as {others[0]}; convert it once: "
            f"probbound import {path} --out MODEL.safetensors"
        )
    if others:
        raise UserError(
            f"{path} holds {others[0]}, which a model of one attention layer without MLP or layer "
            "norm does not have; if it is no weight, leave it out of the file"
        )


def _as_one_layer(values: np.ndarray, axes: tuple[str, ...], name: str, path: Path) -> np.ndarray:
    if not np.issubdtype(values.dtype, np.floating):
        raise UserError(f"{name} in {path} must hold floats, got {values.dtype}")
    if name[-1] in "QKVO" and values.ndim == len(axes) + 1 and values.shape[0] == 1:
        return values[0]
    if axes[0] == "n_heads" and values.ndim == len(axes) - 1:
        return values[None]
    return values


def _bias_shape(bias: str, weights: Mapping[str, np.ndarray]) -> tuple[int, ...]:
    if bias == "b_U":
        return weights["W_U"].shape[-1:]
    if bias == "b_O":
        return weights["W_O"].shape[-1:]
    matrix = weights["W" + bias[1:]]
    return (matrix.shape[0], matrix.shape[-1])
