"""Tiny networks of attention alone, and everything they answer."""

import itertools

import numpy as np

from probbound.check.models.transformer.network import Network
from tests.probbound.check.models.transformer.networks import NO_MLP, NO_NORM, stated, weights


def said(layers=2, heads=1, v=4, n=5, out=None, d=6, e=3, **changes):
    """A configuration as JSON has it."""
    return stated(
        **NO_NORM,
        **NO_MLP,
        n_layers=layers,
        windows=[None] * layers,
        n_heads=heads,
        d_model=d,
        d_head=e,
        d_vocab=v,
        d_out=out or v,
        n_ctx=n,
        **{"n_key_value_heads": heads, **changes},
    )


def random_weights(seed, scale=1.0, **shape):
    """Every weight normal, biases too, those of queries and keys by `scale` larger."""
    config, rng = said(**shape), np.random.default_rng(seed)
    drawn = {name: 0.5 * rng.normal(size=x.shape) for name, x in weights(config).arrays.items()}
    for name in drawn:
        if name.endswith(("W_Q", "W_K")):
            drawn[name] *= scale
    return weights(config, drawn)


def inducing_weights(v=5, n=6, sharp=12.0, heads=1, noise=0.0, seed=0, itself=True):
    """A first layer that copies the token before, a second that looks for it.

    Position 0 has none before it and copies itself, or, with `itself` false, is not looked at.
    """
    d, rng = 2 * v + n, np.random.default_rng(seed)
    token, place, copy = np.zeros((v, d)), np.zeros((n, d)), np.zeros((d, d))
    token[:, :v], place[:, 2 * v :], copy[:v, v : 2 * v] = np.eye(v), np.eye(n), np.eye(v)
    before, looked, keep = np.zeros((d, d)), np.zeros((d, d)), np.zeros((d, d))
    before[2 * v + 1 :, 2 * v : -1] = sharp * np.eye(n - 1)
    looked[:v, v : 2 * v] = sharp * np.eye(v)
    looked[:v, 2 * v] = 0.0 if itself else -3 * sharp
    keep[:v, :v] = 3 * np.eye(v)
    parts = {"embed.W_E": token, "pos_embed.W_pos": place, "unembed.W_U": 6 * np.eye(d)[:, :v]}
    made = ((before, copy, np.eye(d)), (looked, keep, np.eye(d)))
    for layer, (query, value, out) in enumerate(made):
        for name, x in {"Q": query, "K": np.eye(d), "V": value, "O": out}.items():
            parts[f"blocks.{layer}.attn.W_{name}"] = np.stack([x, *([0.01 * x] * (heads - 1))])
    noisy = {name: x + noise * rng.normal(size=x.shape) for name, x in parts.items()}
    return weights(said(2, heads, v, n, d=d, e=d, attn_scale=1.0), noisy)


def every(v, n):
    """All sequences, (v^n, n)."""
    return np.array(list(itertools.product(range(v), repeat=n)))


def leads(network, tokens):
    """By how much each answer leads over the best other one, (rows, d_out)."""
    logits = Network(network).logits(tokens)
    others = np.repeat(logits[:, None], logits.shape[1], axis=1)
    others[:, np.arange(logits.shape[1]), np.arange(logits.shape[1])] = -np.inf
    return logits - others.max(axis=2)


def once(tokens):
    """Rows whose last token stands at one earlier place, i ≤ n − 3, and that place."""
    same = tokens[:, :-1] == tokens[:, -1:]
    rows = np.flatnonzero((same.sum(axis=1) == 1) & ~same[:, -1])
    return rows, same[rows].argmax(axis=1)


def looking_weights(seed, v=3, n=5, sharp=8.0, scale=1.0):
    """Three layers, the first of which looks at the token before, by position; the rest random."""
    d, rng = 3 + n, np.random.default_rng(seed)
    before = np.zeros((d, d))
    before[4:, 3:-1] = sharp * np.eye(n - 1)
    parts = {
        "embed.W_E": np.hstack([rng.normal(size=(v, 3)), np.zeros((v, n))]),
        "pos_embed.W_pos": np.hstack([np.zeros((n, 3)), np.eye(n)]),
        "unembed.W_U": rng.normal(size=(d, v)),
    }
    for layer in range(3):
        for name in "QKVO":
            parts[f"blocks.{layer}.attn.W_{name}"] = rng.normal(size=(1, d, d)) * scale / d
    parts["blocks.0.attn.W_Q"], parts["blocks.0.attn.W_K"] = before[None], np.eye(d)[None]
    return weights(said(3, 1, v, n, d=d, e=d, attn_scale=1.0), parts)
