"""Small models and slow, independent references to hold the fast code to."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np

from probbound.certificates.certificate import Certificate
from probbound.certificates.format import statement
from probbound.check import Report
from probbound.check.document import predicate_of
from probbound.check.judge import judge
from probbound.check.models.attention_only.weights import Weights
from probbound.models.attention_only.transformer import WEIGHT_SHAPES, Transformer, in_float64
from probbound.models.recipes import Recipe
from probbound.tasks.max_of_k.task import MaxOfK
from probbound.tasks.max_of_k.training import train


def random_model(
    seed: int,
    *,
    d_vocab: int = 5,
    n_ctx: int = 3,
    d_model: int = 6,
    d_head: int = 4,
    n_heads: int = 1,
    biases: bool = False,
    spread: float = 0.7,
    d_vocab_out: int | None = None,
) -> Transformer:
    """Gaussian weights; untrained, so about 1/d_vocab of the answers are right."""
    rng = np.random.default_rng(seed)
    out = d_vocab_out or d_vocab
    shapes = {
        "W_E": (d_vocab, d_model),
        "W_pos": (n_ctx, d_model),
        "W_Q": (n_heads, d_model, d_head),
        "W_K": (n_heads, d_model, d_head),
        "W_V": (n_heads, d_model, d_head),
        "W_O": (n_heads, d_head, d_model),
        "W_U": (d_model, out),
        "b_Q": (n_heads, d_head),
        "b_K": (n_heads, d_head),
        "b_V": (n_heads, d_head),
        "b_O": (d_model,),
        "b_U": (out,),
    }
    weights = {
        name: spread * rng.standard_normal(shape) * (biases or not name.startswith("b_"))
        for name, shape in shapes.items()
    }
    return Transformer(**weights, attn_scale=math.sqrt(d_head), name=f"random-{seed}")


def copying_model(
    seed: int, *, d_vocab: int = 6, n_ctx: int = 3, noise: float = 0.3
) -> Transformer:
    """One-hot embeddings that attend to large tokens and copy them, plus noise: mostly right."""
    rng = np.random.default_rng(seed)
    d = d_vocab + 1
    embed = np.concatenate([np.eye(d_vocab), np.linspace(0, 3, d_vocab)[:, None]], axis=1)
    query, key = np.zeros((2, 1, d, d))
    query[:, :, 0] = 1.0
    key[0, -1, 0] = 2.0
    copy = np.zeros((1, d, d))
    copy[0, :d_vocab, :d_vocab] = np.eye(d_vocab)
    weights = {
        "W_E": embed,
        "W_pos": np.zeros((n_ctx, d)),
        "W_Q": query,
        "W_K": key,
        "W_V": copy,
        "W_O": np.eye(d)[None] * 4,
        "W_U": np.eye(d)[:, :d_vocab],
    }
    noisy = {k: w + 0.15 * rng.standard_normal(w.shape) for k, w in weights.items()}
    zeros = {
        "b_Q": np.zeros((1, d)),
        "b_K": np.zeros((1, d)),
        "b_V": np.zeros((1, d)),
        "b_O": np.zeros(d),
        "b_U": np.zeros(d_vocab),
    }
    return Transformer(**noisy, **zeros, attn_scale=1.0, name=f"copy-{seed}")


def perfect_model(
    d_vocab: int, n_ctx: int, *, seed: int = 0, noise: float = 0.0, steepness: float = 6.0
) -> Transformer:
    """One-hot embeddings, scores that rise by `steepness` a token, copied 50 times: all right."""
    rng, d = np.random.default_rng(seed), d_vocab
    key, bias = np.zeros((1, d, d)), np.zeros((1, d))
    key[0, :, 0], bias[0, 0] = np.arange(d), steepness
    weights = {
        "W_E": np.eye(d),
        "W_pos": np.zeros((n_ctx, d)),
        "W_Q": np.zeros((1, d, d)),
        "W_K": key,
        "W_V": np.eye(d)[None],
        "W_O": 50 * np.eye(d)[None],
        "W_U": np.eye(d),
        "b_Q": bias,
        "b_K": np.zeros((1, d)),
        "b_V": np.zeros((1, d)),
        "b_O": np.zeros(d),
        "b_U": np.zeros(d),
    }
    noisy = {name: w + noise * rng.standard_normal(w.shape) for name, w in weights.items()}
    return Transformer(**noisy, attn_scale=1.0, name=f"perfect-{seed}")


def trained_model(seed: int, *, d_vocab: int = 6, n_ctx: int = 3, steps: int = 150) -> Transformer:
    """Briefly trained: some answers wrong, some certified."""
    recipe = Recipe("tiny", steps, 64, 5e-3, "constant", 0.0)
    return train(MaxOfK(d_vocab, n_ctx), 8, recipe, seed)


def slow_logits(model: Transformer, tokens: tuple[int, ...]) -> np.ndarray:
    """The forward pass written out with loops, from the definition, independent of the package."""
    x = [np.asarray(model.W_E[t], float) + model.W_pos[p] for p, t in enumerate(tokens)]
    out = x[-1] + np.asarray(model.b_O, float)
    for h in range(model.n_heads):
        query = x[-1] @ model.W_Q[h] + model.b_Q[h]
        scores = [query @ (r @ model.W_K[h] + model.b_K[h]) / model.attn_scale for r in x]
        weights = [math.exp(s - max(scores)) for s in scores]
        for weight, r in zip(weights, x, strict=True):
            out = out + weight / sum(weights) * ((r @ model.W_V[h] + model.b_V[h]) @ model.W_O[h])
    return out @ model.W_U + model.b_U


def slow_wrong(model: Transformer) -> list[tuple[int, ...]]:
    """All sequences of max-of-K that are answered wrongly; a tie is wrong."""
    wrong = []
    for tokens in itertools.product(range(model.d_vocab), repeat=model.n_ctx):
        logits = slow_logits(model, tokens)
        label = max(tokens)
        if not all(logits[j] < logits[label] for j in range(len(logits)) if j != label):
            wrong.append(tokens)
    return wrong


def one_head_forward(model: Transformer) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All sequences, their attention scores and logits, from the definition of the forward pass."""
    m, tokens = in_float64(model), all_sequences(model.d_vocab, model.n_ctx)
    x = m.W_E[tokens] + m.W_pos
    query = x[:, -1] @ m.W_Q[0] + m.b_Q[0]
    scores = np.einsum("ne,npe->np", query, x @ m.W_K[0] + m.b_K[0]) / m.attn_scale
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    values = np.einsum("np,npe->ne", weights, x @ m.W_V[0] + m.b_V[0])
    return tokens, scores, (x[:, -1] + values @ m.W_O[0] + m.b_O) @ m.W_U + m.b_U


def one_head_margins(model: Transformer) -> tuple[np.ndarray, np.ndarray]:
    """All sequences, and by how much the logit of the largest token leads."""
    tokens, _, found = one_head_forward(model)
    label = np.arange(len(tokens)), tokens.max(axis=1)
    own = found[label]
    found[label] = -np.inf
    return tokens, own - found.max(axis=1)


def all_sequences(d_vocab: int, n_ctx: int) -> np.ndarray:
    """Every sequence, one a row, in lexicographic order."""
    return np.array(list(itertools.product(range(d_vocab), repeat=n_ctx))).reshape(-1, n_ctx)


ASSORTED = {
    "random": lambda: random_model(3),
    "biases": lambda: random_model(4, biases=True, d_vocab_out=8),
    "two heads": lambda: random_model(5, n_heads=2, biases=True, spread=0.9),
    "copying": lambda: copying_model(0),
    "trained": lambda: trained_model(0),
    "one position": lambda: random_model(6, n_ctx=1),
    "two positions": lambda: random_model(7, n_ctx=2),
    "one token": lambda: random_model(8, d_vocab=1),
    "two tokens": lambda: random_model(9, d_vocab=2, n_ctx=4),
}


def checked(certificate: Certificate, model: Transformer) -> Report:
    """What the independent checker says of a certificate that went through JSON."""
    return judge(through_json(certificate), weights_of(model))


def through_json(certificate: Certificate) -> dict[str, Any]:
    """A certificate as the checker reads it from a file."""
    return predicate_of(json.loads(json.dumps(statement(certificate.to_json()))))


def weights_of(model: Transformer) -> Weights:
    """The matrices of a model, as the checker reads them from its file."""
    matrices: dict[str, Any] = {
        name: np.asarray(getattr(model, name), np.float64) for name in WEIGHT_SHAPES
    }
    return Weights(**matrices, attn_scale=float(model.attn_scale))
