"""Files as `torch.save` writes them, made without PyTorch from the layout it documents."""

import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path
from unittest import mock

import numpy as np

STORAGES = {
    "<f8": "DoubleStorage",
    "<f4": "FloatStorage",
    "<f2": "HalfStorage",
    "<i8": "LongStorage",
}


class _Tensor:
    def __init__(self, values: np.ndarray, key: str):
        self.values, self.key = values, key

    def __reduce__(self):
        strides = tuple(step // self.values.itemsize for step in self.values.strides)
        storage = _Storage(self)
        arguments = (storage, 0, self.values.shape, strides, False, OrderedDict())
        return sys.modules["torch._utils"]._rebuild_tensor_v2, arguments


class _Storage:
    def __init__(self, tensor: _Tensor):
        self.tensor = tensor


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        if not isinstance(obj, _Storage):
            return None
        values = obj.tensor.values
        kind = getattr(sys.modules["torch"], STORAGES[values.dtype.str])
        return ("storage", kind, obj.tensor.key, "cpu", values.size)


def _stub_modules() -> dict[str, types.ModuleType]:
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in STORAGES.values():
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def rebuild():
        raise AssertionError("a reader must not call this")

    rebuild.__module__, rebuild.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = rebuild  # pyright: ignore[reportAttributeAccessIssue]
    return {"torch": torch, "torch._utils": utils}


def save_pth(path: Path, state: dict, *, inside: str | None = None, **beside: object) -> None:
    """Write arrays as a state dict, alone or under the key `inside` with `beside` next to it."""
    tensors = OrderedDict(
        (name, _Tensor(np.asarray(values), str(i)))
        for i, (name, values) in enumerate(state.items())
    )
    whole = tensors if inside is None else {inside: tensors, **beside}
    written = io.BytesIO()
    with mock.patch.dict(sys.modules, _stub_modules()):
        _Pickler(written, protocol=2).dump(whole)
    write_archive(path, written.getvalue(), {t.key: t.values for t in tensors.values()})


def write_archive(path: Path, data: bytes, storages: dict[str, np.ndarray]) -> None:
    """The zip archive around a pickle."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/byteorder", "little")
        for key, values in storages.items():
            archive.writestr(f"archive/data/{key}", values.tobytes("A"))
        archive.writestr("archive/version", "3\n")
