"""The one-layer attention-only transformer as everybody outside sees it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from probbound.models.attention_only.assembling import built
from probbound.models.attention_only.importing import network_in
from probbound.models.attention_only.logits import logits
from probbound.models.attention_only.names import STATE_DICT, is_weight
from probbound.models.attention_only.stating import configuration_of, notice, parts_of
from probbound.models.attention_only.transformer import WEIGHT_SHAPES, Transformer, forward_flops
from probbound.models.room import NetworkRoom, Sizes


def _recognises(names: Collection[str]) -> bool:
    return any(is_weight(name) for name in names)


def _preamble(model: Transformer) -> str:
    return f"attn_scale {float(model.attn_scale).hex()}"


def _arrays(model: Transformer) -> dict[str, np.ndarray]:
    return {name: np.asarray(getattr(model, name)) for name in WEIGHT_SHAPES}


NETWORK = NetworkRoom[Transformer](
    kind=Transformer.kind,
    recognises=_recognises,
    build=built,
    preamble=_preamble,
    arrays=_arrays,
    configuration=configuration_of,
    parts=parts_of,
    notice=notice,
    flops=forward_flops,
    logits=logits,
    sizes=Sizes.of,
    file_names=STATE_DICT,
    imported=network_in,
)
