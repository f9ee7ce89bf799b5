"""The weights read from a file by NumPy alone, and their digest."""

from __future__ import annotations

import hashlib
import io
import json
import math
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from probbound.check.report import Unusable
from probbound.check.torch_file import read_torch

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}
_LONGEST_HEADER = 1 << 24
_MOST_NPZ_BYTES = 1 << 34
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
_MASKS = ("attn.mask", "attn.IGNORE")  # constants that TransformerLens keeps with the weights


@dataclass(frozen=True)
class Weights:
    """One layer of attention in float64: W_Q, W_K, W_V (H, d, e), W_O (H, e, d), biases alike.

    W_E is (v, d), W_pos (k, d), W_U (d, out), b_O (d,), b_U (out,).
    """

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

    def digest(self) -> str:
        """SHA-256 of attn_scale and of every matrix as little-endian float64, in order of name."""
        state = hashlib.sha256(b"probbound-model/1\n")
        state.update(f"attn_scale {self.attn_scale.hex()}\n".encode())
        for name in sorted(_LONG_NAMES):
            values = np.ascontiguousarray(getattr(self, name), dtype="<f8") + 0.0
            state.update(f"{name} {values.shape}\n".encode() + values.tobytes())
        return state.hexdigest()


def read_weights(path: Path) -> Weights:
    """The weights in a `.safetensors`, `.npz`, `.pth` or `.pt` file.

    Raises:
        Unusable: if the file is missing, damaged or of another format, or its parts do not fit.
    """
    readers = {".safetensors": _safetensors, ".npz": _npz, ".pth": read_torch, ".pt": read_torch}
    if path.suffix not in readers:
        raise Unusable(f"{path} is not a file of weights: expected {', '.join(readers)}")
    try:
        tensors, metadata = readers[path.suffix](path)
        return weights_of(tensors, metadata)
    except FileNotFoundError as error:
        raise Unusable(f"there is no file {path}") from error
    except Unusable as error:
        raise Unusable(f"{path} cannot be used: {error}") from error
    except (
        zipfile.BadZipFile,
        ArithmeticError,
        EOFError,
        KeyError,
        MemoryError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
        struct.error,
        zlib.error,
    ) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise Unusable(f"{path} cannot be read: {reason}") from error


def weights_of(tensors: dict[str, np.ndarray], metadata: dict[str, Any]) -> Weights:
    """Named matrices as one layer; short or state-dict names, absent biases are zeros.

    Raises:
        Unusable: if one is missing or has the wrong shape.
    """
    known = {*_LONG_NAMES, *_LONG_NAMES.values(), "attn_scale"}
    if others := [name for name in tensors if name not in known and not name.endswith(_MASKS)]:
        raise Unusable(
            f"it holds {others[0]!r}, which a model of one attention layer does not have"
        )
    found = {}
    for short, long in _LONG_NAMES.items():
        if short in tensors and long in tensors:
            raise Unusable(f"it holds both {short} and {long}, which name one weight")
        values = tensors.get(short, tensors.get(long))
        if values is not None:
            found[short] = _one_layer(short, np.asarray(values))
        elif short[0] == "W":
            raise Unusable(f"it has no weight {short}")
    for short, shape in _bias_shapes(found).items():
        found.setdefault(short, np.zeros(shape))
    scale = np.asarray(metadata.get("attn_scale", tensors.get("attn_scale", 0))).reshape(-1)
    if scale.size != 1:
        raise Unusable(f"attn_scale must be one number, got {scale.size}")
    return Weights(**found, attn_scale=float(scale[0]) or math.sqrt(found["W_Q"].shape[-1]))


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


def _safetensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Eight bytes of length, a JSON header with dtype, shape and offsets of each, the data."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(_LONGEST_HEADER, path.stat().st_size - 8):
            raise Unusable("it does not begin with the length of its header")
        header = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_object)
        data = file.read()
    if not isinstance(header, dict):
        raise Unusable("its header is not an object")
    metadata = header.pop("__metadata__", {})
    tensors, used = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        start, stop = entry["data_offsets"]
        dtype, shape = _DTYPES.get(entry["dtype"]), [int(size) for size in entry["shape"]]
        if dtype is None and name.endswith(_MASKS):
            continue
        if dtype is None:
            raise Unusable(f"{name[:40]!r} holds {entry['dtype']!r}, not floats that can be read")
        if start < used or stop - start != math.prod(shape) * int(dtype[2]) or stop > len(data):
            raise Unusable(f"{name} does not lie where its header says")
        tensors[name], used = np.frombuffer(data[start:stop], dtype).reshape(shape), stop
    if not isinstance(metadata, dict):
        raise Unusable("its metadata is not an object")
    return tensors, metadata


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise Unusable("a name stands twice in its header")
    return dict(pairs)


def _npz(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """A ZIP archive of arrays; no entry is read beyond the size that its directory says."""
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
        if len(entries) < len(archive.infolist()):
            raise Unusable("a name stands twice in it")
        if sum(entry.file_size for entry in entries.values()) > _MOST_NPZ_BYTES:
            raise Unusable(f"its arrays take more than {_MOST_NPZ_BYTES >> 30} GiB")
        return {
            name: np.lib.format.read_array(io.BytesIO(archive.read(entry)), allow_pickle=False)
            for name, entry in entries.items()
        }, {}
