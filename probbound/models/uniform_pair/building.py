"""From named arrays and what is said beside them to a nearly uniform transformer of pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from probbound.machine.errors import UserError
from probbound.models.files import Held, told_beside
from probbound.models.uniform_pair.names import COEFFICIENT, FORM, OPTIONAL, SIZES, WEIGHT_SHAPES
from probbound.models.uniform_pair.network import UniformPair, require_finite
from probbound.models.uniform_pair.stating import sizes_of


def built(held: Held, path: Path) -> UniformPair:
    """The network in a file, named after it; its configuration has to say form and coefficient.

    Raises:
        UserError: if a weight is missing, unknown, misshapen or not finite, or the file does not
            say its form, says another, other sizes, or what is not known.
    """
    for name, values in held.tensors.items():
        if name not in WEIGHT_SHAPES:
            raise UserError(f"{path} holds {name}, which a network of this kind does not have")
        if not np.issubdtype(values.dtype, np.floating):
            raise UserError(f"{name} in {path} must hold floats, got {values.dtype}")
    wanted = [name for name in WEIGHT_SHAPES if name not in OPTIONAL]
    if missing := [name for name in wanted if name not in held.tensors]:
        raise UserError(f"{path} has no weight {missing[0]}")
    told = told_beside(held, path, {*FORM, *SIZES, COEFFICIENT})
    if unsaid := [name for name in (COEFFICIENT, *FORM) if name not in told]:
        raise UserError(f"the configuration in {path} must say {unsaid[0]}, which it does not")
    coefficient = told.pop(COEFFICIENT)
    if type(coefficient) is not float:
        raise UserError(f"{COEFFICIENT} in {path} must be a float, got {coefficient!r}")
    tensors: dict[str, Any] = dict(held.tensors)
    model = UniformPair(**tensors, attn_coeff=coefficient, name=path.stem)
    right = {**FORM, **sizes_of(model)}
    for name, value in told.items():
        if type(value) is not type(right[name]) or value != right[name]:
            raise UserError(
                f"{path} is of a network that is not computed with: {name} is {value!r}, not "
                f"{right[name]!r}"
            )
    require_finite(model)
    return model
