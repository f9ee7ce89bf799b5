"""Which numbers to write along a logarithmic axis: at least two, none touching another.

`probbound/cli/report/page.js` chooses in the same way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

STEPS = (1, 2, 5)
_DECADES_ENOUGH = 3
_SMALL, _LARGE = 0.01 * (1 - 1e-9), 1000

Tick = tuple[float, str]
Widths = Callable[[str], float]


def log_ticks(low: float, high: float, length: Widths) -> list[Tick]:
    """Numbers between `low` and `high` with their labels, in ascending order.

    `length` says what part of the axis a label takes along it. Whole decades are preferred, then
    1, 2 and 5 times them, then round numbers. Where labels touch in every choice, the first and
    the last of one are left, and one label if even these touch.
    """
    if not 0 < low < high < math.inf:
        return []
    tried = [_plain(ticks) for ticks in _candidates(low, high) if len(ticks) >= 2]
    for ticks in (*tried, *([some[0], some[-1]] for some in tried)):
        if _apart(ticks, low, high, length):
            return ticks
    return tried[-1][:1]


def label_of(mantissa: str, exponent: int) -> str:
    """A number as mantissa and power of ten, written `2·10^6`; what says nothing is left out."""
    if exponent == 0:
        return mantissa
    return f"10^{exponent}" if mantissa == "1" else f"{mantissa}·10^{exponent}"


def _plain(ticks: list[Tick]) -> list[Tick]:
    """The same without powers of ten, if all are of an everyday size."""
    if not all(_SMALL <= value < _LARGE for value, _ in ticks):
        return ticks
    return [(value, f"{value:.12g}") for value, _ in ticks]


def _candidates(low: float, high: float) -> Iterator[list[Tick]]:
    """Choices of ticks, the one to be preferred first."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    decades = [(10.0**e, label_of("1", e)) for e in range(first, last + 1)]
    if len(decades) >= _DECADES_ENOUGH:
        for step in range(1, len(decades)):
            yield [tick for e, tick in enumerate(decades, first) if e % step == 0]
    for factors in (STEPS, (1, 3)):
        yield [
            (factor * 10.0**e, label_of(str(factor), e))
            for e in range(first - 1, last + 1)
            for factor in factors
            if low <= factor * 10.0**e <= high
        ]
    yield decades
    for count in (*range(8, 1, -1), 40):
        yield _round_numbers(low, high, count)


def _round_numbers(low: float, high: float, count: int) -> list[Tick]:
    """Multiples of the least of 1, 2 and 5 times a power of ten that makes no more than `count`."""
    scale = math.floor(math.log10((high - low) / count))
    steps = [(step, e) for e in (scale, scale + 1) for step in STEPS]
    step, scale = next(s for s in steps if (high - low) / (s[0] * 10.0 ** s[1]) <= count)
    unit = step * 10.0**scale
    wholes = [k * step for k in range(math.ceil(low / unit), math.floor(high / unit) + 1)]
    return [(whole * 10.0**scale, _scientific(whole, scale)) for whole in wholes]


def _scientific(whole: int, scale: int) -> str:
    """The label of whole·10^scale."""
    digits = str(whole)
    mantissa = f"{digits[0]}.{digits[1:]}".rstrip("0").rstrip(".")
    return label_of(mantissa, scale + len(digits) - 1)


def _apart(ticks: list[Tick], low: float, high: float, length: Widths) -> bool:
    room = math.log(high / low)
    return all(
        math.log(b / a) >= room * (length(shown) + length(following)) / 2
        for (a, shown), (b, following) in pairwise(ticks)
    )
