"""The nearly uniform transformer of pairs as everybody outside sees it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from probbound.models.room import NetworkRoom, Sizes
from probbound.models.uniform_pair.building import built
from probbound.models.uniform_pair.importing import network_in, speaks_of
from probbound.models.uniform_pair.network import UniformPair, logits, weights_of
from probbound.models.uniform_pair.stating import configuration_of, parts_of, sizes_of

_ROWS = 1 << 12


def _preamble(model: UniformPair) -> str:
    return f"{model.kind} attn_coeff {float(model.attn_coeff).hex()}"


def _arrays(model: UniformPair) -> dict[str, np.ndarray]:
    return {name: np.asarray(values) for name, values in weights_of(model).items()}


def _flops(model: UniformPair) -> int:
    """Operations of one answer of the folded network (Theorem 8.3), a bias among its features."""
    size = sizes_of(model)
    features = size["d_mlp"] + size["d_model"] + 1
    return features + size["d_mlp"] + 2 * features * size["d_vocab_out"]


def _logits(
    model: UniformPair, tokens: Int[np.ndarray, "n 2"], dtype: type
) -> Float[np.ndarray, "n answers"]:
    parts = [logits(model, tokens[at : at + _ROWS], dtype) for at in range(0, len(tokens), _ROWS)]
    return np.concatenate(parts)


NETWORK = NetworkRoom[UniformPair](
    kind=UniformPair.kind,
    recognises=lambda _: False,  # weights alone do not tell how they are attended to
    build=built,
    preamble=_preamble,
    arrays=_arrays,
    configuration=configuration_of,
    parts=parts_of,
    notice=lambda _: "",
    flops=_flops,
    logits=_logits,
    sizes=Sizes.of,
    speaks_of=speaks_of,
    imported=network_in,
)
