"""Attention alone by the definition (10.3), sequence by sequence, and sets of sequences."""

import numpy as np


def states(form, tokens):
    """The state at every position, [layers + 1, sequences, positions, width]."""
    n = tokens.shape[1]
    made = [form.atoms[np.arange(n), tokens]]
    for layer in range(form.n_layers):
        x = made[-1]
        moved = sum(
            attention(form, x, layer, head) @ x @ form.values[layer, head]
            for head in range(form.n_heads)
        )
        made.append(x + moved)
    return np.stack(made)


def scores(form, x, layer, head):
    return x @ form.scores[layer, head] @ np.swapaxes(x, 1, 2)


def attention(form, x, layer, head):
    found = scores(form, x, layer, head)
    found[:, *np.triu_indices(found.shape[1], 1)] = -np.inf
    e = np.exp(found - found.max(axis=2, keepdims=True))
    return e / e.sum(axis=2, keepdims=True)


def leads(model, tokens, labels, margin=0.0):
    """Which labels lead every other outcome by more than the margin."""
    logits = model(tokens)
    rows = np.arange(len(tokens))
    own = logits[rows, labels].copy()
    logits[rows, labels] = -np.inf
    return own - logits.max(axis=1) > margin


def some_sets(rng, n, v, share=0.6):
    """A product set, no place of which is empty."""
    made = rng.random((n, v)) < share
    made[np.arange(n), rng.integers(v, size=n)] = True
    return made
