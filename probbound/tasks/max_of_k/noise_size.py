"""How large the noise of a transformer is that `entries` draws from."""

from __future__ import annotations

from probbound.models.attention_only.transformer import Transformer
from probbound.tasks.room import NoiseSize


def noise_size(model: Transformer) -> NoiseSize:
    """Of the QK, OV and direct paths: v² entries each, of products of inner width d_model."""
    entries = 3 * model.d_vocab**2
    return NoiseSize(entries, 2 * entries * model.d_model)
