"""A transformer of a claim in a line; nothing heavy is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NORMS = {"none": "no norms", "layer": "LayerNorm", "rms": "RMSNorm"}
_PLACES = {"pre": "before", "post": "after", "both": "before and after"}
_ACTIVATIONS = {"relu": "ReLU", "gelu": "GELU", "gelu_tanh": "GELU (tanh)", "silu": "SiLU"}


def described(parts: Mapping[str, Mapping[str, Any]]) -> str:
    """The network of a claim in a line."""
    of = {name: part["value"] for name, part in parts.items()}
    layers, heads, shared = of["n_layers"], of["n_heads"], of["n_key_value_heads"]
    words = [f"{layers} layer{'s' * (layers != 1)}", f"{heads} head{'s' * (heads != 1)}"]
    if shared != heads:
        words.append(f"{shared} of keys and values")
    words.append(f"width {of['d_model']}")
    if of["activation"] == "none":
        words.append("no MLP")
    else:
        gated = "gated " * of["gated"]
        words.append(f"{gated}MLP of {of['d_mlp']} with {_ACTIVATIONS[of['activation']]}")
    norm = _NORMS[of["norm"]]
    words.append(norm if of["norm"] == "none" else f"{norm} {_PLACES[of['norm_place']]}")
    if of["parallel"]:
        words.append("attention and MLP in parallel")
    positions = of["positions"]
    words.append("no positions" if positions == "none" else f"{positions} positions")
    words.append("causal" if of["causal"] else "not causal")
    if of["windows"] != "none":
        words.append(f"windows {of['windows'][:40]}")
    for name, what in (("score_cap", "scores"), ("logit_cap", "logits")):
        if of[name] != "none":
            words.append(f"{what} capped at {of[name]:g}")
    return ", ".join(words)
