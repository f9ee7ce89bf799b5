"""Weights in a file of PyTorch, read as data: no PyTorch, and no code in the file is run.

The file is a zip archive with one folder: `data.pkl` describes dicts and tensors, `data/KEY` holds
the numbers of a tensor. The opcodes that torch.save writes are carried out here on stand-ins.
"""

from __future__ import annotations

import math
import pickletools
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from probbound.check.report import Unusable

_LONGEST_DESCRIPTION = 1 << 24
_TIMES_THE_FILE = (
    16  # how much larger than the file all tensors together may be: some share numbers
)
_KINDS = {
    "torch.DoubleStorage": "<f8",
    "torch.FloatStorage": "<f4",
    "torch.HalfStorage": "<f2",
    "torch.BFloat16Storage": "<u2",
}
_CONFIGURATIONS = ("config", "cfg", "model_config", "model_cfg")
_ONE_LAYER_OF_ATTENTION = {
    "n_layers": 1,
    "attn_only": True,
    "normalization_type": None,
    "positional_embedding_type": "standard",
    "final_rms": False,
    "use_hook_tokens": False,
}
_WRITTEN = frozenset(
    (
        *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
        *("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        *("SHORT_BINBYTES", "BINBYTES", "SHORT_BINSTRING", "BINSTRING"),
    )
)
_MASKS = ("mask", "IGNORE")
_CONSTANT = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}


@dataclass
class Thing:
    """A class by its name, or an object of one, with what its state was set to."""

    name: str
    state: Any = None


class Tensor(NamedTuple):
    """Element (i, j, …) is number offset + i·strides[0] + j·strides[1] + … of `data/key`."""

    kind: str
    key: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_torch(path: Path) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """The tensors of floats in the one state dict of a file, and the attention scale if it is told.

    Memory is bounded by the size of the file.

    Raises:
        Unusable: if it is not what torch.save writes of a state dict, or of another architecture.
        Exception: what `zipfile` and NumPy raise of a damaged file.
    """
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        if _has(archive, "byteorder") and _entry(archive, "byteorder", 16) != b"little":
            raise Unusable("its numbers are big-endian")
        found = described(_entry(archive, "data.pkl", min(size, _LONGEST_DESCRIPTION)))
        tensors, room = {}, _TIMES_THE_FILE * size
        for name, tensor in _state_dict(found).items():
            if _is_floats(name, tensor):
                room -= 8 * math.prod(tensor.shape)
                if room < 0:
                    raise Unusable("its tensors are far larger than the file")
                numbers = _entry(archive, f"data/{tensor.key}", size)
                tensors[name] = _elements(name, tensor, numbers)
    return tensors, _scale(found)


def _is_floats(name: Any, value: Any) -> bool:
    """Whether an item of a state dict is a tensor of floats, and not a mask or no weight at all.

    Raises:
        Unusable: if it is, or may be, a weight that cannot be read.
    """
    if isinstance(value, Tensor) and value.kind in _KINDS:
        return True
    made = isinstance(value, Tensor) or (isinstance(value, Thing) and value.name[:6] == "torch.")
    last = str(name).rpartition(".")[2]
    if last not in _MASKS and (made or last[:2] in ("W_", "b_")):
        raise Unusable(f"{str(name)[:40]!r} is not stored as a plain tensor of floats")
    return False


def described(pickled: bytes) -> Any:
    """What a pickle describes, with stand-ins for all but plain values.

    Raises:
        Unusable: at an opcode that torch.save does not write, or one that does not fit.
    """
    try:
        return _carried_out(pickled)
    except (IndexError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unusable(f"its description is damaged ({type(error).__name__})") from error


def _carried_out(pickled: bytes) -> Any:
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}

    def taken(count: int) -> list[Any]:
        if count > len(stack):
            raise IndexError
        items = stack[len(stack) - count :]
        del stack[len(stack) - count :]
        return items

    def since_mark() -> list[Any]:
        return taken(len(stack) - marks.pop())

    argument: Any
    for opcode, argument, _ in pickletools.genops(pickled):
        match opcode.name:
            case "PROTO" | "FRAME":
                pass
            case name if name in _WRITTEN:
                stack.append(argument)
            case name if name in _CONSTANT:
                stack.append(_CONSTANT[name])
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_SET":
                stack.append(Thing("set"))
            case "MARK":
                marks.append(len(stack))
            case "POP":
                stack.pop()
            case "POP_MARK":
                since_mark()
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "TUPLE":
                stack.append(tuple(since_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3" as name:
                stack.append(tuple(taken(int(name[-1]))))
            case "APPEND" | "SETITEM" as name:
                items = taken(2 if name == "SETITEM" else 1)
                _extend(stack[-1], items)
            case "APPENDS" | "SETITEMS" | "ADDITEMS":
                items = since_mark()
                _extend(stack[-1], items)
            case "GLOBAL":
                stack.append(Thing(argument.replace(" ", ".")))
            case "STACK_GLOBAL":
                stack.append(Thing(".".join(taken(2))))
            case "REDUCE":
                stack.append(_called(*taken(2)))
            case "NEWOBJ":
                stack.append(Thing(taken(2)[0].name))
            case "BUILD":
                (state,) = taken(1)
                if isinstance(stack[-1], Thing):
                    stack[-1].state = state
            case "BINPERSID":
                kind, storage, key = taken(1)[0][:3]
                if kind != "storage" or not isinstance(key, str):
                    raise ValueError
                stack.append(Tensor(storage.name, key, 0, (), ()))
            case "STOP":
                return stack[-1]
            case name:
                raise Unusable(f"its description has an opcode {name}, which torch.save lacks")
    raise ValueError


def _extend(owner: Any, items: list[Any]) -> None:
    """Put into a list, or by pairs into a dict; keys that are not text are of no use here."""
    if isinstance(owner, list):
        owner.extend(items)
    elif isinstance(owner, dict):
        pairs = zip(items[::2], items[1::2], strict=True)
        owner.update((key, value) for key, value in pairs if isinstance(key, str))
    elif not isinstance(owner, Thing):
        raise TypeError


def _called(what: Thing, arguments: tuple[Any, ...]) -> Any:
    """What a call makes: dicts and tensors; of anything else, a stand-in."""
    if not isinstance(what, Thing) or not isinstance(arguments, tuple):
        raise TypeError
    if what.name == "collections.OrderedDict" and not arguments:
        return {}
    if what.name == "torch._utils._rebuild_parameter":
        return arguments[0]
    if what.name != "torch._utils._rebuild_tensor_v2":
        return Thing(what.name)
    storage, offset, shape, strides = arguments[:4]
    if any(arguments[6:]):
        raise Unusable("a tensor is to be read as the negative or the conjugate of another")
    if not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise TypeError
    if any(type(number) is not int or number < 0 for number in (offset, *shape, *strides)):
        raise ValueError
    return Tensor(storage.kind, storage.key, offset, shape, strides)


def _has(archive: zipfile.ZipFile, name: str) -> bool:
    return any(other.partition("/")[2] == name for other in archive.namelist())


def _entry(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """The entry of that name in the one folder, uncompressed and of no more than `most` bytes."""
    found = [entry for entry in archive.infolist() if entry.filename.partition("/")[2] == name]
    if len(found) != 1:
        raise Unusable(f"it has {len(found)} entries {name[:40]!r}, not one")
    if found[0].compress_type != zipfile.ZIP_STORED or found[0].file_size > most:
        raise Unusable(f"its entry {name[:40]!r} is compressed or too large")
    return archive.read(found[0])


def _state_dict(found: Any) -> dict[Any, Any]:
    """The dict with an embedding, at the top or one level below."""
    top = found if isinstance(found, dict) else {}
    dicts = [top, *(value for value in top.values() if isinstance(value, dict))]
    states = [each for each in dicts if "W_E" in each or "embed.W_E" in each]
    if len(states) != 1:
        raise Unusable(f"it holds {len(states)} state dicts with an embedding W_E, not one")
    return states[0]


def _elements(name: str, tensor: Tensor, numbers: bytes) -> np.ndarray:
    values = np.frombuffer(numbers, _KINDS[tensor.kind])
    steps = list(zip(tensor.shape, tensor.strides, strict=True))
    last = tensor.offset + sum((length - 1) * step for length, step in steps)
    if not 0 < math.prod(tensor.shape) <= len(values) or last >= len(values):
        raise Unusable(f"{name[:40]!r} is empty, or does not fit its storage")
    place = np.full(tensor.shape, tensor.offset)
    for axis, (length, step) in enumerate(steps):
        along = [1] * len(steps)
        along[axis] = length
        place += (step * np.arange(length) if length > 1 else np.zeros(1, int)).reshape(along)
    taken = values[place]
    if taken.dtype == np.uint16:  # bfloat16: the upper half of a float32
        return (taken.astype(np.uint32) << 16).view(np.float32)
    return taken


def _scale(found: Any) -> dict[str, float]:
    """The attention scale in the configuration beside the weights, of which there may be none."""
    things = [found.get(key) for key in _CONFIGURATIONS]
    states = [thing.state if isinstance(thing, Thing) else thing for thing in things]
    said = next((state for state in states if isinstance(state, dict)), {})
    for key, wanted in _ONE_LAYER_OF_ATTENTION.items():
        if said.get(key, wanted) != wanted:
            raise Unusable(f"its configuration has another {key} than one layer of attention")
    if said.get("use_attn_scale", True) is False:
        return {"attn_scale": 1.0}
    scale = said.get("attn_scale")
    return {"attn_scale": scale} if isinstance(scale, float) and scale > 0 else {}
