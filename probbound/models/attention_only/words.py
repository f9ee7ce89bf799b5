"""The one-layer attention-only transformer of a claim in words; nothing heavy is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.models.stating import from_source, with_assumed

WORDS = {
    "norms": "no layer norm",
    "positions": "standard positions (learned, added to the residual stream)",
    "mask": "a causal mask without windows",
    "caps": "no soft cap on scores or logits",
    "attention_scale": "attention scale {scale:.6g}",
}


def described(parts: Mapping[str, Mapping[str, Any]]) -> str:
    """The network of a claim in a line, what is assumed of it last."""
    heads, scale = parts["heads"]["value"], parts["attention_scale"]["value"]
    shown = {part: text.format(scale=scale) for part, text in WORDS.items()}
    plain = f"{parts['layers']['value']} layer of attention, {heads} head{'s' * (heads > 1)}"
    words = [plain, "no MLP", *from_source(shown, parts, "read")]
    return with_assumed(words, from_source(shown, parts, "assumed"))
