"""Run by an interpreter that has TransformerLens: networks saved as its users save them.

`python transformer_lens_networks.py DIRECTORY` writes NAME.pth (state dict and configuration) and
NAME.npz (tokens and the logits of TransformerLens) for each, and names.json: what was changed.
It knows nothing of probbound.
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
    "n_layers": 1,
    "d_model": 16,
    "d_head": 8,
    "n_heads": 2,
    "n_ctx": 4,
    "d_vocab": 11,
    "attn_only": True,
    "normalization_type": None,
    "seed": 0,
    "device": "cpu",
}
SAME = {  # settings that leave a network of one attention layer what it is
    "plain": {},
    "one head": {"n_heads": 1},
    "narrow head": {"n_heads": 3, "d_head": 5},
    "one position": {"n_ctx": 1},
    "more outputs": {"d_vocab_out": 13},
    "scale of an int": {"attn_scale": 3},
    "scale of a float": {"attn_scale": 1.5},
    "scale of a NumPy number": {"attn_scale": np.float32(2.5)},
    "large scale": {"attn_scale": 100},
    "seed": {"seed": 17},
    "initialised otherwise": {"init_mode": "xavier_uniform"},
    "hooks": {"use_attn_result": True, "use_split_qkv_input": True},
    "name": {"model_name": "mine", "tokenizer_prepends_bos": True},
    "act_fn": {"act_fn": "gelu"},
    "d_mlp": {"d_mlp": 7},
    "eps": {"eps": 0.5},
    "rotary base": {"rotary_base": 500},
}
OTHER = {  # settings that make another network, each under the key that a refusal must name
    "n_layers": {"n_layers": 2},
    "attn_only": {"attn_only": False},
    "normalization_type": {"normalization_type": "LNPre"},
    "normalization_type LN": {"normalization_type": "LN"},
    "normalization_type RMSPre": {"normalization_type": "RMSPre"},
    "positional_embedding_type": {"positional_embedding_type": "rotary"},
    "attention_dir": {"attention_dir": "bidirectional"},
    "attn_scores_soft_cap": {"attn_scores_soft_cap": 0.5},
    "output_logits_soft_cap": {"output_logits_soft_cap": 0.5},
    "use_attn_scale": {"use_attn_scale": False},
    "final_rms": {"final_rms": True},
    "n_key_value_heads": {"n_key_value_heads": 1},
}
OTHER_3 = {
    "positional_embedding_type shortformer": {"positional_embedding_type": "shortformer"},
    "positional_embedding_type alibi": {"positional_embedding_type": "alibi"},
    "use_local_attn": {"use_local_attn": True, "window_size": 2, "attn_types": ["local"]},
    "clip_qkv": {"clip_qkv": 0.1},
    "use_qk_norm": {"use_qk_norm": True},
    "use_attention_sinks": {"use_attention_sinks": True},
    "post_embedding_ln": {"post_embedding_ln": True},
    "scale_attn_by_inverse_layer_idx": {"scale_attn_by_inverse_layer_idx": True},
    "use_normalization_before_and_after": {"use_normalization_before_and_after": True},
    "original_architecture": {"original_architecture": "OlmoForCausalLM"},
}


def network(settings, version):
    """A network of either version, its weights and biases random, and how it is called."""
    if version == 3:
        lens = import_module("transformer_lens")
        return lens.HookedTransformer(lens.HookedTransformerConfig(**settings))
    cfg = import_module("transformer_lens.config").TransformerBridgeConfig(**settings)
    return import_module("transformer_lens.model_bridge").TransformerBridge.boot_native(cfg)


def randomised(made, generator):
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.4)


def main(directory: Path) -> None:
    version = int(metadata.version("transformer-lens")[0])
    wanted = {**SAME, **OTHER, **(OTHER_3 if version == 3 else {})}
    made, failed = {}, {}
    for number, (name, change) in enumerate(wanted.items()):
        generator = torch.Generator().manual_seed(number)
        try:
            model = network({**BASE, **change}, version)
            randomised(model, generator)
            cfg = model.cfg.to_dict()
            tokens = torch.randint(0, cfg["d_vocab"], (64, cfg["n_ctx"]), generator=generator)
            with torch.no_grad():
                logits = model(tokens).numpy()
        except Exception as error:  # a version may not know a setting, or forbid it
            failed[name] = f"{type(error).__name__}: {error}".splitlines()[0]
            continue
        torch.save({"model": model.state_dict(), "cfg": cfg}, directory / f"{number}.pth")
        torch.save(model.state_dict(), directory / f"{number}.bare.pth")
        np.savez(directory / f"{number}.npz", tokens=tokens.numpy(), logits=logits)
        made[name] = {"file": str(number), "same": name in SAME, "keys": sorted(change)}
    report = {"version": version, "made": made, "not made": failed}
    (directory / "names.json").write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
