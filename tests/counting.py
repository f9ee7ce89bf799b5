"""What NumPy code takes, counted while it runs: what formulas of operations are held to.

An array that adds up the sizes of what ufuncs make of it, by the rules of
`probbound.arithmetic.operations`. Integers are counted apart: an array cannot tell whether they
only say where data lie. Of what LAPACK does the usual counts are taken (Golub and Van Loan).
A function without a rule raises, so that nothing is free by accident. Numbers that are no arrays
are not counted: a test states what it leaves to them.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from probbound.contract.cost import CostMeter, Part, RunningPhase
from probbound.machine.parallel import at_most_threads


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MADE = _names(
    """arange array asarray ascontiguousarray asfortranarray empty empty_like eye full linspace
    ones ones_like zeros zeros_like"""
)
_MOVES = _names(
    """append argwhere array_split atleast_1d atleast_2d broadcast_arrays broadcast_to concatenate
    copy copyto diagonal empty_like expand_dims flatnonzero flip full_like hstack
    iscomplexobj isrealobj moveaxis nonzero ones_like packbits ravel repeat reshape roll shape size
    split squeeze stack swapaxes take take_along_axis tile transpose unpackbits vstack where
    zeros_like put_along_axis ndim result_type pad delete isscalar"""
)
_OF_UFUNCS = _names(
    """all amax amin any clip cumsum diff max maximum mean min multi_dot ptp prod round square
    std sum var"""
)
_LOGIC = _names("isfinite isnan logical_and logical_or logical_not logical_xor")


@dataclass
class Count:
    """Operations on floats, and on integers."""

    floats: int = 0
    integers: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, number: int, *operands: Any, summed: bool = False) -> None:
        """So many operations on such operands; of truth values, only to count them is one."""
        kinds = {np.asarray(x).dtype.kind for x in operands}
        with self.lock:
            if kinds & set("fc"):
                self.floats += number
            elif kinds - {"b"} or summed:
                self.integers += number


_running: list[Count] = []


class Counted(np.ndarray):
    """An array whose arithmetic is counted."""

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        inputs = tuple(_plain(x) for x in inputs)
        if out is not None:
            options["out"] = tuple(_plain(x) for x in out)
        if "where" in options:
            options["where"] = _plain(options["where"])
        found = getattr(ufunc, method)(*inputs, **options)
        if _running and ufunc.__name__ not in _LOGIC:
            number, summed = _of_ufunc(ufunc, method, inputs, found), ufunc is np.add
            _running[-1].add(number, *inputs[: ufunc.nin], summed=summed)
        return _counted(found if out is None else out[0] if len(out) == 1 else out)

    def __array_function__(self, func, types, args, kwargs):
        name = func.__name__
        if name in _OF_UFUNCS:
            return super().__array_function__(func, types, args, kwargs)
        plain, options = _plain(args), _plain(kwargs)
        found = func(*plain, **options)
        if name in _MOVES:
            return _counted(found)
        if name not in _PRICES:
            raise NotImplementedError(f"tests/counting.py has no rule for numpy.{name}")
        summed = name == "count_nonzero"
        _running[-1].add(_PRICES[name](*plain, **options), *_operands(plain), summed=summed)
        return _counted(found)

    def argmax(self, *args: Any, **options: Any) -> Any:
        return np.argmax(self, *args, **options)

    def argmin(self, *args: Any, **options: Any) -> Any:
        return np.argmin(self, *args, **options)

    def dot(self, *args: Any, **options: Any) -> Any:
        return np.dot(self, *args, **options)

    def argsort(self, *args: Any, **options: Any) -> Any:
        return np.argsort(self, *args, **options)


@contextmanager
def counting() -> Iterator[Count]:
    """Count what happens to arrays made in the block, by one thread at a time."""
    made = {name: getattr(np, name) for name in _MADE}
    _running.append(Count())
    for name, function in made.items():
        setattr(np, name, _counting_maker(function))
    try:
        with at_most_threads(1):
            yield _running[-1]
    finally:
        for name, function in made.items():
            setattr(np, name, function)
        _running.pop()


@dataclass
class CountingMeter(CostMeter):
    """A meter that keeps beside the operations of each phase what NumPy was seen to do in it.

    For use within `counting`.
    """

    seen: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str, part: Part, flops: int = 0) -> Iterator[RunningPhase]:
        floats, integers = _running[-1].floats, _running[-1].integers
        with super().phase(name, part, flops) as phase:
            yield phase
        count = _running[-1]
        self.seen[name] = phase.flops, count.floats - floats, count.integers - integers


def uncounted(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, whose own operations are not counted: one that has no price."""

    def run(*args: Any, **options: Any) -> Any:
        _running.append(Count())
        try:
            return function(*args, **options)
        finally:
            _running.pop()

    return run


def counted(value: np.ndarray) -> np.ndarray:
    """The same array, counted."""
    return value.view(Counted)


def _counting_maker(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **options: _counted(function(*_plain(args), **_plain(options)))


def _counted(value: Any) -> Any:
    if type(value) is np.ndarray:
        return value.view(Counted)
    if isinstance(value, (tuple, list)):
        made = [_counted(x) for x in value]
        return type(value)(*made) if hasattr(value, "_fields") else type(value)(made)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Counted):
        return value.view(np.ndarray)
    if isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        return type(value)(_plain(x) for x in value)
    if isinstance(value, dict):
        return {key: _plain(x) for key, x in value.items()}
    return value


def _operands(args: Any) -> list[np.ndarray]:
    flat = []
    for x in args:
        flat += _operands(x) if isinstance(x, tuple | list) else [x]
    return [x for x in flat if isinstance(x, np.ndarray)]


def _of_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], found: Any) -> int:
    if ufunc.__name__ == "matmul":
        return 2 * np.size(found) * np.shape(inputs[0])[-1]
    if method in ("reduce", "accumulate"):
        return np.size(inputs[0])
    if method == "at":
        return np.size(inputs[1])
    return np.size(found[0] if isinstance(found, tuple) else found)


def _einsum(subscripts: str, *operands: np.ndarray, **_: Any) -> int:
    sizes: dict[str, int] = {}
    for letters, operand in zip(subscripts.split("->")[0].split(","), operands, strict=True):
        sizes |= dict(zip(letters, operand.shape, strict=True))
    return len(operands) * math.prod(sizes.values())


def _norm(x: np.ndarray, order: Any = None, axis: Any = None, **_: Any) -> int:
    if order == 2 and x.ndim == 2 and axis is None:
        return 4 * max(x.shape) * min(x.shape) ** 2
    return 2 * x.size


def _sorted(x: np.ndarray, *_: Any, **__: Any) -> int:
    return x.size * max(x.size - 1, 0).bit_length()


def _dot(a: np.ndarray, b: np.ndarray, **_: Any) -> int:
    return 2 * np.size(a) * (b.shape[-1] if b.ndim == 2 else 1)


_PRICES: dict[str, Callable[..., int]] = {
    "argmax": lambda x, *_, **__: x.size,
    "argmin": lambda x, *_, **__: x.size,
    "argsort": _sorted,
    "bincount": lambda x, *_, **__: x.size,
    "cholesky": lambda x: len(x) ** 3 // 3,
    "count_nonzero": lambda x, *_, **__: np.size(x),
    "dot": _dot,
    "eigh": lambda x: 9 * len(x) ** 3,
    "eigvalsh": lambda x: 4 * len(x) ** 3 // 3,
    "einsum": _einsum,
    "median": lambda x, **_: np.size(x),
    "norm": _norm,
    "outer": lambda a, b: np.size(a) * np.size(b),
    "quantile": lambda x, *_, **__: _sorted(x),
    "interp": lambda x, ends, *_: np.size(x) * (len(ends).bit_length() + 4),
    "qr": lambda x: 4 * max(x.shape) * min(x.shape) ** 2,
    "searchsorted": lambda ends, x, *_, **__: np.size(x) * len(ends).bit_length(),
    "unique": lambda x, **_: _sorted(x),
    "isin": lambda x, *_, **__: _sorted(x),
    "sort": _sorted,
    "svd": lambda x, **_: 22 * min(x.shape) ** 3,
    "vdot": lambda a, b: 2 * np.size(a),
}
