"""Nearly uniform transformers of random weights, and files of them as others save them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from probbound.models.uniform_pair.network import UniformPair

TOLD = {"C": 5, "n_layers": 1, "n_heads": 2, "act_fn": "ReLU", "attn_coeff": 0.1, "diff_vocab": 1}


def random_state(seed: int, spread: float = 0.4, *, own: bool = True) -> dict[str, np.ndarray]:
    """A state dict under the names and in the shapes of fjzzq2002/pizza."""
    rng, d, e, m, tokens = np.random.default_rng(seed), 6, 3, 8, 10 if own else 5
    shapes = {
        "embed.W_E": (d, tokens),
        "pos_embed.W_pos": (2, d),
        "unembed.W_U": (d, tokens),
        **{f"blocks.0.attn.W_{part}": (2, e, d) for part in "KQV"},
        "blocks.0.attn.W_O": (d, 2 * e),
        "blocks.0.mlp.W_in": (m, d),
        "blocks.0.mlp.b_in": (m,),
        "blocks.0.mlp.W_out": (d, m),
        "blocks.0.mlp.b_out": (d,),
    }
    found = {name: spread * rng.standard_normal(shape) for name, shape in shapes.items()}
    return {**found, "blocks.0.attn.mask": np.tril(np.ones((2, 2)))}


def told_of(coefficient: float = 0.1, *, own: bool = True, **others: object) -> dict[str, object]:
    """Their settings of such a state dict."""
    return {**TOLD, "attn_coeff": coefficient, "diff_vocab": int(own), **others}


def saved(
    state: Mapping[str, np.ndarray], told: Mapping[str, object], folder: Path
) -> tuple[Path, str]:
    """The file of weights and that of the settings beside it."""
    path, beside = folder / "weights.npz", folder / "settings.json"
    np.savez(path, allow_pickle=False, **state)
    beside.write_text(json.dumps(told))
    return path, str(beside)


def answers(w: dict[str, np.ndarray], told: dict, a: int, b: int) -> tuple[np.ndarray, np.ndarray]:
    """Their forward pass for one pair, as their code computes it, and what its neurons read."""
    tokens = [a, b + told["C"] * told["diff_vocab"]]
    x = w["embed.W_E"].T[tokens] + w["pos_embed.W_pos"]
    heads = []
    for q, k, v in zip(*(w[f"blocks.0.attn.W_{part}"] for part in "QKV"), strict=True):
        scores = (x @ k.T) @ (x[1] @ q.T) / np.sqrt(len(q))
        pattern = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
        weights = told["attn_coeff"] * pattern + 1 - told["attn_coeff"]
        heads.append(weights @ (x @ v.T))
    middle = x[1] + w["blocks.0.attn.W_O"] @ np.concatenate(heads)
    hidden = np.maximum(w["blocks.0.mlp.W_in"] @ middle + w["blocks.0.mlp.b_in"], 0)
    end = middle + w["blocks.0.mlp.W_out"] @ hidden + w["blocks.0.mlp.b_out"]
    return (end @ w["unembed.W_U"])[: told["C"]], middle


def adding(p: int = 7, coefficient: float = 0.01, noise: float = 0.0, seed: int = 0) -> UniformPair:
    """A network that adds mod p by waves: one head adds up both tokens."""
    rng, frequencies, each = np.random.default_rng(seed), (1, 2, 3), 12
    angles = 2 * np.pi * np.arange(p) / p
    embedding = np.concatenate(
        [f(k * angles)[:, None] for k in frequencies for f in (np.cos, np.sin)], axis=1
    )
    d = embedding.shape[1]
    into, last = [], []
    for i, k in enumerate(frequencies):
        phases = 2 * np.pi * (np.arange(each) + rng.uniform()) / each
        rows = np.zeros((d, each))
        rows[2 * i], rows[2 * i + 1] = np.cos(phases), -np.sin(phases)
        into.append(rows)
        last.append(np.cos(k * angles + 2 * phases[:, None]) / each * 8)
    out = np.concatenate(last)
    left, sizes, right = np.linalg.svd(out, full_matrices=False)
    m, width = len(out), 2 * d
    tokens = np.zeros((p, width))
    tokens[:, :d] = embedding
    hidden = np.zeros((width, m))
    hidden[:d] = np.concatenate(into, axis=1)
    back, unembed = np.zeros((m, width)), np.zeros((width, p))
    back[:, d:] = (left * sizes)[:, :d]
    unembed[d:] = right[:d]
    value = np.zeros((1, width, d))
    value[0, :d] = np.eye(d)
    handed = np.zeros((1, d, width))
    handed[0, :, :d] = np.eye(d)
    rough = noise * rng.standard_normal(tokens.shape)
    return UniformPair(
        W_E=tokens + rough,
        W_E2=tokens / 2 + rough,
        W_pos=np.zeros((2, width)),
        W_Q=0.1 * rng.standard_normal((1, width, d)),
        W_K=0.1 * rng.standard_normal((1, width, d)),
        W_V=value,
        W_O=handed,
        W_in=hidden,
        b_in=np.zeros(m),
        W_out=back,
        b_out=np.zeros(width),
        W_U=unembed,
        attn_coeff=coefficient,
        name="adding",
    )
