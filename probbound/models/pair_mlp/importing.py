"""Pair networks of others: model D of fjzzq2002/pizza, both embeddings side by side into ReLU."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from probbound.machine.errors import UserError
from probbound.models.imported import Imported
from probbound.models.pair_mlp.network import PairMLP
from probbound.models.pair_mlp.stating import configuration_of
from probbound.models.settings_beside import modulus_in, settings_beside

_WEIGHTS = {"embed.weight": 2, "l1.weight": 2, "l1.bias": 1, "unembed.weight": 2}  # their axes
_SETTINGS = frozenset(
    [
        *("C", "model_type", "n_vocab", "d_model", "d_hidden"),
        *("name", "funcs", "func", "runid", "epoch", "batch_size", "lr", "weight_decay", "frac"),
    ]
)


def speaks_of(content: Any, config: str | None = None, weights: str | None = None) -> bool:
    """Whether a file holds these weights, and nothing more."""
    return isinstance(content, Mapping) and set(content) == set(_WEIGHTS)


def network_in(
    content: Mapping[str, np.ndarray], path: Path, config: str | None, weights: str | None
) -> Imported[PairMLP]:
    """The network of a state dict and of its settings beside it; that its neurons are ReLU no
    setting says, so it is assumed.

    Raises:
        UserError: if weights do not fit, or the settings are of another network.
    """
    if weights is not None:
        raise UserError(f"{path} holds one state dict alone; leave --weights out")
    told = settings_beside(config, path, _SETTINGS)
    classes = modulus_in(told, str(config))
    if told.get("model_type") != "D":
        raise UserError(f"{config} is not of these weights: model_type must be D")
    for name, axes in _WEIGHTS.items():
        if content[name].ndim != axes:
            raise UserError(f"{name} in {path} has shape {content[name].shape}, not {axes} axes")
    into, tokens = content["l1.weight"], content["embed.weight"]
    width = tokens.shape[1]
    if into.shape[1] != 2 * width or classes != len(tokens):
        raise UserError(
            f"l1.weight of {path} reads {into.shape[1]} numbers, two embeddings have {2 * width}; "
            f"there are {len(tokens)} tokens, and {config} says C = {classes}"
        )
    model = PairMLP(
        W_E=tokens,
        W_in=into[:, :width].T,
        W_in2=into[:, width:].T,
        b_in=content["l1.bias"],
        W_U=content["unembed.weight"].T,
        name=path.stem,
        assumed=frozenset({"activation"}),
    )
    said = configuration_of(model)
    record = {"task": "modular-addition", "p": classes}
    return Imported(model, config, said, "the file itself", "", (), record)
