"""Which pair network a claim is about: its parts, each read in the file or assumed."""

from __future__ import annotations

from typing import Any

from probbound.models.pair_mlp.names import FORM, SIZES
from probbound.models.pair_mlp.network import PairMLP, weights_of
from probbound.models.pair_mlp.words import WORDS
from probbound.models.stating import notice_of, sourced


def parts_of(model: PairMLP) -> dict[str, dict[str, Any]]:
    """The network as it stands in a claim: each part with its `value`, `read` or `assumed`.

    `weights` are the names of those that are there, in order, which say what is computed.
    """
    values = {"layers": 1, "weights": " ".join(sorted(weights_of(model))), **FORM}
    return sourced(values, model.assumed)


def notice(model: PairMLP) -> str:
    """What whoever certifies a file without a configuration has to be told."""
    return notice_of(model.name, WORDS, model.assumed)


def configuration_of(model: PairMLP) -> dict[str, Any]:
    """What a file says beside the weights: sizes, and of the form what was not only assumed."""
    sizes = {name: getattr(model, name) for name in SIZES}
    return {**sizes, **{name: v for name, v in FORM.items() if name not in model.assumed}}
