"""Operations that a plan and a pilot count with (Definition 10.14)."""

from __future__ import annotations

from itertools import accumulate

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
    """Of one sequence by the tables of `factored`."""
    return 6 * length + 4


def soft_price(length: int) -> int:
    """Of one sequence by the first layer's own weights (Theorem 10.20)."""
    return (7 * length**2 + 17 * length) // 2 + 10


def soft_tables_price(weights: Weights) -> int:
    """Of the tables of `soft`."""
    (n, v, out), width = weights.reads, weights.configuration.d_model + 1
    atoms = n * v
    products = 2 * width * (3 * atoms**2 + 2 * v * atoms + 4 * atoms * width)
    answers = 2 * width * out * (4 * atoms + width) + 4 * atoms * out * (v**2 + out)
    return products + answers + (14 * v + 12) * atoms**2 + (2 * v + 8) * out * atoms**2


def case_price(weights: Weights, given: int) -> int:
    """Of a case with so many tokens given besides the last, its place and what followed."""
    n, v, _ = weights.reads
    free = [1 if p < 2 + given or p == n - 1 else v for p in range(n)]
    parted = [1 if p == n - 2 else s for p, s in enumerate(free)]
    return _set_price(weights, free) + v * _set_price(weights, parted)


def _set_price(weights: Weights, tokens: list[int]) -> int:
    """T of a product set with so many tokens at its places."""
    (n, v, out), said = weights.reads, weights.configuration
    heads, depth = said.n_heads, said.n_layers - 1
    total = _range_price(weights, depth, n - 1, out + 2 * n * v * (1 + heads) ** depth)
    for now, before, p in zip(tokens, [1, *tokens], range(n), strict=False):
        total += now * before * _range_price(weights, depth, p, out + 2)
    total *= heads
    return max(total, _letters_price(weights, tokens)) if (depth, heads) == (2, 1) else total


def _letters_price(weights: Weights, tokens: list[int]) -> int:
    """B of Definition 10.14."""
    (n, v, out), w = weights.reads, weights.configuration.d_model + 1
    t = dict(enumerate([*tokens[:-2], 1, 1])) | {-3: 1, -2: 1, -1: 1}
    c = [t[p] * t[p - 1] for p in range(n)]
    upto = dict(enumerate(accumulate(c))) | {-3: 0, -2: 0, -1: 0}
    letters, members = upto[n - 1], sum(t[p] for p in range(n))
    asked = 6 * (letters + members)
    total = 4 * n * v * w**2 + asked * (6 * w**2 + 2 * w * (letters + 2 * members) + 48 * letters)
    for p in range(n):
        total += 4 * upto[p] * w**2 + c[p] * upto[p] * (2 * w + 16)
        total += 2 * (c[p] + upto[p]) * members * w
        total += (out + 1) * c[p] * t[p - 2] * (42 * (upto[p - 3] + t[p - 3] + 2) + 10)
    return tokens[-1] * tokens[-2] * total


def _range_price(weights: Weights, depth: int, place: int, quantities: int) -> int:
    """U of Definition 10.14."""
    (n, v, _), heads = weights.reads, weights.configuration.n_heads
    if depth == 0:
        return v * quantities
    if depth == 1:
        return 60 * heads * quantities * (place + 1) * v
    below, leaves = depth - 1, 2 * n * v * (1 + heads) ** (depth - 1)
    inner = (1 + heads * (place + 1)) * _range_price(weights, below, place, quantities)
    return inner + heads * _range_price(weights, below, place, leaves)
