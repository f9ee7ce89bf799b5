"""A chain of matrices by the names of arrays in files, as one writes it on the command line."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.factored import FactoredMatrix
from probbound.machine.errors import UserError
from probbound.models.stored_arrays import Stored
from probbound.noise.term import NoiseTerm

_COMMA = re.compile(r",(?![^\[]*\])")  # none within an index


def chain_term(name_or_path: str | Path, written: str) -> NoiseTerm:
    """The product of matrices named with commas between, nothing taken out of it.

    Each is the name of an array of the file, with an index in brackets and `.T` as `Stored.array`
    reads them; `OTHER.safetensors:NAME` is in another file. It is the product of the stored
    numbers, which float64 holds exactly.

    Raises:
        UserError: if a file cannot be read, a name is unknown (with names near it), one is no
            matrix of finite floats, or neighbours do not fit.
    """
    names = [part.strip() for part in _COMMA.split(written)]
    if not all(names):
        raise UserError(f"a chain is names with commas between, as A,B,C; got {written!r}")
    stored = cache(Stored.of)
    factors = [_matrix(stored(name_or_path), name, stored) for name in names]
    for (a, left), (b, right) in itertools.pairwise(zip(names, factors, strict=True)):
        if left.shape[1] != right.shape[0]:
            raise UserError(
                f"{a} is {left.shape[0]:,} × {left.shape[1]:,} and {b}, the next in the chain, "
                f"{right.shape[0]:,} × {right.shape[1]:,}: columns of the one and rows of the "
                "other must be equal (.T transposes)"
            )
    whole = FactoredMatrix(*factors)
    return NoiseTerm(whole, whole, name=" · ".join(names))


def _matrix(
    stored: Stored, written: str, other: Callable[[str], Stored]
) -> Float[np.ndarray, "m n"]:
    """A matrix of this file, or of the one named before a colon that is in no name or index."""
    name, bracket, index = written.partition("[")
    path, colon, rest = name.rpartition(":")
    if not colon or name in stored.arrays or written in stored.arrays:
        return stored.matrix(written)
    return other(path).matrix(rest + bracket + index)


def given_directions(
    name_or_path: str | Path,
) -> tuple[Float[np.ndarray, "m k"] | None, Float[np.ndarray, "n l"] | None]:
    """The arrays `left` and `right` of a file: directions as columns. One may be missing.

    Raises:
        UserError: if the file cannot be read, both are missing, or one is no matrix of floats.
    """
    stored = Stored.of(name_or_path)
    left, right = (
        stored.matrix(side) if side in stored.arrays else None for side in ("left", "right")
    )
    if left is None and right is None:
        raise UserError(
            f"{stored.path} holds neither left nor right: directions as the columns of arrays of "
            f"these names; it holds {', '.join(list(stored.arrays)[:3])}"
        )
    return left, right
