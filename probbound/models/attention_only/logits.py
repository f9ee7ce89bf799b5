"""Logits in NumPy, in whatever float type: what another framework's are compared with."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from probbound.models.attention_only.transformer import WEIGHT_SHAPES, Transformer

_ROWS = 256


def logits(
    model: Transformer, tokens: Int[np.ndarray, "n n_ctx"], dtype: type
) -> Float[np.ndarray, "n d_vocab_out"]:
    """Logits at the last position, by NumPy, every operation in `dtype`."""
    w = {name: np.asarray(getattr(model, name)).astype(dtype) for name in WEIGHT_SHAPES}
    scale, found = dtype(model.attn_scale), []
    for at in range(0, len(tokens), _ROWS):
        residual = w["W_E"][tokens[at : at + _ROWS]] + w["W_pos"]
        out = residual[:, -1] + w["b_O"]
        for h in range(model.n_heads):
            query = residual[:, -1] @ w["W_Q"][h] + w["b_Q"][h]
            key = residual @ w["W_K"][h] + w["b_K"][h]
            scores = np.einsum("ne,npe->np", query, key) / scale
            pattern = np.exp(scores - scores.max(axis=1, keepdims=True))
            pattern /= pattern.sum(axis=1, keepdims=True)
            value = residual @ w["W_V"][h] + w["b_V"][h]
            out = out + np.einsum("np,npe->ne", pattern, value) @ w["W_O"][h]
        found.append(out @ w["W_U"] + w["b_U"])
    return np.concatenate(found).astype(np.float64)
