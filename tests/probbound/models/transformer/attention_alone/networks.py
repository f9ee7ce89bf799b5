"""Small networks of attention alone, some of which copy what followed a token."""

from dataclasses import replace

import numpy as np

from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.network import GeneralTransformer


def random_network(
    seed: int, *, layers: int = 2, heads: int = 1, v: int = 4, n: int = 5, scale: float = 1.0
) -> GeneralTransformer:
    """Every weight normal, biases too."""
    a = architecture(layers, heads, v, n, d_model=6, d_head=3)
    rng, d, e = np.random.default_rng(seed), a.d_model, a.d_head
    arrays = {
        "embed.W_E": rng.normal(size=(v, d)),
        "pos_embed.W_pos": rng.normal(size=(n, d)),
        "unembed.W_U": rng.normal(size=(d, v)),
        "unembed.b_U": rng.normal(size=v),
    }
    for layer in range(layers):
        at = f"blocks.{layer}.attn"
        arrays |= {f"{at}.W_{w}": scale * rng.normal(size=(heads, d, e)) / 2 for w in "QKV"}
        arrays |= {f"{at}.b_{w}": rng.normal(size=(heads, e)) / 2 for w in "QKV"}
        arrays[f"{at}.W_O"] = rng.normal(size=(heads, e, d)) / 2
        arrays[f"{at}.b_O"] = rng.normal(size=d) / 2
    return GeneralTransformer(arrays, a)


def inducing_network(
    seed: int = 0,
    *,
    v: int = 5,
    n: int = 6,
    sharp: float = 12.0,
    noise: float = 0.0,
    heads: int = 1,
    whole: bool = False,
) -> GeneralTransformer:
    """The circuit by hand: a first layer that copies the token before, a second that looks for it.

    Noise on every weight makes it err; further heads are small. It errs where the query stood at
    position 0, which looks at itself, unless it is `whole`: then that position is passed over.
    """
    d = 2 * v + n
    a = architecture(2, heads, v, n, d_model=d, d_head=d)
    rng = np.random.default_rng(seed)
    token = np.hstack([np.eye(v), np.zeros((v, v + n))])
    place = np.hstack([np.zeros((n, 2 * v)), np.eye(n)])
    before = np.zeros((d, d))
    before[2 * v + 1 :, 2 * v : -1] = np.eye(n - 1) * sharp * np.sqrt(d)
    copied = np.zeros((d, d))
    copied[:v, v : 2 * v] = np.eye(v)
    looked = np.zeros((d, d))
    looked[:v, v : 2 * v] = np.eye(v) * sharp * np.sqrt(d)
    if whole:
        looked[2 * v :, 2 * v] = -sharp * np.sqrt(d)
    shown = np.zeros((d, v))
    shown[:v] = 6 * np.eye(v)
    keep = np.eye(d)
    keep[v:] = 0
    arrays = {
        "embed.W_E": token,
        "pos_embed.W_pos": place,
        "unembed.W_U": shown,
        "blocks.0.attn.W_Q": _headed(before, heads),
        "blocks.0.attn.W_K": _headed(np.eye(d), heads),
        "blocks.0.attn.W_V": _headed(copied, heads),
        "blocks.0.attn.W_O": _headed(np.eye(d), heads),
        "blocks.1.attn.W_Q": _headed(looked, heads),
        "blocks.1.attn.W_K": _headed(np.eye(d), heads),
        "blocks.1.attn.W_V": _headed(keep, heads),
        "blocks.1.attn.W_O": _headed(3 * np.eye(d), heads),
    }
    noisy = {name: x + noise * rng.normal(size=x.shape) for name, x in arrays.items()}
    return GeneralTransformer(noisy, a)


def looking_network(
    seed: int, *, v: int = 3, n: int = 5, sharp: float = 8.0, scale: float = 1.0
) -> GeneralTransformer:
    """Three random layers, the first of which looks at the token before, sharply or less so.

    What it looks at is by position alone; all else is random, `scale` large.
    """
    d, rng = 4 + n, np.random.default_rng(seed)
    a = architecture(3, 1, v, n, d_model=d, d_head=d)
    arrays = {
        "embed.W_E": np.hstack([rng.normal(size=(v, 4)), np.zeros((v, n))]),
        "pos_embed.W_pos": np.hstack([0.3 * rng.normal(size=(n, 4)), np.eye(n)]),
        "unembed.W_U": rng.normal(size=(d, v)),
    }
    for layer in range(3):
        at = f"blocks.{layer}.attn"
        arrays |= {f"{at}.W_{w}": scale * rng.normal(size=(1, d, d)) / d for w in "QKVO"}
    before = np.zeros((d, d))
    before[5:, 4:-1] = sharp * np.sqrt(d) * np.eye(n - 1)
    arrays["blocks.0.attn.W_Q"] = before[None]
    arrays["blocks.0.attn.W_K"] = np.eye(d)[None] + 0.02 * rng.normal(size=(1, d, d))
    return GeneralTransformer(arrays, a)


def with_a_layer_between(model: GeneralTransformer, seed: int = 0) -> GeneralTransformer:
    """Two layers and, between them, one that looks everywhere and moves a little noise."""
    rng, arrays = np.random.default_rng(seed), dict(model.arrays)
    for name in "QKVO":
        arrays[f"blocks.2.attn.W_{name}"] = arrays[f"blocks.1.attn.W_{name}"]
        like = arrays[f"blocks.1.attn.W_{name}"]
        arrays[f"blocks.1.attn.W_{name}"] = 0.05 * rng.normal(size=like.shape)
    deeper = replace(model.architecture, n_layers=3, windows=(None,) * 3)
    return GeneralTransformer(arrays, deeper)


def architecture(
    layers: int, heads: int, v: int, n: int, d_model: int, d_head: int
) -> Architecture:
    """Of attention alone."""
    return Architecture(
        n_layers=layers,
        n_heads=heads,
        d_model=d_model,
        d_head=d_head,
        d_vocab=v,
        d_out=v,
        n_ctx=n,
        positions="learned",
    )


def _headed(matrix: np.ndarray, heads: int) -> np.ndarray:
    return np.stack([matrix, *([0.01 * matrix] * (heads - 1))])
