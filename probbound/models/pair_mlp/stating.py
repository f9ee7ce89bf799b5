"""Which pair network a claim is about: its parts, each read in the file or assumed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.models.pair_mlp.names import FORM, SIZES
from probbound.models.pair_mlp.network import PairMLP, weights_of

_WORDS = {"activation": "ReLU", "operands": "operands added before it"}


def parts_of(model: PairMLP) -> dict[str, dict[str, Any]]:
    """The network as it stands in a claim: each part with its `value`, `read` or `assumed`.

    `weights` are the names of those that are there, in order, which say what is computed.
    """
    values = {"layers": 1, "weights": " ".join(sorted(weights_of(model))), **FORM}
    return {
        part: {"value": value, "source": "assumed" if part in model.assumed else "read"}
        for part, value in values.items()
    }


def described(parts: Mapping[str, Mapping[str, Any]]) -> str:
    """The network of a claim in a line, what is assumed of it last."""
    there = set(parts["weights"]["value"].split())
    assumed = [text for part, text in _WORDS.items() if parts[part]["source"] == "assumed"]
    read = [text for part, text in _WORDS.items() if parts[part]["source"] == "read"]
    own = {"W_E2", "W_in2"} & there
    words = [
        "one layer of neurons on two operands",
        *read,
        "each operand with weights of its own" if own else "both operands with the same weights",
        *(["biases"] if {"b_in", "b_out", "b_U"} & there else []),
        *(["a path past the neurons"] if "W_skip" in there else []),
    ]
    rest = f"; assumed, as the file does not say: {', '.join(assumed)}" if assumed else ""
    return ", ".join(words) + rest


def notice(model: PairMLP) -> str:
    """What whoever certifies a file without a configuration has to be told."""
    assumed = [text for part, text in _WORDS.items() if part in model.assumed]
    if not assumed:
        return ""
    return (
        f"the file of {model.name} does not say all of its network; assumed: {', '.join(assumed)}"
    )


def configuration_of(model: PairMLP) -> dict[str, Any]:
    """What a file says beside the weights: sizes, and of the form what was not only assumed."""
    sizes = {name: getattr(model, name) for name in SIZES}
    return {**sizes, **{name: v for name, v in FORM.items() if name not in model.assumed}}
