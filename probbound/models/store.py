"""Reading, writing and identifying models, by the room of their kind."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from probbound.contract.networks import Network
from probbound.machine.errors import UserError
from probbound.machine.files import write_pieces_atomically
from probbound.models.files import (
    Held,
    head_of_npz,
    head_of_safetensors,
    read_npz,
    read_safetensors,
)
from probbound.models.registry import (
    is_another_frameworks,
    required_kind,
    room_for,
    room_named,
    room_of,
)
from probbound.models.safetensors_files import pieces

FORMAT = "probbound-model/2"
_DIGEST = "probbound-model/1"
_OURS = ("format", "sha256", "network", "record", "source")
_AT_ONCE = 1 << 20  # numbers widened at a time
_PYTORCH = (".pth", ".pt", ".ckpt", ".bin")


def digest(model: Network) -> str:
    """SHA-256, in hex, of the model's canonical content: what its room says, shapes and values.

    Values enter as little-endian float64, so that a model keeps its digest whatever float type
    or file format it is stored in; -0.0 counts as 0.0. The name does not enter.
    """
    room = room_of(model)
    state = hashlib.sha256(f"{_DIGEST}\n{room.preamble(model)}\n".encode())
    for name, array in sorted(room.arrays(model).items()):
        values = np.ascontiguousarray(array)
        state.update(f"{name} {values.shape}\n".encode())
        flat = values.reshape(-1)
        for start in range(0, flat.size, _AT_ONCE):
            state.update((flat[start : start + _AT_ONCE].astype("<f8") + 0.0).data)
    return state.hexdigest()


def save_model(
    model: Network,
    path: Path | str,
    record: Mapping[str, Any] | None = None,
    configuration: Mapping[str, Any] | None = None,
    source: Mapping[str, Any] | None = None,
) -> None:
    """Write a safetensors file under the names of the model's room, in one piece or not at all.

    The header keeps the whole configuration (the model's own, unless another framework's is given),
    and `record` (how the model was trained, how it scores) and `source` (which file it was made
    of), which are no part of its identity.

    Raises:
        UserError: if the file cannot be written.
    """
    room = room_of(model)
    tensors = {room.file_names.get(name, name): array for name, array in room.arrays(model).items()}
    metadata = {"format": FORMAT, "sha256": digest(model), "network": room.kind}
    whole = room.configuration(model) if configuration is None else dict(configuration)
    for name, value in (("config", whole), ("record", record), ("source", source)):
        if value:
            metadata[name] = json.dumps(value, sort_keys=True, allow_nan=False)
    write_pieces_atomically(Path(path), pieces(tensors, metadata))


def read_model(path: Path | str) -> Any:
    """The model in a `.safetensors` or `.npz` file, checked and named after the file.

    A file of probbound's own says what kind of network it holds; another one's names of arrays
    tell. What it may hold beside them is said by that network's room.

    Raises:
        UserError: if the file is missing, damaged, of another format, or its weights do not fit,
            or it is of a network that is not computed with here.
    """
    path = Path(path)
    if not os.path.isfile(path):  # Path.is_file raises where a name is too long
        if os.path.isdir(path):
            raise UserError(
                f"{path} is a directory, not a model file; probbound import makes one of a "
                "folder of Hugging Face"
            )
        raise UserError(f"there is no model file {path}")
    readers = {".safetensors": read_safetensors, ".npz": read_npz}
    if path.suffix in _PYTORCH:
        raise UserError(_convert_first(path))
    if path.suffix not in readers:
        raise UserError(f"{path} is not a model file: expected {', '.join(readers)}")
    held = readers[path.suffix](path)
    ours = _is_ours(held.beside)
    kind = held.beside.get("network") if ours else None
    if kind is None and is_another_frameworks({**held.beside, **held.tensors}):
        raise UserError(
            f"{path} is a transformer as another framework saves it; import it once: "
            f"probbound import {path} --out {path.stem}.imported.safetensors"
        )
    room = room_for(held.tensors) if kind is None else room_named(str(kind))
    said = {name: value for name, value in held.beside.items() if not (ours and name in _OURS)}
    model = room.build(Held(held.tensors, said), path)
    model = replace(model, made_for=_task_in(held.beside.get("record")) if ours else "")
    if "sha256" in held.beside and held.beside["sha256"] != digest(model):
        raise UserError(f"{path} is damaged: its weights do not match the SHA-256 in its header")
    return model


def read_record(path: Path) -> dict[str, Any]:
    """What `save_model` kept beside the weights; empty for files of other makers."""
    return json.loads(head_of_safetensors(path)[1].get("record", "{}"))


def read_said(path: Path) -> tuple[str, str]:
    """The kind of network that `read_model` will find, and the task that it says it was made for.

    The task is "" where the file says none. No weights are read.

    Raises:
        UserError: if the file is missing, damaged or of another format, or names no kind that
            there is.
    """
    heads = {".safetensors": head_of_safetensors, ".npz": head_of_npz}
    if path.suffix not in heads or not os.path.isfile(path):
        raise UserError(f"{path} is not a model file: expected {', '.join(heads)}")
    names, said = heads[path.suffix](path)
    ours = _is_ours(said)
    kind = required_kind(said["network"]) if ours and "network" in said else room_for(names).kind
    return kind, _task_in(said.get("record")) if ours else ""


def _is_ours(said: Mapping[str, Any]) -> bool:
    return str(said.get("format")).startswith("probbound-model/")


def _task_in(record: Any) -> str:
    """Which task a record names, "" if it is none or names none."""
    try:
        return str(json.loads(record)["task"])
    except (TypeError, ValueError, KeyError, RecursionError):
        return ""


def _convert_first(path: Path) -> str:
    """Why a PyTorch file is not read here, what to do, and what will then be asked of it."""
    return (
        f"{path} is a PyTorch file, and claims are made about .safetensors and .npz alone; convert "
        f"it once: probbound import {path} --out {path.with_suffix('.safetensors').name} (names of "
        "TransformerLens, embed.W_E or embed.weight, a prefix such as module. too; of one layer of "
        "attention, what no configuration says of layer norm, positions, mask and attn_scale is "
        "assumed, and named; of other transformers it has to be said)"
    )


def renamed(model: Any, name: str) -> Any:
    """The same model under another name."""
    return replace(model, name=name)
