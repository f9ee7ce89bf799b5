"""Configurations and random arrays of transformers for tests, and how a file holds them."""

import json

import numpy as np

from probbound.check.models.files import Contents
from probbound.check.models.transformer.arrays import arrays_of
from probbound.check.models.transformer.configuration import configuration
from probbound.check.models.transformer.weights import assembled

PLAIN = {
    "n_layers": 1,
    "n_heads": 2,
    "n_key_value_heads": 2,
    "d_model": 4,
    "d_head": 3,
    "d_mlp": 5,
    "d_vocab": 7,
    "d_out": 6,
    "n_ctx": 5,
    "norm": "layer",
    "norm_eps": 1e-5,
    "norm_place": "pre",
    "embedding_norm": False,
    "final_norm": True,
    "parallel": False,
    "positions": "learned",
    "rotary_dim": 0,
    "rotary_base": 0.0,
    "rotary_pairs": "halves",
    "causal": True,
    "windows": [None],
    "attn_scale": 1.5,
    "score_cap": None,
    "logit_cap": None,
    "activation": "gelu",
    "gated": False,
    "head": "unembed",
}
NO_NORM = {"norm": "none", "norm_eps": 0.0, "final_norm": False}
NO_MLP = {"d_mlp": 0, "activation": "none"}
ROTARY = {"positions": "rotary", "rotary_dim": 4, "rotary_base": 100.0, "d_head": 4}
CASES = {
    "no layer": {"n_layers": 0, "windows": [], **NO_NORM},
    "no head": {"n_layers": 0, "windows": [], "head": "none", "d_out": 4},
    "no norm": NO_NORM,
    "layer norm": {"norm_eps": 0.25},
    "rms norm": {"norm": "rms"},
    "norm of embeddings": {"embedding_norm": True, "final_norm": False},
    "no MLP": NO_MLP,
    "relu": {"activation": "relu"},
    "gelu_tanh": {"activation": "gelu_tanh"},
    "silu": {"activation": "silu"},
    "gated": {"gated": True, "activation": "silu"},
    "parallel": {"parallel": True},
    "post": {"norm_place": "post", "norm": "rms"},
    "post without an MLP": {"norm_place": "post", **NO_MLP},
    "post and shortformer": {"norm_place": "post", "positions": "shortformer"},
    "both": {"norm_place": "both"},
    "both without an MLP": {"norm_place": "both", **NO_MLP},
    "no positions": {"positions": "none"},
    "shortformer": {"positions": "shortformer"},
    "rotary": ROTARY,
    "rotary, adjacent": {**ROTARY, "rotary_pairs": "adjacent"},
    "rotary, part of a head": {**ROTARY, "rotary_dim": 2, "d_head": 3},
    "alibi": {"positions": "alibi"},
    "alibi, three heads": {"positions": "alibi", "n_heads": 3, "n_key_value_heads": 3},
    "alibi, not causal, capped": {"positions": "alibi", "causal": False, "score_cap": 0.5},
    "grouped": {"n_heads": 4, **ROTARY},
    "one group": {"n_heads": 3, "n_key_value_heads": 1},
    "not causal": {"causal": False},
    "windows": {"n_layers": 2, "windows": [2, None]},
    "windows, not causal": {"n_layers": 2, "windows": [None, 2], "causal": False},
    "window of one": {"windows": [1]},
    "caps": {"score_cap": 0.4, "logit_cap": 0.8},
    "masked": {"head": "masked", "norm": "rms"},
    "as Gemma 2": {
        "norm": "rms",
        "norm_place": "both",
        "gated": True,
        "activation": "gelu_tanh",
        "n_heads": 4,
        "windows": [3],
        "score_cap": 1.0,
        "logit_cap": 1.5,
        **ROTARY,
    },
}
ROW = [3, 0, 6, 6, 1]


def stated(**changes):
    """A configuration as JSON has it, other than the plain one where it is said."""
    return {**PLAIN, **changes}


def random_arrays(said, seed=0, spread=0.5):
    """All that it may have, of float64."""
    random = np.random.default_rng(seed)
    return {
        each.name: random.normal(each.absent or 0.0, spread, each.shape)
        for each in arrays_of(configuration(json.dumps(said)))
    }


def contents(said, arrays):
    """What a file of probbound's own says and holds."""
    texts = {"format": "probbound-model/2", "network": "transformer", "config": json.dumps(said)}
    return Contents(dict(arrays), texts)


def weights(said, arrays=None):
    """The network that such a file is of."""
    return assembled(contents(said, random_arrays(said) if arrays is None else arrays))
