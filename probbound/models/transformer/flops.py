"""Operations of transformers' answers to one row, from the very stages that run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from probbound.arithmetic.operations import floats, integers, operations
from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.arrays import shapes
from probbound.models.transformer.assembling import Assembly, MatrixSizes
from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.operations import Operations
from probbound.models.transformer.plain import Plain
from probbound.models.transformer.radii import Radii
from probbound.models.transformer.sharing import Shared
from probbound.models.transformer.stages import Stretch, stages_of


@dataclass(frozen=True)
class JointFlops:
    """Operations of what all rows begin with, once, and of each row behind it (Theorem 9.13)."""

    once: int
    each: int


def forward_flops(model: GeneralTransformer, length: int) -> int:
    """Operations of the outcomes of the last position of one row of `length` tokens."""
    return _alone(model, length, Plain())


def radii_flops(model: GeneralTransformer, length: int) -> int:
    """Those of a pass that keeps radii; the sizes of matrices are not among them."""
    return _alone(model, length, Radii())


def joint_flops(
    models: Sequence[GeneralTransformer], length: int, share: Shared, ops: Operations[Any]
) -> JointFlops:
    """Operations of the outcomes of all networks, with what they share run once."""

    def of_all(stages: Sequence[int], start: int, stop: int) -> int:
        """The stages that are alike once, the others of each network."""
        common, whole = [], []
        for model, most in zip(models, stages, strict=True):
            a, names = model.architecture, frozenset(model.arrays)
            common.append(_counted(a, names, min(share.alike, most), start, stop, ops))
            whole.append(_counted(a, names, most, start, stop, ops))
        return sum(whole) - sum(common[1:])

    sizes = [len(stages_of(model.architecture)) for model in models]
    once = of_all([each - 1 for each in sizes], 0, share.prefix) if share.prefix else 0
    return JointFlops(once, of_all(sizes, share.prefix, length))


def _alone(model: GeneralTransformer, length: int, ops: Operations[Any]) -> int:
    a = model.architecture
    return _counted(a, frozenset(model.arrays), len(stages_of(a)), 0, length, ops)


@lru_cache(maxsize=1 << 8)
def _counted(
    a: Architecture, names: frozenset[str], stages: int, start: int, stop: int, ops: Operations[Any]
) -> int:
    """Operations of the first so many stages at positions `start` to `stop` - 1 of one row."""
    wanted = shapes(a)
    arrays = {name: floats(*wanted[name].axes) for name in sorted(names)}
    sizes = {name: _placeholder(name, shape.shape) for name, shape in arrays.items()}

    def stretch(arrays: Mapping[str, Any], pasts: Mapping[int, Any]) -> Stretch[Any]:
        return Stretch(ops, Assembly(a, arrays, sizes=sizes), range(stages), pasts=pasts)

    def before(arrays: Mapping[str, Any], tokens: Any) -> Mapping[int, Any]:
        return stretch(arrays, {}).begun(tokens, start)[1].pasts

    def answer(arrays: Mapping[str, Any], pasts: Mapping[int, Any], tokens: Any) -> Any:
        return stretch(arrays, pasts)(tokens, start, stop, np.full(1, stop - 1))

    with jax.enable_x64(True):
        pasts = jax.eval_shape(before, arrays, integers(1, start)) if start else {}
    return operations(answer, arrays, pasts, integers(1, stop - start))


def _placeholder(name: str, shape: tuple[int, ...]) -> MatrixSizes:
    """Sizes whose values do not matter."""
    each = np.ones(shape[:-2])
    return MatrixSizes(each, each, (1.0, 1.0) if name.endswith("W_O") else None)
