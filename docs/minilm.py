"""MiniLM's arrays by TransformerLens' names: python docs/minilm.py SOURCE OUT (.safetensors).

SOURCE goes by the names of Hugging Face's BERT. The embedding written is what enters the first
block: word, mean position and first token type, normalised. Biases are left out.
"""

import sys

import numpy as np
from safetensors.numpy import load_file, save_file

HEADS = 12
EPSILON = 1e-12  # layer_norm_eps of config.json


def embedded(arrays):
    """Word embeddings as they enter the first block [d_vocab, d_model]."""
    wide = {name: values.astype(np.float64) for name, values in arrays.items()}
    rows = wide["word_embeddings.weight"] + wide["position_embeddings.weight"].mean(axis=0)
    rows += wide["token_type_embeddings.weight"][0]
    rows -= rows.mean(axis=1, keepdims=True)
    rows /= np.sqrt((rows**2).mean(axis=1, keepdims=True) + EPSILON)
    return rows * wide["LayerNorm.weight"] + wide["LayerNorm.bias"]


def by_head(weight):
    """A weight [heads · d_head, d_model] as [heads, d_model, d_head]."""
    return weight.reshape(HEADS, -1, weight.shape[1]).transpose(0, 2, 1)


def renamed(held):
    """All arrays that circuits are made of."""
    embeddings = {
        name.removeprefix("embeddings."): values
        for name, values in held.items()
        if name.startswith("embeddings.") and values.dtype.kind == "f"
    }
    made = {"embed.W_E": embedded(embeddings)}
    layers = sum(name.endswith("attention.self.query.weight") for name in held)
    for layer in range(layers):
        block, source = f"blocks.{layer}", f"encoder.layer.{layer}"
        for part, name in (("Q", "query"), ("K", "key"), ("V", "value")):
            weight = held[f"{source}.attention.self.{name}.weight"]
            made[f"{block}.attn.W_{part}"] = by_head(weight)
        output = held[f"{source}.attention.output.dense.weight"]
        made[f"{block}.attn.W_O"] = output.T.reshape(HEADS, -1, len(output))
        made[f"{block}.mlp.W_in"] = held[f"{source}.intermediate.dense.weight"].T
        made[f"{block}.mlp.W_out"] = held[f"{source}.output.dense.weight"].T
    return {name: np.ascontiguousarray(values) for name, values in made.items()}


if __name__ == "__main__":
    save_file(renamed(load_file(sys.argv[1])), sys.argv[2])
