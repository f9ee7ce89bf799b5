"""The opcodes of a PyTorch pickle, read as data: nothing that the file names is imported or run."""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Name:
    """A global that the pickle names, such as `torch.FloatStorage`."""

    path: str


@dataclass(frozen=True)
class Storage:
    """A run of numbers in the archive: the class that names their type, and the entry's key."""

    kind: str
    key: str


@dataclass(frozen=True)
class StoredTensor:
    """A strided view of a storage, all in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass
class Opaque:
    """An object of a class that is not known here: its name, and the state the pickle gave it."""

    path: str
    state: Any = None


@dataclass
class _Machine:
    stack: list[Any] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def pop_marked(self) -> list[Any]:
        at = self.marks.pop()
        items = self.stack[at:]
        del self.stack[at:]
        return items


def read_pickle(data: bytes) -> Any:
    """What the pickle describes: plain values, dicts, lists and tuples, and the classes above.

    Dict keys other than text and integers are dropped. Time and memory are linear in len(data).

    Raises:
        ValueError: if it is damaged, or uses an opcode that PyTorch does not write.
    """
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name == "STOP":
                return machine.stack[-1]
            if opcode.name in _CONSTANTS:
                machine.stack.append(_CONSTANTS[opcode.name])
            elif opcode.name in _LITERALS:
                machine.stack.append(argument)
            elif opcode.name in _STEPS:
                _STEPS[opcode.name](machine, argument)
            else:
                raise ValueError(f"a PyTorch file has no opcode {opcode.name}")
    except (IndexError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the pickle is damaged ({type(error).__name__}: {error})") from error
    raise ValueError("the pickle has no end")


def _reduce(machine: _Machine, _: Any) -> None:
    arguments = machine.stack.pop()
    called = machine.stack.pop()
    machine.stack.append(_made(called, arguments))


def _made(called: Any, arguments: Any) -> Any:
    if not isinstance(called, Name) or not isinstance(arguments, tuple):
        raise ValueError("the pickle calls something that is not a class")
    if called.path == "collections.OrderedDict" and not arguments:
        return {}
    if called.path == "torch._utils._rebuild_parameter":
        return arguments[0]
    if called.path == "torch._utils._rebuild_tensor_v2":
        storage, offset, shape, strides = arguments[:4]
        if any(arguments[6:]):
            raise ValueError("a tensor is to be read as the negative or the conjugate of another")
        if not isinstance(storage, Storage):
            raise ValueError("a tensor without a storage")
        return StoredTensor(storage, _whole(offset), _wholes(shape), _wholes(strides))
    return Opaque(called.path)


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"a tensor has {value!r} where a length belongs")
    return value


def _wholes(values: Any) -> tuple[int, ...]:
    if not isinstance(values, tuple):
        raise ValueError("a tensor's shape is not a tuple")
    return tuple(map(_whole, values))


def _storage(machine: _Machine, _: Any) -> None:
    kind, name, key = machine.stack.pop()[:3]
    if kind != "storage" or not isinstance(name, Name) or not isinstance(key, str):
        raise ValueError("a tensor's storage is not described as PyTorch does")
    machine.stack.append(Storage(name.path, key))


def _global(machine: _Machine, argument: str) -> None:
    machine.stack.append(Name(argument.replace(" ", ".")))


def _stack_global(machine: _Machine, _: Any) -> None:
    name = machine.stack.pop()
    machine.stack.append(Name(f"{machine.stack.pop()}.{name}"))


def _new_object(machine: _Machine, _: Any) -> None:
    machine.stack.pop()
    machine.stack.append(Opaque(machine.stack.pop().path))


def _build(machine: _Machine, _: Any) -> None:
    state = machine.stack.pop()
    if isinstance(machine.stack[-1], Opaque):
        machine.stack[-1].state = state


def _mark(machine: _Machine, _: Any) -> None:
    machine.marks.append(len(machine.stack))


def _put(machine: _Machine, index: int | None) -> None:
    machine.memo[len(machine.memo) if index is None else index] = machine.stack[-1]


def _get(machine: _Machine, index: int) -> None:
    machine.stack.append(machine.memo[index])


def _pop(machine: _Machine, _: Any) -> None:
    machine.stack.pop()


def _drop_marked(machine: _Machine, _: Any) -> None:
    machine.pop_marked()


def _set_items(machine: _Machine, _: Any) -> None:
    _extend(machine, machine.pop_marked())


def _set_item(machine: _Machine, _: Any) -> None:
    value = machine.stack.pop()
    key = machine.stack.pop()
    _extend(machine, [key, value])


def _extend(machine: _Machine, items: list[Any]) -> None:
    owner = machine.stack[-1]
    if isinstance(owner, Opaque):
        return
    for key, value in zip(items[::2], items[1::2], strict=True):
        if isinstance(key, str | int):
            owner[key] = value


def _append(machine: _Machine, _: Any) -> None:
    item = machine.stack.pop()
    _appended(machine, [item])


def _appends(machine: _Machine, _: Any) -> None:
    _appended(machine, machine.pop_marked())


def _appended(machine: _Machine, items: list[Any]) -> None:
    if not isinstance(machine.stack[-1], Opaque):
        machine.stack[-1].extend(items)


def _tuple_of(length: int) -> Callable[[_Machine, Any], None]:
    def step(machine: _Machine, _: Any) -> None:
        items = tuple(machine.stack[-length:])
        if len(items) < length:
            raise IndexError("the stack is too short")
        del machine.stack[-length:]
        machine.stack.append(items)

    return step


def _tuple(machine: _Machine, _: Any) -> None:
    machine.stack.append(tuple(machine.pop_marked()))


def _ignore(machine: _Machine, _: Any) -> None:
    pass


_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_LITERALS = frozenset(
    (
        *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
        *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
        *("BINBYTES", "SHORT_BINBYTES", "BINSTRING", "SHORT_BINSTRING"),
    )
)
_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": _ignore,
    "FRAME": _ignore,
    "EMPTY_DICT": lambda machine, _: machine.stack.append({}),
    "EMPTY_LIST": lambda machine, _: machine.stack.append([]),
    "EMPTY_SET": lambda machine, _: machine.stack.append(Opaque("builtins.set")),
    "ADDITEMS": _drop_marked,
    "MARK": _mark,
    "POP": _pop,
    "POP_MARK": _drop_marked,
    "BINPUT": _put,
    "LONG_BINPUT": _put,
    "MEMOIZE": _put,
    "BINGET": _get,
    "LONG_BINGET": _get,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "APPEND": _append,
    "APPENDS": _appends,
    "TUPLE": _tuple,
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _reduce,
    "NEWOBJ": _new_object,
    "BUILD": _build,
    "BINPERSID": _storage,
}
