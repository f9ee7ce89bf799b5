"""Weights in a file that `torch.save` wrote, read without PyTorch and without unpickling."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from probbound.errors import UserError, first_line
from probbound.files import ARCHIVE_ERRORS
from probbound.models.torch_pickle import Opaque, StoredTensor, read_pickle

_TYPES = {
    "torch.DoubleStorage": np.dtype("<f8"),
    "torch.FloatStorage": np.dtype("<f4"),
    "torch.HalfStorage": np.dtype("<f2"),
    "torch.BFloat16Storage": np.dtype("<u2"),
}
_CONFIGURATIONS = ("config", "cfg", "model_config", "model_cfg")
_REQUIRED = {
    "n_layers": 1,
    "attn_only": True,
    "normalization_type": None,
    "positional_embedding_type": "standard",
    "final_rms": False,
    "use_hook_tokens": False,
}
_MASKS = ("mask", "IGNORE")
MAX_PICKLE_BYTES = 16 << 20


def read_pth(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The state dict in the file, at the top or within one dict, and its attention scale if told.

    The scale is looked for in a TransformerLens configuration saved beside the weights; a
    configuration that asks for what this library does not compute is refused. Masks that hold no
    floats are left out. Memory is bounded by the file's size.

    Raises:
        UserError: if the file is damaged, of PyTorch's format before 1.6, or holds no state dict.
    """
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            found = read_pickle(_entry(archive, "data.pkl", min(size, MAX_PICKLE_BYTES)))
            _require_little_endian(archive)
            state = _state_dict(found)
            tensors = {
                name: _tensor(archive, value, size)
                for name, value in state.items()
                if _is_floats(name, value)
            }
            return tensors, _scale(_configuration(found))
    except zipfile.BadZipFile as error:
        hint = "if PyTorch before 1.6 saved it, save it again or convert it to safetensors"
        raise UserError(f"{path} is not a zip archive, as torch.save writes; {hint}") from error
    except ARCHIVE_ERRORS as error:
        raise UserError(f"{path} cannot be read as a PyTorch file: {first_line(error)}") from error


def _entry(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """One entry of the archive, which PyTorch stores in one folder and uncompressed."""
    found = [info for info in archive.infolist() if info.filename.partition("/")[2] == name]
    if len(found) != 1:
        raise ValueError(f"it has {len(found)} entries {name}")
    if found[0].compress_type != zipfile.ZIP_STORED or found[0].file_size > limit:
        raise ValueError(f"its entry {name} is compressed or larger than {limit} bytes")
    return archive.read(found[0])


def _require_little_endian(archive: zipfile.ZipFile) -> None:
    told = any(name.partition("/")[2] == "byteorder" for name in archive.namelist())
    if told and _entry(archive, "byteorder", 16) != b"little":
        raise ValueError("its numbers are big-endian")


def _state_dict(found: Any) -> Mapping[str, Any]:
    """The dict of tensors that has an embedding, at the top or one level below."""
    inner = (
        [value for value in found.values() if isinstance(value, dict)] if _is_dict(found) else []
    )
    states = [
        each
        for each in (found, *inner)
        if _is_dict(each) and ("W_E" in each or "embed.W_E" in each)
    ]
    if len(states) != 1:
        kind = f"{len(states)} state dicts with an embedding W_E"
        raise ValueError(f"it holds {kind}; save model.state_dict() alone")
    return {name: value for name, value in states[0].items() if isinstance(name, str)}


def _is_dict(found: Any) -> bool:
    return isinstance(found, dict)


def _is_floats(name: str, value: Any) -> bool:
    """Whether an item of a state dict is a tensor of floats, and not a mask or no weight at all.

    Raises:
        ValueError: if it is, or may be, a weight that cannot be read.
    """
    if isinstance(value, StoredTensor) and value.storage.kind in _TYPES:
        return True
    made = isinstance(value, StoredTensor) or (
        isinstance(value, Opaque) and value.path.startswith("torch.")
    )
    last = name.rpartition(".")[2]
    if last not in _MASKS and (made or last.startswith(("W_", "b_"))):
        raise ValueError(f"{name[:40]!r} is not stored as a plain tensor of floats")
    return False


def _tensor(archive: zipfile.ZipFile, stored: StoredTensor, size: int) -> np.ndarray:
    dtype = _TYPES[stored.storage.kind]
    shape, strides = stored.shape, stored.strides
    values = np.frombuffer(_entry(archive, f"data/{stored.storage.key}", size), dtype)
    last = stored.offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    count = math.prod(shape)
    if count > len(values) or (count and last >= len(values)):
        raise ValueError(f"a tensor of shape {shape} does not fit its storage")
    if not count:
        return np.zeros(shape, np.float64 if dtype.kind == "u" else dtype)
    steps = tuple(dtype.itemsize * step for step in strides)
    view = np.lib.stride_tricks.as_strided(values[stored.offset :], shape, steps, writeable=False)
    return _from_bfloat16(view) if dtype.kind == "u" else view.copy()


def _from_bfloat16(bits: np.ndarray) -> np.ndarray:
    """A bfloat16 is the upper half of a float32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def _configuration(found: Any) -> Mapping[str, Any]:
    """The TransformerLens configuration beside the weights, empty if there is none."""
    inner = [found.get(key) for key in _CONFIGURATIONS] if _is_dict(found) else []
    states = [each.state if isinstance(each, Opaque) else each for each in inner]
    return next((each for each in states if isinstance(each, dict)), {})


def _scale(configuration: Mapping[str, Any]) -> dict[str, str]:
    for key, wanted in _REQUIRED.items():
        if configuration.get(key, wanted) != wanted:
            raise ValueError(f"its configuration says {key} = {configuration[key]!r}, not {wanted}")
    if configuration.get("use_attn_scale", True) is False:
        return {"attn_scale": "1.0"}
    scale = configuration.get("attn_scale")
    return {"attn_scale": repr(scale)} if isinstance(scale, float) and scale > 0 else {}
