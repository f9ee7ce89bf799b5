"""A transformer that takes the largest token by construction, of any size: structure and noise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.attention_only.transformer import BIASES, WEIGHT_SHAPES, Transformer


def planted_max_of_k(
    d_vocab: int,
    n_ctx: int = 4,
    d_model: int = 64,
    seed: int = 0,
    *,
    steepness: float = 30.0,
    copying: float = 30.0,
    noise: float = 0.01,
) -> Transformer:
    """Attends to large tokens, and copies them through random codes.

    A token's embedding is a random vector of length about 1 and, in the last coordinate, its size
    from -1/2 to 1/2. Scores are `steepness` times the size of the key, logits `copying` times the
    product of two codes: 1 on the diagonal, about 1/√d_model off it, which is the OV circuit's
    noise. Gaussian noise, of `noise` times 1/√d_model, is added to every weight but the biases.

    Raises:
        UserError: if a size is too small.
    """
    if min(d_vocab, n_ctx) < 1 or d_model < 2:
        raise UserError(
            "d_vocab and n_ctx must be at least 1 and d_model at least 2, got "
            f"{d_vocab}, {n_ctx} and {d_model}"
        )
    sizes = {"d_vocab": d_vocab, "n_ctx": n_ctx, "n_heads": 1, "d_vocab_out": d_vocab}
    sizes |= {"d_model": d_model, "d_head": d_model}
    rng = Stream.from_seed(seed).fold_in(f"planted max of {n_ctx} of {d_vocab}").generator()
    weights: dict[str, Any] = {
        name: noise / math.sqrt(d_model) * rng.standard_normal([sizes[axis] for axis in axes])
        for name, axes in WEIGHT_SHAPES.items()
        if name not in BIASES
    }
    weights |= {name: np.zeros([sizes[a] for a in WEIGHT_SHAPES[name]]) for name in BIASES}
    codes = rng.standard_normal((d_vocab, d_model - 1)) / math.sqrt(d_model - 1)
    weights["W_E"][:, :-1] += codes
    weights["W_E"][:, -1] += np.linspace(-0.5, 0.5, d_vocab)
    weights["b_Q"][0, -1] = 1.0
    weights["W_K"][0, -1, -1] += steepness * math.sqrt(d_model)
    weights["W_V"][0] += np.eye(d_model)
    weights["W_O"][0, :-1, :-1] += copying * np.eye(d_model - 1)
    weights["W_U"][:-1] += codes.T
    name = f"planted-max-of-{n_ctx}-v{d_vocab}"
    return Transformer(**weights, attn_scale=math.sqrt(d_model), name=name, assumed=frozenset())
