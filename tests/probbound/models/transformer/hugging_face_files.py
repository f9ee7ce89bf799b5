"""Random networks as checkpoints of Hugging Face have them, row by row in explicit loops."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.arrays import shapes
from probbound.models.transformer.network import GeneralTransformer

State = dict[str, np.ndarray]
SIZES = {"n_layers": 2, "n_heads": 3, "d_model": 12, "d_head": 4, "d_vocab": 7, "n_ctx": 5}


@dataclass(frozen=True)
class Case:
    """A network and how transformers says it."""

    architecture: Architecture
    config: Mapping[str, Any]
    written: Callable[[Mapping[str, np.ndarray], Architecture], State]
    tied: bool = False
    without: tuple[str, ...] = ()
    one_norm: bool = False

    def network(self, seed: int = 0) -> GeneralTransformer:
        """All arrays that it may have, random 256ths, but for ends of names in `without`."""
        rng = np.random.default_rng(seed)
        made = {}
        for name, shape in shapes(self.architecture).items():
            if not name.endswith(self.without or ("nothing",)):
                made[name] = np.float32(np.round(256 * rng.normal(size=shape.axes)) / 256)
        if self.tied:
            made["unembed.W_U"] = made["embed.W_E"].T
        if self.one_norm:
            made |= {name: made[name.replace("ln2", "ln1")] for name in made if "ln2" in name}
        return GeneralTransformer(made, self.architecture)

    def state(self, seed: int = 0) -> dict[str, Any]:
        """Its arrays by their names."""
        found = self.written(self.network(seed).arrays, self.architecture)
        return {name: np.ascontiguousarray(values) for name, values in found.items()}


def folder_of(case: Case, path: Path, state: State | None = None, **changes: Any) -> Path:
    """As save_pretrained writes it, some keys changed."""
    path.mkdir(exist_ok=True)
    save_file(case.state() if state is None else state, path / "model.safetensors")
    (path / "config.json").write_text(json.dumps({**case.config, **changes}))
    return path


def _rows(*matrices: np.ndarray) -> np.ndarray:
    """[out, in] of matrices [heads, in, e]: the first's heads, then the second's."""
    return np.array([each[h][:, j] for each in matrices for h, j in _places(each)])


def _entries(*biases: np.ndarray) -> np.ndarray:
    return np.array([each[h, j] for each in biases for h in range(len(each)) for j in _es(each)])


def _columns(W_O: np.ndarray) -> np.ndarray:
    """[out, in] of [heads, e, out]."""
    flat = [W_O[h, j] for h in range(len(W_O)) for j in range(W_O.shape[1])]
    return np.stack(flat, axis=1)


def _places(matrix: np.ndarray) -> list[tuple[int, int]]:
    return [(h, j) for h in range(len(matrix)) for j in range(matrix.shape[2])]


def _es(bias: np.ndarray) -> range:
    return range(bias.shape[1])


def _moved(arrays: Mapping[str, np.ndarray], names: Mapping[str, str]) -> State:
    """Arrays under other names, matrices of two axes turned, those that are there."""
    made = {}
    for ours, theirs in names.items():
        if ours in arrays:
            turned = (theirs.endswith(".weight") and "mlp" in ours) or ours in (
                "unembed.W_U",
                "head.W",
            )
            made[theirs] = arrays[ours].T if turned else arrays[ours]
    return made


def _norms(ours: str, theirs: str) -> dict[str, str]:
    return {f"{ours}.w": f"{theirs}.weight", f"{ours}.b": f"{theirs}.bias"}


def _linear(ours: str, which: str, theirs: str) -> dict[str, str]:
    return {f"{ours}.W_{which}": f"{theirs}.weight", f"{ours}.b_{which}": f"{theirs}.bias"}


def _attention(arrays: Mapping[str, np.ndarray], block: str, names: Mapping[str, str]) -> State:
    at = f"{block}.attn"
    made = {f"{names[w]}.weight": _rows(arrays[f"{at}.W_{w}"]) for w in "QKV"}
    made[f"{names['O']}.weight"] = _columns(arrays[f"{at}.W_O"])
    for which in "QKV":
        if f"{at}.b_{which}" in arrays:
            made[f"{names[which]}.bias"] = _entries(arrays[f"{at}.b_{which}"])
    if f"{at}.b_O" in arrays:
        made[f"{names['O']}.bias"] = arrays[f"{at}.b_O"]
    return made


def gpt2(arrays: Mapping[str, np.ndarray], a: Architecture) -> State:
    """Conv1D: [in, out], all queries, all keys, all values."""
    made = _moved(arrays, {"embed.W_E": "transformer.wte.weight", "unembed.W_U": "lm_head.weight"})
    made["transformer.wpe.weight"] = arrays["pos_embed.W_pos"]
    made |= _moved(arrays, _norms("ln_final", "transformer.ln_f"))
    for i in range(a.n_layers):
        b, h = f"blocks.{i}", f"transformer.h.{i}"
        made |= _moved(arrays, _norms(f"{b}.ln1", f"{h}.ln_1") | _norms(f"{b}.ln2", f"{h}.ln_2"))
        q, k, v = (arrays[f"{b}.attn.W_{w}"] for w in "QKV")
        made[f"{h}.attn.c_attn.weight"] = _rows(q, k, v).T
        made[f"{h}.attn.c_attn.bias"] = _entries(*(arrays[f"{b}.attn.b_{w}"] for w in "QKV"))
        made[f"{h}.attn.c_proj.weight"] = _columns(arrays[f"{b}.attn.W_O"]).T
        made[f"{h}.attn.c_proj.bias"] = arrays[f"{b}.attn.b_O"]
        made[f"{h}.mlp.c_fc.weight"] = arrays[f"{b}.mlp.W_in"]
        made[f"{h}.mlp.c_fc.bias"] = arrays[f"{b}.mlp.b_in"]
        made[f"{h}.mlp.c_proj.weight"] = arrays[f"{b}.mlp.W_out"]
        made[f"{h}.mlp.c_proj.bias"] = arrays[f"{b}.mlp.b_out"]
    return made


def gpt_neox(arrays: Mapping[str, np.ndarray], a: Architecture) -> State:
    """A head's queries, its keys, its values; then the next head's."""
    names = {"embed.W_E": "gpt_neox.embed_in.weight", "unembed.W_U": "embed_out.weight"}
    made = _moved(arrays, names | _norms("ln_final", "gpt_neox.final_layer_norm"))
    for i in range(a.n_layers):
        b, at = f"blocks.{i}", f"gpt_neox.layers.{i}"
        made |= _moved(
            arrays,
            _norms(f"{b}.ln1", f"{at}.input_layernorm")
            | _norms(f"{b}.ln2", f"{at}.post_attention_layernorm")
            | _linear(f"{b}.mlp", "in", f"{at}.mlp.dense_h_to_4h")
            | _linear(f"{b}.mlp", "out", f"{at}.mlp.dense_4h_to_h"),
        )
        heads = range(a.n_heads)
        parts = [arrays[f"{b}.attn.W_{w}"][h : h + 1] for h in heads for w in "QKV"]
        biases = [arrays[f"{b}.attn.b_{w}"][h : h + 1] for h in heads for w in "QKV"]
        made[f"{at}.attention.query_key_value.weight"] = _rows(*parts)
        made[f"{at}.attention.query_key_value.bias"] = _entries(*biases)
        made[f"{at}.attention.dense.weight"] = _columns(arrays[f"{b}.attn.W_O"])
        made[f"{at}.attention.dense.bias"] = arrays[f"{b}.attn.b_O"]
        made[f"{at}.attention.masked_bias"] = np.array(-1e9, np.float32)
    return made


def bert(arrays: Mapping[str, np.ndarray], a: Architecture) -> State:
    """Two kinds of segments, a pooler, and, with a head, all names of its one bias."""
    p = "bert." if a.head == "masked" else ""
    e = f"{p}embeddings"
    names = {"embed.W_E": f"{e}.word_embeddings.weight"}
    names |= {"pos_embed.W_pos": f"{e}.position_embeddings.weight"}
    made = _moved(arrays, names | _norms("embed.ln", f"{e}.LayerNorm"))
    made[f"{e}.token_type_embeddings.weight"] = np.stack([arrays["embed.b_E"], np.ones(a.d_model)])
    made[f"{e}.position_ids"] = np.arange(a.n_ctx)
    made[f"{p}pooler.dense.weight"] = np.ones((a.d_model, a.d_model), np.float32)
    for i in range(a.n_layers):
        b, at = f"blocks.{i}", f"{p}encoder.layer.{i}"
        inner = {"Q": "self.query", "K": "self.key", "V": "self.value", "O": "output.dense"}
        made |= _attention(arrays, b, {w: f"{at}.attention.{n}" for w, n in inner.items()})
        made |= _moved(
            arrays,
            _norms(f"{b}.ln1", f"{at}.attention.output.LayerNorm")
            | _norms(f"{b}.ln2", f"{at}.output.LayerNorm")
            | _linear(f"{b}.mlp", "in", f"{at}.intermediate.dense")
            | _linear(f"{b}.mlp", "out", f"{at}.output.dense"),
        )
    head = {"head.W": "cls.predictions.transform.dense.weight"}
    head |= {"head.b": "cls.predictions.transform.dense.bias"}
    head |= _norms("head.ln", "cls.predictions.transform.LayerNorm")
    head |= {"unembed.b_U": "cls.predictions.bias"}
    return made | _moved(arrays, head)


def gpt_neo(arrays: Mapping[str, np.ndarray], a: Architecture) -> State:
    """As GPT-2, with Linear layers."""
    made = _moved(arrays, {"embed.W_E": "transformer.wte.weight"})
    made["transformer.wpe.weight"] = arrays["pos_embed.W_pos"]
    made |= _moved(arrays, _norms("ln_final", "transformer.ln_f"))
    for i in range(a.n_layers):
        b, h = f"blocks.{i}", f"transformer.h.{i}"
        inner = {"Q": "q_proj", "K": "k_proj", "V": "v_proj", "O": "out_proj"}
        made |= _attention(arrays, b, {w: f"{h}.attn.attention.{n}" for w, n in inner.items()})
        made |= _moved(arrays, _norms(f"{b}.ln1", f"{h}.ln_1") | _norms(f"{b}.ln2", f"{h}.ln_2"))
        made |= _moved(arrays, _linear(f"{b}.mlp", "in", f"{h}.mlp.c_fc"))
        made |= _moved(arrays, _linear(f"{b}.mlp", "out", f"{h}.mlp.c_proj"))
    return made


def opt(arrays: Mapping[str, np.ndarray], a: Architecture) -> State:
    """Two rows before the first position."""
    p = "model.decoder"
    table = arrays["pos_embed.W_pos"]
    made = _moved(arrays, {"embed.W_E": f"{p}.embed_tokens.weight"})
    made |= _moved(arrays, _norms("ln_final", f"{p}.final_layer_norm"))
    made[f"{p}.embed_positions.weight"] = np.concatenate([np.ones((2, a.d_model)), table])
    for i in range(a.n_layers):
        b, at = f"blocks.{i}", f"{p}.layers.{i}"
        inner = {"Q": "q_proj", "K": "k_proj", "V": "v_proj", "O": "out_proj"}
        made |= _attention(arrays, b, {w: f"{at}.self_attn.{n}" for w, n in inner.items()})
        made |= _moved(
            arrays,
            _norms(f"{b}.ln1", f"{at}.self_attn_layer_norm")
            | _norms(f"{b}.ln2", f"{at}.final_layer_norm")
            | _linear(f"{b}.mlp", "in", f"{at}.fc1")
            | _linear(f"{b}.mlp", "out", f"{at}.fc2"),
        )
    return made


def phi(arrays: Mapping[str, np.ndarray], a: Architecture) -> State:
    """One norm for attention and MLP, a bias of the unembedding."""
    names = {"embed.W_E": "model.embed_tokens.weight", "unembed.W_U": "lm_head.weight"}
    names |= {"unembed.b_U": "lm_head.bias"}
    made = _moved(arrays, names | _norms("ln_final", "model.final_layernorm"))
    for i in range(a.n_layers):
        b, at = f"blocks.{i}", f"model.layers.{i}"
        inner = {"Q": "q_proj", "K": "k_proj", "V": "v_proj", "O": "dense"}
        made |= _attention(arrays, b, {w: f"{at}.self_attn.{n}" for w, n in inner.items()})
        made |= _moved(
            arrays,
            _norms(f"{b}.ln1", f"{at}.input_layernorm")
            | _linear(f"{b}.mlp", "in", f"{at}.mlp.fc1")
            | _linear(f"{b}.mlp", "out", f"{at}.mlp.fc2"),
        )
    return made


def llama(arrays: Mapping[str, np.ndarray], a: Architecture) -> State:
    """Gated MLPs, RMSNorms; its relatives have the same names."""
    names = {"embed.W_E": "model.embed_tokens.weight", "unembed.W_U": "lm_head.weight"}
    made = _moved(arrays, {**names, "ln_final.w": "model.norm.weight"})
    for i in range(a.n_layers):
        b, at = f"blocks.{i}", f"model.layers.{i}"
        made |= _attention(arrays, b, {w: f"{at}.self_attn.{w.lower()}_proj" for w in "QKVO"})
        made |= _moved(
            arrays,
            {
                f"{b}.ln1.w": f"{at}.input_layernorm.weight",
                f"{b}.ln2.w": f"{at}.post_attention_layernorm.weight",
            }
            | _linear(f"{b}.mlp", "gate", f"{at}.mlp.gate_proj")
            | _linear(f"{b}.mlp", "in", f"{at}.mlp.up_proj")
            | _linear(f"{b}.mlp", "out", f"{at}.mlp.down_proj"),
        )
    return made


def gemma(arrays: Mapping[str, np.ndarray], a: Architecture) -> State:
    """Llama's names, weights of norms less 1, the embedding over the root of the width."""
    made = llama(arrays, a)
    for name in made:
        if name.endswith("norm.weight"):
            made[name] = made[name] - np.float32(1)
    made["model.embed_tokens.weight"] = arrays["embed.W_E"] / np.float32(np.sqrt(a.d_model))
    return made
