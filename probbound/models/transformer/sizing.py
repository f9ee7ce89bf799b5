"""σ and α of every matrix of a network, rounded up (Theorems 9.2 and 9.8)."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.rounding import inflated
from probbound.machine.progress import track
from probbound.models.transformer.assembling import MatrixSizes
from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.radii import UNDERFLOW
from probbound.noise.norms import stored_spectral_upper, stored_spectral_upper_flops

_MOST_KNOWN = 1 << 12
_KNOWN: dict[str, MatrixSizes] = {}  # by what a matrix holds, so that none is altered unseen


def sizes_of(model: GeneralTransformer) -> dict[str, MatrixSizes]:
    """The sizes of every matrix that activations are multiplied by, but for the unembedding.

    Those of a matrix with the same numbers, of this network or another, are found once.
    """
    names = list(_matrices(model))
    with np.errstate(all="ignore"):
        return {
            name: _known(model.arrays[name], together=name.endswith("W_O"))
            for name in track(names, "sizes of matrices")
        }


def sizes_flops(*models: GeneralTransformer) -> int:
    """Operations of `sizes_of`: of each matrix, each head's by itself and its outputs together."""
    matrices = {
        _content(model.arrays[name], together=name.endswith("W_O")): (name, model.arrays[name])
        for model in models
        for name in _matrices(model)
    }
    return sum(_once(name, values) for name, values in matrices.values())


def sizes_price(model: GeneralTransformer) -> int:
    """Operations of `sizes_of`, were no two matrices the same (Definition 9.7)."""
    return sum(_once(name, model.arrays[name]) for name in _matrices(model))


def _once(name: str, values: np.ndarray) -> int:
    heads, (rows, columns) = values.shape[:-2], values.shape[-2:]
    each = _flops(rows, columns) * (heads[0] if heads else 1)
    return each + (_flops(heads[0] * rows, columns) if name.endswith("W_O") else 0)


def _flops(rows: int, columns: int) -> int:
    return stored_spectral_upper_flops((rows, columns)) + 5 * rows * columns


def _matrices(model: GeneralTransformer) -> Iterator[str]:
    for name in model.arrays:
        if name.startswith(("blocks.", "head.")) and name.rpartition(".")[2].startswith("W"):
            yield name


def _known(values: np.ndarray, *, together: bool) -> MatrixSizes:
    content = _content(values, together=together)
    found = _KNOWN.get(content)
    if found is None:
        found = _sized(values.astype(np.float64), together=together)
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[content] = found
    return found


def _content(values: np.ndarray, *, together: bool) -> str:
    """What a matrix goes by: shape, type and numbers, and whether its heads are one matrix too."""
    found = hashlib.sha256(f"{values.shape} {values.dtype.str} {together}\n".encode())
    found.update(np.ascontiguousarray(values).data)
    return found.hexdigest()


def _sized(values: Float[np.ndarray, "*heads rows columns"], *, together: bool) -> MatrixSizes:
    if values.ndim == 2:
        return MatrixSizes(np.array(_spectral(values)), np.array(_absolute(values)))
    spectral = np.array([_spectral(each) for each in values])
    absolute = np.array([_absolute(each) for each in values])
    if not together:
        return MatrixSizes(spectral, absolute)
    whole = values.reshape(-1, values.shape[-1])
    return MatrixSizes(spectral, absolute, (_spectral(whole), _absolute(whole)))


def _spectral(matrix: Float[np.ndarray, "rows columns"]) -> float:
    """‖W‖₂ rounded up (9.8), and raised by what underflows."""
    return stored_spectral_upper(matrix) + UNDERFLOW


def _absolute(matrix: Float[np.ndarray, "rows columns"]) -> float:
    """‖|W|‖₂ from above: by Frobenius' norm, or the largest sums of rows and columns."""
    sizes, (rows, columns) = np.abs(matrix), matrix.shape
    sums = math.sqrt(float(sizes.sum(axis=0).max()) * float(sizes.sum(axis=1).max()))
    return inflated(min(sums, float(np.linalg.norm(sizes))), rows * columns) + UNDERFLOW
