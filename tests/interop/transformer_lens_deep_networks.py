"""Run by an interpreter that has TransformerLens: deep networks saved as its users save them.

`python transformer_lens_deep_networks.py DIRECTORY` writes NUMBER.pth (state dict in float64 and
configuration) and NUMBER.npz (tokens, logits at all positions in float64 and in float32, of the
same weights, and some activations by name), and names.json: what was made, what was changed, what
has to be refused by which key. It knows nothing of probbound.
"""

import json
import sys
import warnings
from importlib import import_module, metadata
from pathlib import Path

import numpy as np

torch = import_module("torch")

warnings.filterwarnings("ignore")
BASE = {
    "n_layers": 2,
    "d_model": 12,
    "d_head": 4,
    "n_heads": 4,
    "n_ctx": 6,
    "d_vocab": 11,
    "d_mlp": 20,
    "act_fn": "gelu_new",
    "normalization_type": "LN",
    "seed": 0,
    "device": "cpu",
}
ROTARY = {"positional_embedding_type": "rotary"}
LOCAL = {"use_local_attn": True, "window_size": 3, "attn_types": ["global", "local"]}
BOTH = {  # what both versions compute
    "as GPT-2": {},
    "LNPre": {"normalization_type": "LNPre"},
    "RMS": {"normalization_type": "RMS"},
    "RMSPre": {"normalization_type": "RMSPre"},
    "no norms": {"normalization_type": None},
    "attention only": {"attn_only": True},
    "attention only, no norms, 3 layers": {
        "attn_only": True,
        "normalization_type": None,
        "n_layers": 3,
    },
    "gelu": {"act_fn": "gelu"},
    "silu": {"act_fn": "silu"},
    "relu": {"act_fn": "relu"},
    "gated gelu": {"gated_mlp": True, "act_fn": "gelu"},
    "as Llama": {
        "normalization_type": "RMS",
        "gated_mlp": True,
        "act_fn": "silu",
        "n_key_value_heads": 2,
        "rotary_adjacent_pairs": True,
        **ROTARY,
    },
    "rotary, adjacent, 2 of 4": {"rotary_dim": 2, "rotary_adjacent_pairs": True, **ROTARY},
    "rotary, base 500": {"rotary_base": 500, "rotary_adjacent_pairs": True, **ROTARY},
    "bidirectional": {"attention_dir": "bidirectional"},
    "scale": {"attn_scale": 1.7},
    "scores capped": {"attn_scores_soft_cap": 0.7},
    "logits capped": {"output_logits_soft_cap": 1.5},
    "one head of keys": {"n_key_value_heads": 1},
    "keys of every head": {"n_key_value_heads": 4},
    "more outputs": {"d_vocab_out": 13},
    "one head, 3 layers": {"n_layers": 3, "n_heads": 1, "d_head": 5},
    "final_rms beside RMS": {"normalization_type": "RMS", "final_rms": True},
    "eps": {"eps": 0.1},
    "one layer": {"n_layers": 1},
    "one layer of attention, LNPre": {
        "n_layers": 1,
        "attn_only": True,
        "normalization_type": "LNPre",
    },
    "one layer of attention, rotary": {
        "n_layers": 1,
        "attn_only": True,
        "normalization_type": None,
        "rotary_adjacent_pairs": True,
        **ROTARY,
    },
}
ONLY_3 = {
    "gelu_fast": {"act_fn": "gelu_fast"},
    "gelu_pytorch_tanh": {"act_fn": "gelu_pytorch_tanh"},
    "rotary, halves": ROTARY,
    "rotary, halves, 2 of 4": {"rotary_dim": 2, **ROTARY},
    "shortformer": {"positional_embedding_type": "shortformer"},
    "shortformer, parallel": {
        "positional_embedding_type": "shortformer",
        "parallel_attn_mlp": True,
    },
    "alibi": {"positional_embedding_type": "alibi"},
    "as Bloom": {"positional_embedding_type": "alibi", "post_embedding_ln": True},
    "norm of the embedding, rotary": {"post_embedding_ln": True, **ROTARY},
    "as GPT-Neo": {**LOCAL, "use_attn_scale": False},
    "all layers local": {**LOCAL, "attn_types": ["local", "local"]},
    "scores not scaled": {"use_attn_scale": False},
    "as Gemma 2": {
        "normalization_type": "RMS",
        "use_normalization_before_and_after": True,
        "gated_mlp": True,
        "act_fn": "gelu_pytorch_tanh",
        "n_key_value_heads": 2,
        "attn_scores_soft_cap": 0.7,
        "output_logits_soft_cap": 1.5,
        **LOCAL,
        **ROTARY,
    },
    "norms on both sides, RMSPre": {
        "normalization_type": "RMSPre",
        "use_normalization_before_and_after": True,
    },
    "parallel": {"parallel_attn_mlp": True},
    "as GPT-NeoX": {"parallel_attn_mlp": True, "rotary_dim": 2, **ROTARY},
    "hooks": {
        "use_attn_result": True,
        "use_split_qkv_input": True,
        "n_key_value_heads": 2,
        "ungroup_grouped_query_attention": True,
    },
    "encoder": {"act_fn": "gelu", "attention_dir": "bidirectional", "encoder": True},
    "encoder, 3 layers": {
        "act_fn": "gelu",
        "attention_dir": "bidirectional",
        "n_layers": 3,
        "attn_scale": 1.3,
        "encoder": True,
    },
}
FOLDED = {"folded": {}, "folded, gated": {"gated_mlp": True, "act_fn": "silu"}}
REFUSED = {  # each under the key that a refusal must name
    "act_fn": {"act_fn": "solu_ln"},
    "act_fn solu": {"act_fn": "solu"},
    "final_rms": {"final_rms": True},
}
REFUSED_3 = {
    "act_fn xielu": {"act_fn": "xielu"},
    "act_fn relu2": {"act_fn": "relu2"},
    "use_qk_norm": {"use_qk_norm": True},
    "clip_qkv": {"clip_qkv": 0.1},
    "num_experts": {"num_experts": 2, "experts_per_token": 1, "gated_mlp": True},
    "use_attention_sinks": {"use_attention_sinks": True},
    "scale_attn_by_inverse_layer_idx": {"scale_attn_by_inverse_layer_idx": True},
    "use_NTK_by_parts_rope": {"use_NTK_by_parts_rope": True, **ROTARY},
    "use_yarn_rope": {"use_yarn_rope": True, **ROTARY},
    "use_logn_attn": {"use_logn_attn": True},
    "use_dynamic_ntk_rope": {"use_dynamic_ntk_rope": True, **ROTARY},
    "rotary_scaling_factor": {"rotary_scaling_factor": 8.0, **ROTARY},
    "rotary_base_local": {"rotary_base_local": 100, **LOCAL, **ROTARY},
    "positional_embedding_type alibi": {
        "positional_embedding_type": "alibi",
        "n_heads": 3,
    },
    "original_architecture": {
        "original_architecture": "Olmo2ForCausalLM",
        "normalization_type": "RMS",
    },
    "post_embedding_ln": {"post_embedding_ln": True},
    "post_embedding_ln RMS": {"post_embedding_ln": True, "normalization_type": "RMS", **ROTARY},
    "use_local_attn": {**LOCAL, "attention_dir": "bidirectional"},
}
CACHED = ("as GPT-2", "as Llama", "as Gemma 2", "as GPT-NeoX", "as Bloom", "encoder", "LNPre")


def network(settings, version, dtype):
    """A network of either version."""
    settings = dict(settings)
    encoder = settings.pop("encoder", False)
    if version == 3:
        lens = import_module("transformer_lens")
        cfg = lens.HookedTransformerConfig(**settings, dtype=dtype)
        return lens.HookedEncoder(cfg) if encoder else lens.HookedTransformer(cfg)
    cfg = import_module("transformer_lens.config").TransformerBridgeConfig(**settings)
    return (
        import_module("transformer_lens.model_bridge").TransformerBridge.boot_native(cfg).to(dtype)
    )


def randomised(made, generator):
    """Every parameter anew, numbers of float32; smaller where no norm holds activations down."""
    size = 0.5 if made.cfg.normalization_type else 0.25
    with torch.no_grad():
        for parameter in made.parameters():
            values = torch.randn(parameter.shape, generator=generator) * size
            parameter.copy_(values + (parameter.dim() == 1) * 0.5)


def saved(settings, version, number, directory, *, fold, cache):
    """A network, its logits in two float types, and how it is called."""
    generator = torch.Generator().manual_seed(number)
    model = network(settings, version, torch.float64)
    randomised(model, generator)
    if fold:
        model.enable_compatibility_mode()
    tokens = torch.randint(0, model.cfg.d_vocab, (8, model.cfg.n_ctx), generator=generator)
    arrays = {"tokens": tokens.numpy()}
    with torch.no_grad():
        arrays["float64"] = model(tokens).numpy()
        if cache:
            _, found = model.run_with_cache(tokens)
            arrays |= {f"cache/{name}": values.numpy() for name, values in found.items()}
        state = {name: values.clone() for name, values in model.state_dict().items()}
        if not fold:
            narrow = network(settings, version, torch.float32)
            narrow.load_state_dict(model.state_dict())
            arrays["float32"] = narrow(tokens).numpy()
    torch.save({"model": state, "cfg": model.cfg.to_dict()}, directory / f"{number}.pth")
    np.savez(directory / f"{number}.npz", allow_pickle=False, **arrays)


def main(directory: Path) -> None:
    version = int(metadata.version("transformer-lens")[0])
    only = version == 3
    wanted = {name: (change, False) for name, change in (BOTH | (ONLY_3 if only else {})).items()}
    wanted |= {} if only else {name: (change, True) for name, change in FOLDED.items()}
    refused = REFUSED | (REFUSED_3 if only else {})
    wanted |= {name: (change, False) for name, change in refused.items()}
    made, failed = {}, {}
    for number, (name, (change, fold)) in enumerate(wanted.items()):
        settings, cache = {**BASE, **change}, only and name in CACHED
        try:
            saved(settings, version, number, directory, fold=fold, cache=cache)
        except Exception as error:  # a version may not know a setting, or forbid it
            failed[name] = f"{type(error).__name__}: {error}".splitlines()[0]
            continue
        refusal = name.split()[0] if name in refused else None
        made[name] = {"file": str(number), "refused": refusal, "change": sorted(change)}
    report = {"version": version, "made": made, "not made": failed}
    (directory / "names.json").write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
