"""Run by an interpreter that has TransformerLens 3: small random networks, and what they answer.

`python reference.py DIRECTORY` writes NUMBER.npz (tokens, logits at all positions, and the arrays
of the state dict) for each, and names.json, which says of each what the configuration was.
It knows nothing of probbound.
"""

import json
import sys
import warnings
from importlib import import_module
from pathlib import Path

import numpy as np

torch = import_module("torch")
lens = import_module("transformer_lens")
hugging_face = import_module("transformers")

warnings.filterwarnings("ignore")
BASE = {
    "n_layers": 2,
    "d_model": 24,
    "d_head": 6,
    "n_heads": 4,
    "d_mlp": 32,
    "n_ctx": 9,
    "d_vocab": 13,
    "act_fn": "gelu",
    "normalization_type": "LN",
    "seed": 0,
    "device": "cpu",
    "dtype": torch.float64,
}
ROTARY = {"positional_embedding_type": "rotary", "rotary_dim": 6}
RMS = {"normalization_type": "RMS"}
LOCAL = {"use_local_attn": True, "window_size": 3, "attn_types": ["global", "local"]}
HOOKED = {
    "plain": {},
    "no norm": {"normalization_type": None},
    "folded layer norm": {"normalization_type": "LNPre"},
    "folded rms norm": {"normalization_type": "RMSPre"},
    "rms norm": RMS,
    "large eps": {"eps": 0.5},
    "attention only": {"attn_only": True, "d_mlp": None, "act_fn": None},
    "relu": {"act_fn": "relu"},
    "gelu_new": {"act_fn": "gelu_new"},
    "gelu_pytorch_tanh": {"act_fn": "gelu_pytorch_tanh"},
    "silu": {"act_fn": "silu"},
    "gated": {"gated_mlp": True, "act_fn": "silu"},
    "gated gelu": {"gated_mlp": True, "act_fn": "gelu"},
    "parallel": {"parallel_attn_mlp": True},
    "parallel rotary": {"parallel_attn_mlp": True, **ROTARY, "rotary_dim": 2},
    "rotary": ROTARY,
    "rotary, part of a head": {**ROTARY, "rotary_dim": 4},
    "rotary, another base": {**ROTARY, "rotary_base": 50.0},
    "rotary, adjacent": {**ROTARY, "rotary_adjacent_pairs": True},
    "rotary, adjacent, part": {**ROTARY, "rotary_dim": 4, "rotary_adjacent_pairs": True},
    "shortformer": {"positional_embedding_type": "shortformer"},
    "shortformer without norm": {
        "positional_embedding_type": "shortformer",
        "normalization_type": None,
    },
    "alibi": {"positional_embedding_type": "alibi"},
    "alibi, 8 heads": {"positional_embedding_type": "alibi", "n_heads": 8, "d_head": 3},
    "alibi, capped": {"positional_embedding_type": "alibi", "attn_scores_soft_cap": 1.5},
    "alibi, norm of embeddings": {"positional_embedding_type": "alibi", "post_embedding_ln": True},
    "grouped": {"n_key_value_heads": 2},
    "one group, rotary": {"n_key_value_heads": 1, **ROTARY},
    "as many groups as heads": {"n_key_value_heads": 4},
    "score cap": {"attn_scores_soft_cap": 0.7},
    "logit cap": {"output_logits_soft_cap": 2.5},
    "local": LOCAL,
    "local by rotary": {**LOCAL, **ROTARY},
    "local of width one": {**LOCAL, "window_size": 1, "attn_types": ["local", "local"]},
    "bidirectional": {"attention_dir": "bidirectional"},
    "bidirectional rotary": {"attention_dir": "bidirectional", **ROTARY},
    "attention scale": {"attn_scale": 5.0},
    "no attention scale": {"use_attn_scale": False},
    "more outputs": {"d_vocab_out": 17},
    "three layers": {"n_layers": 3, "n_heads": 3, "d_head": 5},
    "before and after": {**RMS, "use_normalization_before_and_after": True},
    "as Llama": {**RMS, **ROTARY, "n_key_value_heads": 2, "gated_mlp": True, "act_fn": "silu"},
    "as Gemma 2": {
        **RMS,
        **ROTARY,
        **LOCAL,
        "n_key_value_heads": 2,
        "gated_mlp": True,
        "act_fn": "gelu_pytorch_tanh",
        "use_normalization_before_and_after": True,
        "attn_scores_soft_cap": 2.0,
        "output_logits_soft_cap": 3.0,
    },
}
ENCODERS = {"bert": {}, "bert, large eps": {"eps": 0.1, "n_layers": 3}}


def randomised(model, generator) -> None:
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            weight_of_norm = "ln" in name.split(".")[-2] and name.endswith((".w", ".weight"))
            parameter.copy_(noise * 0.4 + (1 if weight_of_norm else 0))


def tokens_for(vocabulary, length, generator):
    return torch.randint(0, vocabulary, (6, length), generator=generator)


def hooked(change, generator):
    encoder = change.pop("encoder", False)
    cfg = lens.HookedTransformerConfig(
        **{**BASE, **({"attention_dir": "bidirectional"} if encoder else {}), **change}
    )
    model = lens.HookedEncoder(cfg) if encoder else lens.HookedTransformer(cfg)
    randomised(model, generator)
    return model, cfg.to_dict()


def bloom(generator):
    """Six heads, no power of two, by Hugging Face: its slopes are those of the paper."""
    config = hugging_face.BloomConfig(
        vocab_size=13, hidden_size=24, n_layer=2, n_head=6, attn_implementation="eager"
    )
    model = hugging_face.BloomForCausalLM(config).double().eval()
    randomised(model, generator)
    return model, {}


def main(directory: Path) -> None:
    made = {}
    wanted = {
        **{name: lambda g, c=change: hooked(dict(c), g) for name, change in HOOKED.items()},
        **{
            name: lambda g, c=change: hooked({**c, "encoder": True}, g)
            for name, change in ENCODERS.items()
        },
        "bloom": bloom,
    }
    for number, (name, make) in enumerate(wanted.items()):
        generator = torch.Generator().manual_seed(number)
        model, cfg = make(generator)
        tokens = tokens_for(13, 9, generator)
        with torch.no_grad():
            answer = model(tokens)
        logits = getattr(answer, "logits", answer).numpy()
        arrays = {key: values.numpy() for key, values in model.state_dict().items()}
        np.savez(directory / f"{number}.npz", tokens=tokens.numpy(), logits=logits, **arrays)
        plain = (int, float, str, bool, list, type(None))
        said = {key: value for key, value in cfg.items() if isinstance(value, plain)}
        made[name] = {"file": f"{number}.npz", "cfg": said}
    (directory / "names.json").write_text(json.dumps(made, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
