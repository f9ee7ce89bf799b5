"""PyTorch's files, read by PyTorch itself as weights only: nothing of the file is run."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from probbound.machine.errors import UserError, first_line
from probbound.models.sources.source import ModelSource, by_suffix

_HOW = (
    "save it again where it was made, as plain values: torch.save({'model': model.state_dict(), "
    "'cfg': {k: v if isinstance(v, (bool, int, float, str, type(None))) else str(v) "
    "for k, v in vars(model.cfg).items()}}, 'model.pth')"
)


def read_pytorch(path: Path) -> Any:
    """What `torch.save` wrote: its mappings, lists and plain values, with tensors as arrays.

    NumPy's numbers are allowed beside tensors, since TransformerLens' configurations hold them.

    Raises:
        UserError: if PyTorch is not installed, or refuses the file as weights only.
    """
    try:
        torch = _torch()
    except ImportError as error:
        raise UserError(
            f"reading {path} takes PyTorch, which is not installed: pip install 'probbound[torch]'"
        ) from error
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_numpy_numbers()):
            warnings.simplefilter("ignore")
            found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(f"PyTorch refuses {path} as weights only{_why(path)}; {_HOW}") from error
    except Exception as error:  # a damaged archive raises whatever its parts do
        raise UserError(f"PyTorch cannot read {path}: {first_line(error)}") from error
    return _plain(found)


def _torch() -> Any:
    """PyTorch, an optional extra, loaded when a file of it is read."""
    return import_module("torch")


def _numpy_numbers() -> list[Any]:
    """What pickles of NumPy's numbers name: they hold bytes, and make numbers of them."""
    kinds = {type(np.dtype(kind)) for kind in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "?")}
    scalar = np.float64(0).__reduce__()[0]
    return [scalar, np.dtype, *sorted(kinds, key=str)]


def _why(path: Path) -> str:
    """Which things of the file it is that are more than weights, as far as PyTorch can tell."""
    try:
        named = _torch().serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # older formats and damaged files: the sentence does without
        return ""
    others = sorted(name for name in named if not name.startswith("numpy."))
    shown = ", ".join(others[:3])
    return f": it holds {shown}{', …' if len(others) > 3 else ''}" if shown else ""


def _plain(value: Any) -> Any:
    """Without PyTorch's types: tensors as arrays, one-element numbers, names of dtypes as text."""
    if isinstance(value, _torch().Tensor):
        return _array(value)
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        return value.item()
    known = value is None or isinstance(value, bool | int | float | str)
    return value if known else str(value)


def _array(tensor: Any) -> np.ndarray:
    """A tensor's values; those of bfloat16 as float32, which holds the same numbers.

    Raises:
        UserError: if it is no plain tensor (sparse, quantised).
    """
    try:
        dense = tensor.detach().cpu().resolve_neg().resolve_conj()
        return (dense.float() if dense.dtype == _torch().bfloat16 else dense).numpy().copy()
    except (TypeError, RuntimeError) as error:
        kind = f"{str(tensor.layout).removeprefix('torch.')} {tensor.dtype}"
        raise UserError(f"a tensor of the file is not plain ({kind}); save it dense") from error


_SUFFIXES = (".pth", ".pt", ".ckpt", ".bin")
PYTORCH = ModelSource("PyTorch", _SUFFIXES, by_suffix(*_SUFFIXES), read_pytorch)
