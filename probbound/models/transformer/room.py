"""A transformer as everybody outside sees it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from probbound.models.room import NetworkRoom, Sizes
from probbound.models.transformer.building import built, recognises
from probbound.models.transformer.flops import forward_flops
from probbound.models.transformer.importing import network_in, speaks_if_asked, speaks_of
from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.running import outcomes
from probbound.models.transformer.stating import parts_of


def _preamble(model: GeneralTransformer) -> str:
    return f"{model.kind} {model.architecture.canonical()}"


def _arrays(model: GeneralTransformer) -> dict[str, np.ndarray]:
    return dict(model.arrays)


def _configuration(model: GeneralTransformer) -> dict[str, Any]:
    return model.architecture.to_json()


def _notice(model: GeneralTransformer) -> str:
    return ""


def _flops(model: GeneralTransformer) -> int:
    return forward_flops(model, model.n_ctx)


def _logits(
    model: GeneralTransformer, tokens: Int[np.ndarray, "n t"], dtype: type
) -> Float[np.ndarray, "n answers"]:
    return outcomes(model, tokens, dtype).astype(np.float64)


def _sizes(model: GeneralTransformer) -> Sizes:
    return replace(Sizes.of(model), shorter=True)


NETWORK = NetworkRoom[GeneralTransformer](
    kind=GeneralTransformer.kind,
    recognises=recognises,
    build=built,
    preamble=_preamble,
    arrays=_arrays,
    configuration=_configuration,
    parts=parts_of,
    notice=_notice,
    flops=_flops,
    logits=_logits,
    sizes=_sizes,
    imported=network_in,
    speaks_of=speaks_of,
    speaks_if_asked=speaks_if_asked,
)
