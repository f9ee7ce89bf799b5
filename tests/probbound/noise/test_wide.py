"""Products to a hundred bits against fractions."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest

from probbound.arithmetic.factored import FactoredMatrix
from probbound.noise.wide import BITS, WideProduct, slice_bits, slice_count
from tests.probbound.noise.fractions_of import exact_product

DIMENSIONS = [(5, 3, 4), (6, 9, 2, 9, 5), (1, 4, 1), (3, 4), (2, 70, 2)]


def made(dimensions, seed, spread):
    rng = np.random.default_rng(seed)
    shapes = itertools.pairwise(dimensions)
    return FactoredMatrix(
        *(rng.standard_normal(s) * np.exp(spread * rng.standard_normal(s)) for s in shapes)
    )


@pytest.mark.parametrize("spread", [0.0, 4.0, 12.0])
@pytest.mark.parametrize("dimensions", DIMENSIONS)
def test_every_entry_is_within_the_stated_error(dimensions, spread):
    for seed in range(5):
        matrix = made(dimensions, seed, spread)
        wide = WideProduct.of(matrix)
        assert wide.error == matrix.entry_error() * 2.0**-40
        high, low = wide.tile(slice(None), slice(None))
        for row, exact in enumerate(exact_product(matrix)):
            for column, entry in enumerate(exact):
                found = Fraction(high[row, column]) + Fraction(low[row, column])
                assert abs(found - entry) <= Fraction(wide.error)


def test_tiles_are_the_parts_of_the_whole():
    wide = WideProduct.of(made((40, 6, 30), 1, 2.0))
    whole = wide.tile(slice(None), slice(None))
    part = wide.tile(slice(7, 19), slice(3, 30))
    for one, all_of_them in zip(part, whole, strict=True):
        np.testing.assert_array_equal(one, all_of_them[7:19, 3:30])


@pytest.mark.parametrize("inner", [1, 2, 63, 64, 768, 4096, 131_072, 1 << 20])
def test_slices_are_few_and_their_products_exact(inner):
    bits = slice_bits(inner)
    assert slice_count(bits) * inner * 4**bits <= 2**53
    assert slice_count(bits) * bits >= BITS
    assert slice_count(bits) <= 8


def test_what_cancels_keeps_its_digits():
    """a·b - a·b·(1 - 2^-45): float64's product has an error larger than the result."""
    a, b = 1 + 2.0**-30, 1 + 2.0**-31
    matrix = FactoredMatrix(np.array([[a, -a]]), np.array([[b], [b * (1 - 2.0**-45)]]))
    ((exact,),) = exact_product(matrix)
    ((found,),) = WideProduct.of(matrix).tile(slice(None), slice(None)).high
    assert found == pytest.approx(float(exact), rel=1e-12)
