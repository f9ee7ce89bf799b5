"""The pair network as everybody outside sees it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from probbound.models.pair_mlp.building import built, recognises
from probbound.models.pair_mlp.importing import network_in, speaks_of
from probbound.models.pair_mlp.network import PairMLP, forward_flops, weights_of, with_weights
from probbound.models.pair_mlp.stating import configuration_of, notice, parts_of
from probbound.models.room import NetworkRoom, Sizes

_ROWS = 1 << 12


def _preamble(model: PairMLP) -> str:
    return model.kind


def _arrays(model: PairMLP) -> dict[str, np.ndarray]:
    return {name: np.asarray(values) for name, values in weights_of(model).items()}


def _logits(
    model: PairMLP, tokens: Int[np.ndarray, "n 2"], dtype: type
) -> Float[np.ndarray, "n answers"]:
    plain = with_weights(model, {name: x.astype(dtype) for name, x in _arrays(model).items()})
    parts = [plain.plain(tokens[at : at + _ROWS]) for at in range(0, len(tokens), _ROWS)]
    return np.concatenate(parts).astype(np.float64)


NETWORK = NetworkRoom[PairMLP](
    kind=PairMLP.kind,
    recognises=recognises,
    build=built,
    preamble=_preamble,
    arrays=_arrays,
    configuration=configuration_of,
    parts=parts_of,
    notice=notice,
    flops=forward_flops,
    logits=_logits,
    sizes=Sizes.of,
    speaks_of=speaks_of,
    imported=network_in,
)
