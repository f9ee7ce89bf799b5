"""Which nearly uniform transformer a claim is about: all of it is read in its file."""

from __future__ import annotations

from typing import Any

import numpy as np

from probbound.models.stating import sourced
from probbound.models.uniform_pair.names import COEFFICIENT, FORM, SIZES, WEIGHT_SHAPES
from probbound.models.uniform_pair.network import UniformPair, weights_of


def parts_of(model: UniformPair) -> dict[str, dict[str, Any]]:
    """The network as it stands in a claim: each part with its `value`, `read`."""
    values = {
        "layers": 1,
        "heads": len(model.W_Q),
        **FORM,
        "attention_coefficient": model.attn_coeff,
        "operands": "shared" if model.W_E2 is None else "own",
    }
    return sourced(values, ())


def configuration_of(model: UniformPair) -> dict[str, Any]:
    """What a file says beside the weights: sizes, form and coefficient."""
    return {**sizes_of(model), **FORM, COEFFICIENT: model.attn_coeff}


def sizes_of(model: UniformPair) -> dict[str, int]:
    """Each size by its name."""
    found = {
        axis: size
        for weight, values in weights_of(model).items()
        for axis, size in zip(WEIGHT_SHAPES[weight], np.shape(values), strict=True)
    }
    return {name: found[name] for name in SIZES}
