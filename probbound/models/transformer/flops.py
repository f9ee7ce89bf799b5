"""Operations of a transformer's answer to one row, from the very stages that run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from probbound.arithmetic.operations import floats, integers, operations
from probbound.models.transformer import forward
from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.arrays import shapes
from probbound.models.transformer.assembling import Assembly, MatrixSizes
from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.operations import Operations
from probbound.models.transformer.plain import Plain
from probbound.models.transformer.radii import Radii


def forward_flops(model: GeneralTransformer, length: int) -> int:
    """Operations of the outcomes of the last position of one row of `length` tokens."""
    return _counted(model.architecture, frozenset(model.arrays), length, Plain())


def radii_flops(model: GeneralTransformer, length: int) -> int:
    """Those of a pass that keeps radii; the sizes of matrices are not among them."""
    return _counted(model.architecture, frozenset(model.arrays), length, Radii())


@lru_cache(maxsize=1 << 6)
def _counted(a: Architecture, names: frozenset[str], length: int, ops: Operations[Any]) -> int:
    wanted = shapes(a)
    arrays = {name: floats(*wanted[name].axes) for name in sorted(names)}
    sizes = {name: _placeholder(name, shape.shape) for name, shape in arrays.items()}

    def answer(arrays: Mapping[str, Any], tokens: Any) -> Any:
        made = Assembly(a, arrays, sizes=sizes)
        by = made.embedding()
        x = forward.embedded(ops, a, by, tokens)
        for layer, window in enumerate(a.windows):
            x = forward.through(ops, a, window, made.block(layer), by.W_pos, x, length)
        return forward.answered(ops, a, made.head(), ops.last(x))

    return operations(answer, arrays, integers(1, length))


def _placeholder(name: str, shape: tuple[int, ...]) -> MatrixSizes:
    """Sizes whose values do not matter."""
    each = np.ones(shape[:-2])
    return MatrixSizes(each, each, (1.0, 1.0) if name.endswith("W_O") else None)
