"""From named arrays and what is said beside them to a pair network, or a refusal by name."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from probbound.machine.errors import UserError
from probbound.models.files import Held, told_beside
from probbound.models.pair_mlp.names import ALWAYS, FORM, SIZES, WEIGHT_SHAPES
from probbound.models.pair_mlp.network import PairMLP, require_finite


def recognises(names: Collection[str]) -> bool:
    """Whether arrays of such names are those of a pair network, and of nothing more."""
    return set(ALWAYS) <= set(names) <= set(WEIGHT_SHAPES)


def built(held: Held, path: Path) -> PairMLP:
    """The network in a file, named after it.

    `config` beside the weights may be a JSON object of FORM and sizes; what it does not say of the
    form is assumed, and named in `assumed` of the network. Nothing else may be beside them, but the
    name of a framework as `format`.

    Raises:
        UserError: if a weight is missing, unknown, misshapen or not finite, or the file says
            another form, other sizes, or what is not known.
    """
    for name, values in held.tensors.items():
        if name not in WEIGHT_SHAPES:
            raise UserError(f"{path} holds {name}, which a pair network does not have")
        if not np.issubdtype(values.dtype, np.floating):
            raise UserError(f"{name} in {path} must hold floats, got {values.dtype}")
    if missing := [name for name in ALWAYS if name not in held.tensors]:
        raise UserError(f"{path} has no weight {missing[0]}")
    told = told_beside(held, path, {*FORM, *SIZES})
    assumed = frozenset(part for part in FORM if part not in told)
    tensors: dict[str, Any] = dict(held.tensors)
    model = PairMLP(**tensors, name=path.stem, assumed=assumed)
    for name, value in told.items():
        wanted = FORM.get(name) or getattr(model, name)
        if type(value) is not type(wanted) or value != wanted:
            raise UserError(
                f"{path} is of a network that is not computed with: {name} is {value!r}, not "
                f"{wanted!r}"
            )
    require_finite(model)
    return model
