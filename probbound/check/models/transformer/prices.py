"""What forward passes and the sizes of matrices are planned to cost (Definition 9.7)."""

from __future__ import annotations

from collections.abc import Iterator

from probbound.check.models.transformer.configuration import NONE, Configuration

_KRYLOV = 40


def price(said: Configuration, length: int, *, real: bool) -> int:
    """Of one row of which `length` tokens are read."""
    layers, d, e, h, m = said.n_layers, said.d_model, said.d_head, said.n_heads, said.d_mlp
    t, s = length, h + said.n_key_value_heads
    blocks = layers * (2 * d * s * e + (3 if said.gated else 2) * d * m)
    ahead = (d * d if said.head == "masked" else 0) + (d * said.d_out if said.head != NONE else 0)
    if not real:
        each = t * (33 * d + 5 * s * e + 13 * m + 16) + t**2 * h * (4 * e + 10)
        rest = t * (9 * d + 4) + 2 * ahead + 24 * d + 4 * said.d_out + 8
        return 2 * t * blocks + layers * each + rest
    each = t * (95 * d + 14 * s * e + 33 * s + 25 * m + 213) + t**2 * h * (4 * e + 45)
    each += 40 * d + 8 * s * e + 10 * s + 8 * m + 61
    rest = t * (28 * d + 49) + 8 * ahead + 80 * d + 21 * said.d_out + 101
    return 2 * t * blocks + layers * each + rest


def price_once(said: Configuration, *, real: bool) -> int:
    """Of what is worked out for a network before a row is looked at."""
    return sum(number * _size(*sorted(sides)) for number, sides in _matrices(said)) if real else 0


def _matrices(said: Configuration) -> Iterator[tuple[int, tuple[int, int]]]:
    """How many there are of which sides."""
    layers, d, e, h = said.n_layers, said.d_model, said.d_head, said.n_heads
    yield 2 * layers * (h + said.n_key_value_heads), (d, e)
    yield layers, (h * e, d)
    if said.d_mlp:
        yield layers * (3 if said.gated else 2), (d, said.d_mlp)
    if said.head == "masked":
        yield 1, (d, d)


def _size(a: int, b: int) -> int:
    k = min(a, _KRYLOV)
    steps = 6 * k * k * a + 4 * k * a * a + 3 * k * a + 4 * k**3 // 3
    return 2 * a * a * b + 10 * a * b + 2 * a**3 + a**3 // 3 + 9 * a * a + steps
