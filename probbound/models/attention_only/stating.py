"""Which network a claim is about: its parts, each read in the file or assumed for want of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.models.attention_only.assembling import sizes_of
from probbound.models.attention_only.configuration import PARTS_READ
from probbound.models.attention_only.names import SCALE
from probbound.models.attention_only.transformer import Transformer

_WORDS = {
    "norms": "no layer norm",
    "positions": "standard positions (learned, added to the residual stream)",
    "mask": "a causal mask without windows",
    "caps": "no soft cap on scores or logits",
    "attention_scale": "attention scale {scale:.6g}",
}


def parts_of(model: Transformer) -> dict[str, dict[str, Any]]:
    """The network as it stands in a claim: each part with its `value`, `read` or `assumed`."""
    values = {
        "layers": 1,
        "heads": model.n_heads,
        "activation": "none",
        "norms": "none",
        "positions": "standard",
        "mask": "causal",
        "caps": "none",
        "attention_scale": float(model.attn_scale),
    }
    return {
        part: {"value": value, "source": "assumed" if part in model.assumed else "read"}
        for part, value in values.items()
    }


def described(parts: Mapping[str, Mapping[str, Any]]) -> str:
    """The network of a claim in a line, what is assumed of it last."""
    heads, scale = parts["heads"]["value"], parts["attention_scale"]["value"]
    shown = {part: text.format(scale=scale) for part, text in _WORDS.items()}
    assumed = [text for part, text in shown.items() if parts[part]["source"] == "assumed"]
    read = [text for part, text in shown.items() if parts[part]["source"] == "read"]
    plain = f"{parts['layers']['value']} layer of attention, {heads} head{'s' * (heads > 1)}"
    rest = f"; assumed, as the file does not say: {', '.join(assumed)}" if assumed else ""
    return ", ".join([plain, "no MLP", *read]) + rest


def notice(model: Transformer) -> str:
    """What whoever certifies a file without a full configuration has to be told."""
    assumed = [text for part, text in _WORDS.items() if part in model.assumed]
    if not assumed:
        return ""
    return (
        f"the file of {model.name} does not say all of its network; assumed: "
        f"{', '.join(assumed).format(scale=float(model.attn_scale))}"
    )


def configuration_of(model: Transformer) -> dict[str, Any]:
    """A model's configuration in TransformerLens' keys, without what was only assumed of it."""
    told = {
        "n_layers": 1,
        **sizes_of(model),
        "attn_only": True,
        "normalization_type": None,
        "positional_embedding_type": "standard",
        "attention_dir": "causal",
        "use_local_attn": False,
        "attn_scores_soft_cap": -1.0,
        "output_logits_soft_cap": -1.0,
        "attn_scale": float(model.attn_scale),
    }
    assumed = {key for part in model.assumed for key in PARTS_READ.get(part, (SCALE,))}
    return {key: value for key, value in told.items() if key not in assumed}
