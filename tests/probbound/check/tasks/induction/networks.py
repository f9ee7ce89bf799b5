"""Networks that are asked about induction, as the checker reads them."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from probbound.check.models.transformer.weights import Weights
from probbound.models.transformer.network import GeneralTransformer
from tests.probbound.check.models.transformer import exact
from tests.probbound.check.models.transformer.networks import weights
from tests.probbound.models.transformer.attention_alone.networks import inducing_network


def said(model: GeneralTransformer) -> dict:
    """Its configuration as a file says it."""
    found = asdict(model.architecture)
    return {**found, "windows": list(found["windows"])}


def weights_read(model: GeneralTransformer) -> Weights:
    """The weights of a model, as they are read from its file."""
    return weights(said(model), dict(model.arrays))


def logits(model: GeneralTransformer, tokens: tuple[int, ...]) -> np.ndarray:
    """What comes out after a sequence, from the definition."""
    found = exact.outcomes(said(model), dict(model.arrays), np.array(tokens))[-1]
    return np.array([float(number) for number in found])


def noisy() -> GeneralTransformer:
    """Right on some sequences of 5 of 4 tokens and wrong on others; `pairs` proves half of them."""
    return inducing_network(v=4, n=5, noise=0.1)
