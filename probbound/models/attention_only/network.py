"""Which network a claim is about: its parts, each read in the file or assumed for want of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

_WORDS = {
    "norms": "no layer norm",
    "positions": "standard positions (learned, added to the residual stream)",
    "mask": "a causal mask without windows",
    "caps": "no soft cap on scores or logits",
    "attention_scale": "attention scale {scale:.6g}",
}


def network_parts(
    heads: int, attention_scale: float, assumed: Collection[str]
) -> dict[str, dict[str, Any]]:
    """The network as it stands in a claim: each part with its `value`, `read` or `assumed`.

    `assumed` names the parts that the file did not tell.
    """
    values = {
        "layers": 1,
        "heads": heads,
        "activation": "none",
        "norms": "none",
        "positions": "standard",
        "mask": "causal",
        "caps": "none",
        "attention_scale": float(attention_scale),
    }
    return {
        part: {"value": value, "source": "assumed" if part in assumed else "read"}
        for part, value in values.items()
    }


def described(network: Mapping[str, Mapping[str, Any]]) -> str:
    """The network of a claim in a line, what is assumed of it last."""
    heads, scale = network["heads"]["value"], network["attention_scale"]["value"]
    shown = {part: text.format(scale=scale) for part, text in _WORDS.items()}
    assumed = [text for part, text in shown.items() if network[part]["source"] == "assumed"]
    read = [text for part, text in shown.items() if network[part]["source"] == "read"]
    plain = f"{network['layers']['value']} layer of attention, {heads} head{'s' * (heads > 1)}"
    rest = f"; assumed, as the file does not say: {', '.join(assumed)}" if assumed else ""
    return ", ".join([plain, "no MLP", *read]) + rest


def notice(name: str, attention_scale: float, assumed: Collection[str]) -> str:
    """What whoever certifies a file without a full configuration has to be told."""
    parts = [text for part, text in _WORDS.items() if part in assumed]
    return (
        f"the file of {name} does not say all of its network; assumed: "
        f"{', '.join(parts).format(scale=float(attention_scale))}"
    )
