"""Reading, writing and identifying models; names of weights are those of TransformerLens."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from probbound.machine.errors import UserError
from probbound.machine.files import write_atomically
from probbound.models.attention_only.assembling import assembled, configuration_beside
from probbound.models.attention_only.configuration import PARTS_READ
from probbound.models.attention_only.names import SCALE, STATE_DICT
from probbound.models.attention_only.transformer import WEIGHT_SHAPES, Transformer
from probbound.models.files import read_npz, read_safetensors

FORMAT = "probbound-model/2"
_DIGEST = "probbound-model/1"
_OURS = ("format", "sha256", "record", "source")
_PYTORCH = (".pth", ".pt", ".ckpt", ".bin")


def digest(model: Transformer) -> str:
    """SHA-256, in hex, of the model's canonical content: attn_scale, and shapes and values.

    Values enter as little-endian float64, so that a model keeps its digest whatever float type
    or file format it is stored in; -0.0 counts as 0.0. The name does not enter.
    """
    state = hashlib.sha256(f"{_DIGEST}\nattn_scale {float(model.attn_scale).hex()}\n".encode())
    for weight in sorted(WEIGHT_SHAPES):
        values = np.ascontiguousarray(getattr(model, weight), dtype="<f8") + 0.0
        state.update(f"{weight} {values.shape}\n".encode())
        state.update(values.tobytes())
    return state.hexdigest()


def save_model(
    model: Transformer,
    path: Path | str,
    record: Mapping[str, Any] | None = None,
    configuration: Mapping[str, Any] | None = None,
    source: Mapping[str, Any] | None = None,
) -> None:
    """Write a safetensors file under TransformerLens' state-dict names, in one piece or not at all.

    The header keeps the whole configuration (the model's own, unless another framework's is given),
    and `record` (how the model was trained, how it scores) and `source` (which file it was made
    of), which are no part of its identity.

    Raises:
        UserError: if the file cannot be written.
    """
    tensors = {  # contiguous: safetensors writes memory as it lies
        long: np.ascontiguousarray(getattr(model, short)) for short, long in STATE_DICT.items()
    }
    metadata = {"format": FORMAT, "sha256": digest(model)}
    whole = configuration_of(model) if configuration is None else dict(configuration)
    for name, value in (("config", whole), ("record", record), ("source", source)):
        if value:
            metadata[name] = json.dumps(value, sort_keys=True, allow_nan=False)
    write_atomically(Path(path), save(tensors, metadata=metadata))


def configuration_of(model: Transformer) -> dict[str, Any]:
    """A model's configuration in TransformerLens' keys, without what was only assumed of it."""
    told = {
        "n_layers": 1,
        "n_heads": model.n_heads,
        "d_model": model.d_model,
        "d_head": model.d_head,
        "n_ctx": model.n_ctx,
        "d_vocab": model.d_vocab,
        "d_vocab_out": model.d_vocab_out,
        "attn_only": True,
        "normalization_type": None,
        "positional_embedding_type": "standard",
        "attention_dir": "causal",
        "use_local_attn": False,
        "attn_scores_soft_cap": -1.0,
        "output_logits_soft_cap": -1.0,
        "attn_scale": float(model.attn_scale),
    }
    assumed = {key for part in model.assumed for key in PARTS_READ.get(part, (SCALE,))}
    return {key: value for key, value in told.items() if key not in assumed}


def read_model(path: Path | str) -> Transformer:
    """The model in a `.safetensors` or `.npz` file, checked and named after the file.

    Weights carry TransformerLens' short names (`W_Q`) or state-dict names (`blocks.0.attn.W_Q`); a
    layer axis of one may be there, the head axis may be absent for one head, biases may be absent.
    The configuration stands in the metadata, or in entries of text or numbers of an `.npz`; what it
    does not say is assumed, and named in `assumed` of the model.

    Raises:
        UserError: if the file is missing, damaged, of another format, or its weights do not fit,
            or it is of a network that is not computed with here.
    """
    path = Path(path)
    if not os.path.isfile(path):  # Path.is_file raises where a name is too long
        if os.path.isdir(path):
            raise UserError(f"{path} is a directory, not a model file")
        raise UserError(f"there is no model file {path}")
    readers = {".safetensors": read_safetensors, ".npz": read_npz}
    if path.suffix in _PYTORCH:
        raise UserError(_convert_first(path))
    if path.suffix not in readers:
        raise UserError(f"{path} is not a model file: expected {', '.join(readers)}")
    held = readers[path.suffix](path)
    ours = _OURS if str(held.beside.get("format")).startswith("probbound-model/") else ()
    said = {name: value for name, value in held.beside.items() if name not in ours}
    model = assembled(held.tensors, configuration_beside(said, path), path)
    if held.beside.get("sha256", digest(model)) != digest(model):
        raise UserError(f"{path} is damaged: its weights do not match the SHA-256 in its header")
    return model


def read_record(path: Path) -> dict[str, Any]:
    """What `save_model` kept beside the weights; empty for files of other makers."""
    with safe_open(path, framework="np") as file:
        return json.loads((file.metadata() or {}).get("record", "{}"))


def _convert_first(path: Path) -> str:
    """Why a PyTorch file is not read here, what to do, and what will then be asked of it."""
    return (
        f"{path} is a PyTorch file, and claims are made about .safetensors and .npz alone; convert "
        f"it once: probbound import {path} --out {path.with_suffix('.safetensors').name} (names of "
        "TransformerLens, embed.W_E or embed.weight, a prefix such as module. too; what no "
        "configuration says of layer norm, positions, mask and attn_scale is assumed, and named)"
    )


def renamed(model: Transformer, name: str) -> Transformer:
    """The same model under another name."""
    return replace(model, name=name)
