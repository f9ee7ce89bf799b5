"""Operations that a plan and a pilot count with (Definition 10.14)."""

from __future__ import annotations

from probbound.check.models.transformer.weights import Weights


def pairs_price(weights: Weights) -> int:
    """Of `pairs`."""
    (n, v, out), width = weights.reads, weights.configuration.d_model + 1
    each = 12 * out * (out - 1) * n * v**2 + 20 * n * (v + 2) * (4 * n * v + out**2)
    each += 240 * n * v**2
    return v * (v - 1) * each + 80 * n * v**2 * out**2 + 20 * width * (n * v) ** 2


def tables_price(weights: Weights) -> int:
    """Of the tables of `factored`."""
    (n, v, out), width = weights.reads, weights.configuration.d_model + 1
    products = 2 * width * (4 * (n * v) ** 2 + 2 * v * v * n * v) + 30 * n * v * width**2
    return products + 10 * (n * v) ** 2 + 40 * n * v**3 + 6 * v * v * n * out**2


def lookup_price(length: int) -> int:
    """Of one sequence by look-ups."""
    return 6 * length + 4
