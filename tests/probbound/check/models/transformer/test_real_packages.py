"""The checker's transformer against TransformerLens 3.9 and Hugging Face: logits to 1e-9."""

import json
import math
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from probbound.check.models.transformer.network import Network
from probbound.check.models.transformer.weights import assembled
from tests.probbound.check.models.transformer import networks

SCRIPT = Path(networks.__file__).parent / "reference.py"
TOLERANCE, IN_FLOAT32 = 1e-9, 1e-6  # Bloom's softmax is in float32 whatever its weights are
NORMS = {None: "none", "LN": "layer", "LNPre": "layer", "RMS": "rms", "RMSPre": "rms"}
ACTIVATIONS = {"gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", None: "none"}
BUFFERS = ("mask", "IGNORE", "rotary_sin", "rotary_cos")
MOVED = (  # names of HookedEncoder
    (r"embed\.(embed|pos_embed)\.", r"\1."),
    (r"mlm_head\.", "head."),
    (r"attn\._(W|b)_", r"attn.\1_"),
)


def from_transformer_lens(cfg, arrays):
    """Configuration and arrays of this kind, of those of HookedTransformer or HookedEncoder."""
    encoder = "mlm_head.W" in arrays
    norm = NORMS[cfg["normalization_type"]]
    rotary = cfg["positional_embedding_type"] == "rotary"
    positions = {"standard": "learned"}.get(
        cfg["positional_embedding_type"], cfg["positional_embedding_type"]
    )
    before_and_after = "both" if cfg["use_normalization_before_and_after"] else "pre"
    kinds = cfg["attn_types"] if cfg["use_local_attn"] else ["global"] * cfg["n_layers"]
    said = {
        **{key: cfg[key] for key in ("n_layers", "n_heads", "d_model", "d_head", "n_ctx")},
        "d_vocab": cfg["d_vocab"],
        "n_key_value_heads": cfg["n_key_value_heads"] or cfg["n_heads"],
        "d_mlp": 0 if cfg["attn_only"] else cfg["d_mlp"],
        "d_out": cfg["d_vocab_out"],
        "norm": norm,
        "norm_eps": 0.0 if norm == "none" else cfg["eps"],
        "norm_place": "post" if encoder else before_and_after,
        "embedding_norm": encoder or cfg["post_embedding_ln"],
        "final_norm": norm != "none" and not encoder,
        "parallel": cfg["parallel_attn_mlp"],
        "positions": positions,
        "rotary_dim": cfg["rotary_dim"] if rotary else 0,
        "rotary_base": cfg["rotary_base"] if rotary else 0,
        "rotary_pairs": "adjacent" if rotary and cfg["rotary_adjacent_pairs"] else "halves",
        "causal": cfg["attention_dir"] == "causal",
        "windows": [None if kind == "global" else cfg["window_size"] for kind in kinds],
        "attn_scale": cfg["attn_scale"] if cfg["use_attn_scale"] else 1,
        "score_cap": None if cfg["attn_scores_soft_cap"] < 0 else cfg["attn_scores_soft_cap"],
        "logit_cap": None if cfg["output_logits_soft_cap"] < 0 else cfg["output_logits_soft_cap"],
        "activation": "none" if cfg["attn_only"] else ACTIVATIONS.get(cfg["act_fn"], cfg["act_fn"]),
        "gated": cfg["gated_mlp"],
        "head": "masked" if encoder else "unembed",
    }
    moved = {}
    for name, values in arrays.items():
        if name.startswith(("nsp_head", "pooler")) or name.endswith(BUFFERS):
            continue
        for pattern, wanted in MOVED:
            name = re.sub(pattern, wanted, name)
        moved[name.replace("b_in", "b_mid") if cfg["gated_mlp"] else name] = values
    unread = "pos_embed.W_pos" if positions in ("rotary", "alibi") else None
    moved.pop(unread, None)
    if encoder:
        moved["embed.b_E"] = moved.pop("embed.token_type_embed.W_token_type")[0]
    return said, moved


def from_bloom(arrays):
    """Of Hugging Face's, whose queries, keys and values are one matrix, by heads."""
    heads, d, e = 6, 24, 4
    said = networks.stated(
        n_layers=2, n_heads=heads, n_key_value_heads=heads, d_model=d, d_head=e, d_mlp=4 * d,
        d_vocab=13, d_out=13, n_ctx=9, norm_eps=1e-5, embedding_norm=True, positions="alibi",
        windows=[None, None], attn_scale=math.sqrt(e), activation="gelu_tanh",
    )  # fmt: skip
    of = {name.removeprefix("transformer."): values for name, values in arrays.items()}
    found = {"embed.W_E": of["word_embeddings.weight"], "unembed.W_U": of["lm_head.weight"].T}
    norms = {"word_embeddings_layernorm": "embed.ln", "ln_f": "ln_final"}
    for i in range(2):
        here, there = f"h.{i}.", f"blocks.{i}."
        norms[f"{here}input_layernorm"] = f"{there}ln1"
        norms[f"{here}post_attention_layernorm"] = f"{there}ln2"
        joined = of[f"{here}self_attention.query_key_value.weight"].reshape(heads, 3, e, d)
        biases = of[f"{here}self_attention.query_key_value.bias"].reshape(heads, 3, e)
        for number, part in enumerate("QKV"):
            found[f"{there}attn.W_{part}"] = joined[:, number].swapaxes(1, 2)
            found[f"{there}attn.b_{part}"] = biases[:, number]
        out = of[f"{here}self_attention.dense.weight"].T
        found[f"{there}attn.W_O"] = out.reshape(heads, e, d)
        found[f"{there}attn.b_O"] = of[f"{here}self_attention.dense.bias"]
        for name, ours in {"dense_h_to_4h": "in", "dense_4h_to_h": "out"}.items():
            found[f"{there}mlp.W_{ours}"] = of[f"{here}mlp.{name}.weight"].T
            found[f"{there}mlp.b_{ours}"] = of[f"{here}mlp.{name}.bias"]
    for name, ours in norms.items():
        found[f"{ours}.w"], found[f"{ours}.b"] = of[f"{name}.weight"], of[f"{name}.bias"]
    return said, found


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The networks that the script makes, by name: what each says, and its arrays."""
    python = os.environ.get("PROBBOUND_TRANSFORMER_LENS_3")
    if python is None:
        pytest.skip("make test-full installs TransformerLens and names its interpreters")
    directory = tmp_path_factory.mktemp("transformers")
    subprocess.run([python, str(SCRIPT), str(directory)], check=True, capture_output=True)
    names = json.loads((directory / "names.json").read_text())
    assert len(names) >= 40
    found = {}
    for name, each in names.items():
        with np.load(directory / each["file"]) as arrays:
            found[name] = each["cfg"], dict(arrays)
    return found


@pytest.mark.slow
def test_logits_are_those_of_the_packages(made):
    largest = 0.0
    for name, (cfg, arrays) in made.items():
        tokens, logits = arrays.pop("tokens"), arrays.pop("logits")
        said, found = from_transformer_lens(cfg, arrays) if cfg else from_bloom(arrays)
        network = Network(assembled(networks.contents(said, found)))
        outcomes = network.outcomes(tokens)
        difference, allowed = np.abs(outcomes - logits).max(), TOLERANCE if cfg else IN_FLOAT32
        assert difference <= allowed, f"{name}: {difference}"
        assert np.abs(logits).max() > 0.1, name
        np.testing.assert_allclose(network.logits(tokens), logits[:, -1], rtol=0, atol=allowed)
        if said["causal"]:
            shorter = network.outcomes(tokens[:, :4])
            np.testing.assert_allclose(shorter, logits[:, :4], rtol=0, atol=allowed)
        largest = max(largest, float(difference) if cfg else 0.0)
    assert largest > 0
