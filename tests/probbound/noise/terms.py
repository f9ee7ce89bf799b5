"""Noise of every shape and kind, and the truth about it in extended precision."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np

from probbound.arithmetic.factored import FactoredMatrix
from probbound.models.attention_only.paths import noise_term
from probbound.noise.contract import Quantity
from probbound.noise.planted import KINDS, planted
from probbound.noise.term import NoiseTerm
from tests.factories import random_model

SHAPES = [(5, 4, 9), (12, 12, 4)]
THIN_SHAPES = [(1, 1, 1), (1, 7, 2), (7, 1, 3)]


def all_terms() -> dict[str, NoiseTerm]:
    """Planted noise of all kinds and shapes, model noise, and degenerate matrices."""
    cases = [*itertools.product(KINDS, SHAPES), *itertools.product(("spike",), THIN_SHAPES)]
    terms = {f"{kind} {m}x{n}": planted(kind, m, n, inner, seed=m) for kind, (m, n, inner) in cases}
    model = random_model(0, d_vocab=9, biases=True, d_vocab_out=7)
    for name, peel, centre in itertools.product(
        ("qk", "ov", "direct"), (False, True), (None, "rows")
    ):
        terms[f"{name} {peel} {centre}"] = noise_term(model, name, 1, centre=centre, peel=peel)
    rng = np.random.default_rng(0)
    low = rng.standard_normal((8, 2)) @ rng.standard_normal((2, 5))
    terms["rank-deficient"] = NoiseTerm.whole(FactoredMatrix(low, rng.standard_normal((5, 6))))
    terms["cancelling"] = planted("gaussian", 10, 10, 3).without_leading(3)
    terms["one factor"] = NoiseTerm.whole(FactoredMatrix(low))
    terms["zero"] = NoiseTerm.whole(FactoredMatrix(np.zeros((4, 3)), np.zeros((3, 5))))
    return terms


def extended(matrix: FactoredMatrix) -> np.ndarray:
    """The product in extended precision, 11 bits more than float64 has."""
    product = matrix.factors[0].astype(np.longdouble)
    for factor in matrix.factors[1:]:
        product = product @ factor
    return product


def truth(term: NoiseTerm, quantity: Quantity) -> float:
    """The quantity from all entries, by definition; norms in float64."""
    entries = extended(term.remainder)
    size = np.abs(entries)
    large = size > (quantity.threshold or 0.0)
    spread = entries.max(axis=1) - entries.min(axis=1)
    level = quantity.level or 1.0
    values = {
        "mean": lambda: entries.mean(),
        "rms": lambda: np.sqrt((entries**2).mean()),
        "share-above": lambda: large.mean(),
        "quantile": lambda: np.sort(size, axis=None)[math.ceil(Fraction(level) * size.size) - 1],
        "row-spread-share": lambda: (spread > quantity.threshold).mean(),
        "row-norms": lambda: np.sqrt((entries**2).sum(axis=1)).max(),
        "largest-row-spread": lambda: spread.max(),
        "largest-entry": lambda: size.max(),
        "spectral-norm": lambda: np.linalg.norm(entries.astype(np.float64), 2) * (1 - 1e-14),
        "frobenius-norm": lambda: np.sqrt((entries**2).sum()),
        "input-share": lambda: touching_share(large, term.reads, quantity.n_ctx or 1),
    }
    return values[quantity.name]()


def touching_share(large: np.ndarray, reads: str, n_ctx: int) -> float:
    """By enumerating all inputs."""
    v = len(large)
    touched = 0
    for tokens in itertools.product(range(v), repeat=n_ctx):
        last = tokens[-1]
        parts = {
            "pairs": [large[last, t] for t in tokens] if reads == "pairs" else [],
            "rows": [large[t].any() for t in tokens],
            "last-row": [large[last].any()],
        }
        touched += any(parts[reads])
    return touched / v**n_ctx
