"""Networks as TransformerLens 3 and 4 save them, by hand: state dicts and configurations."""

import numpy as np

from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.arrays import shapes
from probbound.models.transformer.network import GeneralTransformer
from tests.transformer_lens_defaults import BRIDGE_4_3, HOOKED_3_9

SIZES = {"n_layers": 2, "n_heads": 4, "d_model": 6, "d_head": 2, "n_ctx": 5, "d_vocab": 7}
USUAL = {
    **SIZES,
    "d_out": 7,
    "d_mlp": 9,
    "norm": "layer",
    "norm_eps": 1e-5,
    "final_norm": True,
    "positions": "learned",
    "activation": "gelu_tanh",
}
SAID = {
    **SIZES,
    "d_vocab_out": 7,
    "d_mlp": 9,
    "normalization_type": "LN",
    "act_fn": "gelu_new",
    "attn_only": False,
    "attn_scale": -1.0,
}
SAID_3 = {**HOOKED_3_9, **SAID}
SAID_4 = {**BRIDGE_4_3, **SAID, "architecture": "TransformerLensNative"}


def network(**changes):
    """A random network of these choices, with every array that it may have."""
    a = Architecture(**{**USUAL, **changes})
    rng = np.random.default_rng(5)
    return GeneralTransformer({name: rng.normal(size=s.axes) for name, s in shapes(a).items()}, a)


def without_norms(model):
    """Its norms folded: they have no weights, but behind `both` blocks."""
    kept = {n: v for n, v in model.arrays.items() if ".ln" not in f".{n}" or "_post" in n}
    kept |= {n: v for n, v in model.arrays.items() if n.startswith("embed.ln")}
    return GeneralTransformer(kept, model.architecture)


def in_version_3(model, *, shared=False):
    """A HookedTransformer's state dict."""
    names = {"b_mid": "b_in"} if model.architecture.gated else {}
    if shared:
        names |= {f"{kind}_{part}": f"_{kind}_{part}" for kind in "Wb" for part in "KV"}
    state = {}
    for name, values in model.arrays.items():
        at, _, last = name.rpartition(".")
        state[f"{at}.{names.get(last, last)}"] = values
    return state


def in_version_4(model):
    """A TransformerBridge's: matrices of `nn.Linear`, heads side by side."""
    state = {}
    for name, values in model.arrays.items():
        at, _, last = name.rpartition(".")
        kind, _, part = last.partition("_")
        if at.endswith("attn"):
            at = f"{at}.{part.lower()}"
            values = _of_linear(part, values) if kind == "W" else np.ravel(values)
        elif at.endswith("mlp"):
            at = f"{at}.{part}"
        if kind == "W" and at not in ("embed", "pos_embed") and ".attn" not in at:
            values = values.T
        state[f"{at}.{'weight' if kind in 'Ww' else 'bias'}"] = values
    return state


def _of_linear(part, values):
    return np.concatenate(list(values)).T if part == "O" else np.concatenate([h.T for h in values])
