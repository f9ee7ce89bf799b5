"""Reading, writing and identifying models; names of weights are those of TransformerLens."""

from __future__ import annotations

import hashlib
import json
import math
import os
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from probbound.errors import UserError, first_line
from probbound.files import ARCHIVE_ERRORS, write_atomically
from probbound.models.pth import read_pth
from probbound.models.transformer import BIASES, WEIGHT_SHAPES, Transformer, require_finite

FORMAT = "probbound-model/1"
MAX_NPZ_BYTES = 16 << 30
_STATE_DICT = {
    "W_E": "embed.W_E",
    "W_pos": "pos_embed.W_pos",
    "W_U": "unembed.W_U",
    "b_U": "unembed.b_U",
    **{f"{kind}_{part}": f"blocks.0.attn.{kind}_{part}" for kind in "Wb" for part in "QKVO"},
}
_MASKS = ("attn.mask", "attn.IGNORE")  # constants that TransformerLens keeps with the weights


def digest(model: Transformer) -> str:
    """SHA-256, in hex, of the model's canonical content: attn_scale, and shapes and values.

    Values enter as little-endian float64, so that a model keeps its digest whatever float type
    or file format it is stored in; -0.0 counts as 0.0. The name does not enter.
    """
    state = hashlib.sha256(f"{FORMAT}\nattn_scale {float(model.attn_scale).hex()}\n".encode())
    for weight in sorted(WEIGHT_SHAPES):
        values = np.ascontiguousarray(getattr(model, weight), dtype="<f8") + 0.0
        state.update(f"{weight} {values.shape}\n".encode())
        state.update(values.tobytes())
    return state.hexdigest()


def save_model(
    model: Transformer, path: Path | str, record: Mapping[str, Any] | None = None
) -> None:
    """Write a safetensors file under TransformerLens' state-dict names, in one piece or not at all.

    `record` (how the model was trained, how it scores) is kept in the header; it is not part of
    the model's identity.

    Raises:
        UserError: if the file cannot be written.
    """
    tensors = {long: np.asarray(getattr(model, short)) for short, long in _STATE_DICT.items()}
    metadata = {
        "format": FORMAT,
        "attn_scale": repr(float(model.attn_scale)),
        "sha256": digest(model),
        "record": json.dumps(record or {}, sort_keys=True),
    }
    write_atomically(Path(path), save(tensors, metadata=metadata))


def read_model(path: Path | str) -> Transformer:
    """The model in a `.safetensors`, `.npz` or PyTorch file, checked and named after the file.

    Weights may carry TransformerLens' short names (`W_Q`) or state-dict names
    (`blocks.0.attn.W_Q`); a layer axis of one may be there, the head axis may be absent for one
    head, biases may be absent.

    Raises:
        UserError: if the file is missing, damaged, of another format, or its weights do not fit.
    """
    path = Path(path)
    if not os.path.isfile(path):  # Path.is_file raises where a name is too long
        if os.path.isdir(path):
            raise UserError(f"{path} is a directory, not a model file")
        raise UserError(f"there is no model file {path}")
    readers = {
        ".safetensors": _read_safetensors,
        ".npz": _read_npz,
        ".pth": read_pth,
        ".pt": read_pth,
    }
    if path.suffix not in readers:
        raise UserError(f"{path} is not a model file: expected {', '.join(readers)}")
    tensors, metadata = readers[path.suffix](path)
    model = _assemble(tensors, metadata, path)
    require_finite(model)
    if metadata.get("sha256", digest(model)) != digest(model):
        raise UserError(f"{path} is damaged: its weights do not match the SHA-256 in its header")
    return model


def read_record(path: Path) -> dict[str, Any]:
    """What `save_model` kept beside the weights; empty for files of other makers."""
    with safe_open(path, framework="np") as file:
        return json.loads((file.metadata() or {}).get("record", "{}"))


def _read_safetensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    try:
        with safe_open(path, framework="np") as file:
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise UserError(f"{path} cannot be read as safetensors: {first_line(error)}") from error


def _read_npz(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    try:
        _require_honest_sizes(path)
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}, {}
    except ARCHIVE_ERRORS as error:
        raise UserError(f"{path} cannot be read as .npz: {first_line(error)}") from error


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


def _assemble(
    tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str], path: Path
) -> Transformer:
    _require_all_used(tensors, path)
    weights = {}
    for short, axes in WEIGHT_SHAPES.items():
        found = [name for name in (short, _STATE_DICT[short]) if name in tensors]
        if len(found) > 1:
            raise UserError(f"{path} holds both {found[0]} and {found[1]}, which name one weight")
        if found:
            weights[short] = _as_one_layer(tensors[found[0]], axes, short, path)
        elif short not in BIASES:
            raise UserError(f"{path} has no weight {short} (nor {_STATE_DICT[short]})")
    for bias in BIASES:
        weights.setdefault(bias, np.zeros(_bias_shape(bias, weights)))
    scale = _attn_scale(tensors, metadata, path)
    return Transformer(**weights, attn_scale=scale or _root_of_d_head(weights), name=path.stem)


def _require_all_used(tensors: Mapping[str, np.ndarray], path: Path) -> None:
    """A weight that is not computed with would make the claim one about another network."""
    known = {*WEIGHT_SHAPES, *_STATE_DICT.values(), "attn_scale"}
    others = [name for name in tensors if name not in known and not name.endswith(_MASKS)]
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


def _root_of_d_head(weights: Mapping[str, np.ndarray]) -> float:
    return math.sqrt(weights["W_Q"].shape[-1] or 1)


def _attn_scale(
    tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str], path: Path
) -> float | None:
    stored = metadata.get("attn_scale")
    if stored is None and "attn_scale" in tensors:
        stored = np.asarray(tensors["attn_scale"]).reshape(-1)
        if stored.size != 1:
            raise UserError(f"attn_scale in {path} must be one number, got {stored.size}")
        stored = stored[0]
    try:
        return None if stored is None else float(stored)
    except ValueError as error:
        raise UserError(f"attn_scale in {path} is not a number: {stored!r}") from error


def renamed(model: Transformer, name: str) -> Transformer:
    """The same model under another name."""
    return replace(model, name=name)
