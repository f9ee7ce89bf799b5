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
    "rotary_base": 0,
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
NO_NORM = {"norm": "none", "norm_eps": 0, "final_norm": False}
NO_MLP = {"d_mlp": 0, "activation": "none"}


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
