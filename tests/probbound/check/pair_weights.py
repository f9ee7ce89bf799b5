"""Pair networks as the checker reads them."""

from __future__ import annotations

import numpy as np

from probbound.check.models.pair_mlp.weights import Weights
from probbound.models.pair_mlp.network import PairMLP, weights_of


def weights_read(model: PairMLP) -> Weights:
    """The weights of a model, as they are read from its file."""
    arrays = {name: np.asarray(values, np.float64) for name, values in weights_of(model).items()}
    return Weights(arrays, model.assumed)
