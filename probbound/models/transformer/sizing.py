"""σ and α of every matrix of a network, rounded up (Theorems 9.2 and 9.8)."""

from __future__ import annotations

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


def sizes_of(model: GeneralTransformer) -> dict[str, MatrixSizes]:
    """The sizes of every matrix that activations are multiplied by, but for the unembedding."""
    names = list(_matrices(model))
    with np.errstate(all="ignore"):
        return {
            name: _sized(model.arrays[name].astype(np.float64), together=name.endswith("W_O"))
            for name in track(names, "sizes of matrices")
        }


def sizes_flops(model: GeneralTransformer) -> int:
    """Operations of `sizes_of`: of each matrix, each head's by itself and its outputs together."""
    total = 0
    for name in _matrices(model):
        shape = model.arrays[name].shape
        heads, (rows, columns) = shape[:-2], shape[-2:]
        each = _flops(rows, columns)
        total += each * (heads[0] if heads else 1)
        if name.endswith("W_O"):
            total += _flops(heads[0] * rows, columns)
    return total


def _flops(rows: int, columns: int) -> int:
    return stored_spectral_upper_flops((rows, columns)) + 5 * rows * columns


def _matrices(model: GeneralTransformer) -> Iterator[str]:
    for name in model.arrays:
        if name.startswith(("blocks.", "head.")) and name.rpartition(".")[2].startswith("W"):
            yield name


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
