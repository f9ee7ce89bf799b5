"""Run by an interpreter that has transformers: small networks saved as its users save them.

`python hugging_face_networks.py DIRECTORY` writes a folder NUMBER of each and NUMBER.npz: tokens,
and what comes out of every position in float32 and in float64. Where transformers computes in
float32 whatever the weights are (angles, softmax, RMSNorm), the pass in float64 does not.
It knows nothing of probbound.
"""

import json
import sys
import warnings
from importlib import import_module
from pathlib import Path

import numpy as np

torch = import_module("torch")
transformers = import_module("transformers")

warnings.filterwarnings("ignore")
POSITIONS, ROWS, TOKENS = 9, 6, 13
GPT2 = {"n_embd": 16, "n_layer": 2, "n_head": 4, "n_positions": 12}
SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 12,
}
NEO = {
    "hidden_size": 16,
    "num_layers": 2,
    "num_heads": 4,
    "window_size": 3,
    "max_position_embeddings": 12,
    "attention_types": [[["global", "local"], 1]],
}
OPT = {k: v for k, v in SIZES.items() if k != "intermediate_size"} | {"ffn_dim": 24}
OPT |= {"word_embed_proj_dim": 16}
SHARED = {**SIZES, "num_key_value_heads": 2}
GEMMA = {**SHARED, "head_dim": 6}
NETWORKS = [  # architecture, its configuration, settings
    ("GPT2LMHeadModel", "GPT2Config", GPT2),
    ("GPT2LMHeadModel", "GPT2Config", {**GPT2, "scale_attn_weights": False, "n_inner": 20}),
    ("GPT2LMHeadModel", "GPT2Config", {**GPT2, "tie_word_embeddings": False}),
    ("GPT2Model", "GPT2Config", {**GPT2, "activation_function": "gelu"}),
    ("GPTNeoXForCausalLM", "GPTNeoXConfig", SIZES | {"rotary_pct": 0.5}),
    ("GPTNeoXForCausalLM", "GPTNeoXConfig", {**SIZES, "use_parallel_residual": False}
     | {"rotary_pct": 1.0, "rotary_emb_base": 500, "attention_bias": False}),
    ("GPTNeoXForCausalLM", "GPTNeoXConfig", {**SIZES, "rotary_pct": 0.5}
     | {"tie_word_embeddings": True, "hidden_act": "gelu_new"}),
    ("GPTNeoXModel", "GPTNeoXConfig", SIZES | {"rotary_pct": 0.5, "hidden_act": "relu"}),
    ("GPTNeoForCausalLM", "GPTNeoConfig", NEO),
    ("GPTNeoModel", "GPTNeoConfig", {**NEO, "intermediate_size": 20, "window_size": 1}),
    ("OPTForCausalLM", "OPTConfig", OPT),
    ("OPTForCausalLM", "OPTConfig", {**OPT, "do_layer_norm_before": False}),
    ("OPTForCausalLM", "OPTConfig", {**OPT, "enable_bias": False}
     | {"layer_norm_elementwise_affine": False}),
    ("OPTModel", "OPTConfig", {**OPT, "activation_function": "gelu"}),
    ("PhiForCausalLM", "PhiConfig", SIZES),
    ("PhiForCausalLM", "PhiConfig", {**SHARED, "partial_rotary_factor": 1.0}),
    ("BertModel", "BertConfig", SIZES),
    ("BertForMaskedLM", "BertConfig", SIZES),
    ("BertForPreTraining", "BertConfig", {**SIZES, "hidden_act": "gelu_new"}),
    ("BertForMaskedLM", "BertConfig", {**SIZES, "tie_word_embeddings": False}),
    ("LlamaForCausalLM", "LlamaConfig", SIZES),
    ("LlamaForCausalLM", "LlamaConfig", {**SHARED, "attention_bias": True, "mlp_bias": True}
     | {"head_dim": 6, "rope_theta": 500.0}),
    ("LlamaForCausalLM", "LlamaConfig", {**SHARED, "tie_word_embeddings": True}
     | {"hidden_act": "gelu"}),
    ("LlamaModel", "LlamaConfig", {**SIZES, "num_key_value_heads": 1}),
    ("MistralForCausalLM", "MistralConfig", {**SHARED, "sliding_window": 3}),
    ("MistralForCausalLM", "MistralConfig", {**SHARED, "sliding_window": None}),
    ("Qwen2ForCausalLM", "Qwen2Config", SHARED),
    ("Qwen2ForCausalLM", "Qwen2Config", {**SHARED, "tie_word_embeddings": True}
     | {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1}),
    ("GemmaForCausalLM", "GemmaConfig", GEMMA),
    ("GemmaForCausalLM", "GemmaConfig", {**GEMMA, "hidden_size": 24}),
]  # fmt: skip


def randomised(model, generator):
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            drawn = torch.randn(parameter.shape, generator=generator) * 0.2
            scales = parameter.dim() == 1 and name.endswith("weight")
            parameter.copy_(drawn + 1 if scales else drawn)
        masked = getattr(getattr(model, "cls", None), "predictions", None)
        if masked is not None:  # one bias, which versions before 5 make two names of
            masked.bias.copy_(masked.decoder.bias)


def outcomes(model, tokens):
    with torch.no_grad():
        found = model(tokens)
    for name in ("logits", "prediction_logits", "last_hidden_state"):
        if name in found:
            return found[name].numpy()
    raise ValueError(list(found))


def main(directory: Path) -> None:
    made = []
    for number, (architecture, configuration, changes) in enumerate(NETWORKS):
        generator = torch.Generator().manual_seed(number)
        settings = {"vocab_size": TOKENS, "attn_implementation": "eager", **changes}
        config = getattr(transformers, configuration)(**settings)
        model = getattr(transformers, architecture)(config).eval()
        randomised(model, generator)
        shards = {"max_shard_size": "3KB"} if number % 3 == 1 else {}
        model.save_pretrained(directory / str(number), **shards)
        if number % 6 == 2:  # as older versions saved, with all names of what is tied
            (directory / str(number) / "model.safetensors").unlink()
            torch.save(model.state_dict(), directory / str(number) / "pytorch_model.bin")
        tokens = torch.randint(0, TOKENS, (ROWS, POSITIONS), generator=generator)
        made.append((architecture, config, model, tokens, outcomes(model, tokens)))
    vars(torch).update(float32=torch.float64, float=torch.float64)  # who asks for one gets another
    torch.Tensor.float = torch.Tensor.double
    report = []
    for number, (architecture, config, model, tokens, narrow) in enumerate(made):
        wide = getattr(transformers, architecture)(config).eval().double()
        wide.load_state_dict(model.state_dict())
        out = {"float32": narrow, "float64": outcomes(wide, tokens)}
        np.savez(directory / f"{number}.npz", tokens=tokens.numpy(), **out)
        report.append({"architecture": architecture, "settings": NETWORKS[number][2]})
    versions = {"transformers": transformers.__version__, "made": report}
    (directory / "names.json").write_text(json.dumps(versions, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
