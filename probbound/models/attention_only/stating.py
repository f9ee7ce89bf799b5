"""Which network a claim is about: its parts, each read in the file or assumed for want of it."""

from __future__ import annotations

from typing import Any

from probbound.models.attention_only.assembling import sizes_of
from probbound.models.attention_only.configuration import PARTS_READ
from probbound.models.attention_only.names import SCALE
from probbound.models.attention_only.transformer import Transformer
from probbound.models.attention_only.words import WORDS
from probbound.models.stating import notice_of, sourced


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
    return sourced(values, model.assumed)


def notice(model: Transformer) -> str:
    """What whoever certifies a file without a full configuration has to be told."""
    scale = float(model.attn_scale)
    words = {part: text.format(scale=scale) for part, text in WORDS.items()}
    return notice_of(model.name, words, model.assumed)


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
