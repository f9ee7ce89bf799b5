"""Run by an interpreter that has transformers: what its BertModel says of some rows of tokens.

`python minilm_embeddings.py FOLDER TOKENS.npz OUT.npz` writes the last hidden state of every
position, in float32 and in float64. It knows nothing of probbound.
"""

import sys
from importlib import import_module

import numpy as np

torch = import_module("torch")
transformers = import_module("transformers")


def main(folder: str, tokens: str, out: str) -> None:
    model = transformers.BertModel.from_pretrained(folder, attn_implementation="eager").eval()
    with np.load(tokens) as held:
        rows = torch.from_numpy(held["tokens"])
    found = {}
    with torch.no_grad():
        for name, each in (("float32", model.float()), ("float64", model.double())):
            found[name] = each(rows).last_hidden_state.numpy()
    np.savez(out, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
