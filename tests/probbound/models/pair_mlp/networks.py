"""Small pair networks of every form, and their logits from the definition."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from probbound.models.pair_mlp.network import PairMLP, weights_of

FORMS = {
    "bottleneck": ("W_E", "W_in", "W_out", "W_U"),
    "direct": ("W_E", "W_U"),
    "biased": ("W_E", "W_in", "b_in", "W_out", "b_out", "W_U", "b_U"),
    "untied": ("W_E", "W_E2", "W_in", "W_out", "W_U"),
    "two inputs": ("W_E", "W_in", "W_in2", "b_in", "W_U"),
    "everything": (
        *("W_E", "W_E2", "W_in", "W_in2", "b_in"),
        *("W_out", "W_skip", "b_out", "W_U", "b_U"),
    ),
}


def random_network(form: str, seed: int, tokens: int = 5, dtype: type = np.float32) -> PairMLP:
    """Weights of a few bits, so that exact arithmetic stays short."""
    there = FORMS[form]
    m, d = 6, 4
    wide = d if "W_in" in there else m
    out = 3 if "W_out" in there or "W_skip" in there else m
    shapes = {
        "W_E": (tokens, wide),
        "W_E2": (tokens, wide),
        "W_in": (wide, m),
        "W_in2": (wide, m),
        "b_in": (m,),
        "W_out": (m, out),
        "W_skip": (wide, out),
        "b_out": (out,),
        "W_U": (out, tokens),
        "b_U": (tokens,),
    }
    random = np.random.default_rng(seed)
    weights = {name: random.normal(size=shapes[name]).astype(dtype) for name in there}
    return PairMLP(**weights, name=form)


def cancelling_biases(tokens: int = 3) -> Iterator[PairMLP]:
    """Neurons of 1e-9 add; b_out W_U, 0 in some order of its sums, is 1 for the last class."""
    wide, pairs = tokens**2 + 3, np.arange(tokens**2)
    a, b = np.divmod(pairs, tokens)
    first, second = np.zeros((2, tokens, wide))
    out = np.zeros((wide, tokens))
    first[a, pairs], second[b, pairs] = 1e-9, 1e-9
    out[pairs, (a + b) % tokens] = 1e6
    out[-3:] = 1, 0, 1
    out[-2, -1] = 1
    b_in, b_out = np.where(np.arange(wide) < tokens**2, -1e-9, 0.0), np.zeros(wide)
    b_out[-3:] = 2.0**56, 1, -(2.0**56)
    for start in range(wide):
        for order in itertools.permutations(range(wide - 3, wide)):
            at = np.roll([*range(wide - 3), *order], start)
            rows = first[:, at], second[:, at]
            yield PairMLP(*(rows[0], out[at], rows[1]), b_in=b_in[at], b_out=b_out[at])


def exact_logits(model: PairMLP, a: int, b: int) -> list[Fraction]:
    """By the definition, in fractions."""
    w = {name: np.vectorize(Fraction)(np.float64(x)) for name, x in weights_of(model).items()}
    first, second = w["W_E"][a], w.get("W_E2", w["W_E"])[b]
    hidden = first + second
    if "W_in" in w:
        hidden = first @ w["W_in"] + second @ w.get("W_in2", w["W_in"])
    if "b_in" in w:
        hidden = hidden + w["b_in"]
    hidden = np.array([max(x, Fraction(0)) for x in hidden])
    out = hidden @ w["W_out"] if "W_out" in w else hidden
    if "W_skip" in w:
        out = out + (first + second) @ w["W_skip"]
    if "b_out" in w:
        out = out + w["b_out"]
    logits = out @ w["W_U"]
    return list(logits + w["b_U"] if "b_U" in w else logits)
