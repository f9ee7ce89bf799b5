"""Numbers for people, and the checker's own, never say more than the float."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probbound.arithmetic.decimals import lower, percent_down, rounded_down, rounded_up, upper
from probbound.check.digits import ceiling, floor
from probbound.cli.output import at_most, chance, exactly, nats, percent

FLOATS = st.floats(allow_nan=False)
SHARES = st.floats(0, 1)
DIGITS = st.integers(1, 12)


def no_less(text: str, x: float) -> bool:
    """Read exactly, or as the very same float."""
    return Decimal(text) >= Decimal(x) or float(text) == x


def no_more(text: str, x: float) -> bool:
    return Decimal(text) <= Decimal(x) or float(text) == x


@settings(max_examples=500, deadline=None)
@given(FLOATS, DIGITS, st.sampled_from(["g", "e"]))
@example(5e-324, 1, "g")
@example(-5e-324, 2, "e")
@example(1.7976931348623157e308, 2, "e")
@example(-0.0, 3, "g")
@example(math.inf, 3, "g")
@example(0.99999, 3, "e")
def test_bounds_read_back_on_the_safe_side_and_near(x, digits, style):
    above, below = upper(x, digits, style), lower(x, digits, style)
    assert no_less(above, x)
    assert no_more(below, x)
    assert not above.startswith("-0") or float(above)
    if math.isfinite(x) and abs(x) > 1e-300 and math.isfinite(float(above)):
        assert Decimal(above) - Decimal(x) <= abs(Decimal(x)) * Decimal(10) ** (1 - digits)


@settings(max_examples=300, deadline=None)
@given(FLOATS, DIGITS)
def test_the_checker_rounds_alike_by_its_own_code(x, digits):
    assert ceiling(x, digits) == rounded_up(x, digits)
    assert floor(x, digits) == rounded_down(x, digits)


@settings(max_examples=300, deadline=None)
@given(SHARES)
@example(1 - 2.0**-53)
@example(0.57)
@example(math.nextafter(0.57, 0))
@example(5e-324)
def test_every_formatter_of_the_command_line_keeps_to_its_side(x):
    for text in (at_most(x), chance(x), nats(x).removesuffix(" nats")):
        assert no_less(text, x)
    assert Decimal(percent_down(x)) <= 100 * Decimal(x)
    assert Decimal(percent(x).removesuffix(" %")) <= 100 * Decimal(x)
    assert x == 1 or float(percent_down(x)) < 100
    assert float(exactly(x)) == x


@pytest.mark.parametrize("x", [np.float64(0.1234567), np.float32(0.1234567), np.int64(3), 0, 1])
def test_numbers_of_numpy_and_whole_ones(x):
    assert float(upper(x)) >= float(x) >= float(lower(x))
    assert type(rounded_up(x, 3)) is float


def test_what_is_no_number_stays_so():
    assert upper(math.nan) == "nan"
    assert upper(math.inf) == "inf"
    assert lower(-math.inf) == "-inf"
    assert [upper(x) for x in (0.0, -0.0, 0.001, 1e-6, 1.0)] == ["0", "0", "0.001", "1e-06", "1"]
    assert upper(-0.00046394, 3) == "-0.000463"
