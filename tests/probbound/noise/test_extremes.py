"""Overflow, underflow and the last bit: no answer may be below the truth."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from probbound.arithmetic.factored import FactoredMatrix
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.attention_only.paths import noise_term
from probbound.noise.contract import Quantity, Settings
from probbound.noise.registry import METHODS
from probbound.noise.sampled.norm_screen import uncertified
from probbound.noise.streamed import row_extremes
from probbound.noise.term import NoiseTerm
from tests.factories import random_model


@pytest.mark.parametrize(
    "powers", [(200,), (200, -200), (100, 100), (-100, -100), (-200, -200), (60, 60, 60)]
)
def test_factors_whose_norms_could_leave_the_range_of_doubles_are_refused(powers):
    factors = [np.eye(3) * 10.0**power for power in powers]
    with pytest.raises(UserError, match="too far from 1"):
        NoiseTerm.whole(FactoredMatrix(*factors))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_nan_counts_as_above():
    matrix = FactoredMatrix(np.full((1, 2), 1e200), np.array([[1e200], [-0.5e200]]))
    assert row_extremes(matrix, (1.0, math.nan), 1 << 20).counts.tolist() == [[1.0], [1.0]]


def test_a_threshold_that_is_no_number_certifies_nothing():
    assert uncertified(FactoredMatrix(np.eye(3), np.eye(3)), math.nan).size == 9


def test_scales_that_are_admitted_lose_nothing():
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((6, 3)), rng.standard_normal((3, 6))
    names = ("row-norms", "largest-row-spread", "largest-entry", "spectral-norm", "frobenius-norm")
    asked = [Quantity(name) for name in names]
    settings = Settings(Stream.from_seed(0))
    for method in METHODS.values():
        some = [quantity for quantity in asked if quantity.name in method.quantities]
        if not some:
            continue
        plain, *moved = (
            [
                row.bound * 2.0 ** -(a + b)
                for row in method.bounds(
                    NoiseTerm.whole(FactoredMatrix(left * 2.0**a, right * 2.0**b)), some, settings
                )
            ]
            for a, b in ((0, 0), (115, 115), (-115, -115), (115, -115), (-230, 0))
        )
        for bounds in moved:
            assert bounds == pytest.approx(plain, rel=1e-6)


@pytest.mark.parametrize("name", ["entries", "norm-screen", "rows"])
def test_a_certain_share_is_not_below_the_truth_by_the_last_bit(name):
    for v in range(2, 12):
        matrix = np.zeros((v, v))
        matrix[: max(1, v // 3), : max(1, v // 2)] = 2.0
        rows = name == "rows"
        quantity = Quantity("row-spread-share" if rows else "share-above", threshold=1.0)
        term = NoiseTerm.whole(FactoredMatrix(matrix))
        (row,) = METHODS[name].bounds(term, [quantity], Settings(Stream.from_seed(0), 1_000))
        count, of = (max(1, v // 3), v) if rows else (np.count_nonzero(matrix), v * v)
        assert row.log_delta == -math.inf
        assert Fraction(row.bound) >= Fraction(int(count), of)


@pytest.mark.parametrize("rank", [0, 4, 7, 8])
@pytest.mark.parametrize("name", ["qk", "ov", "direct"])
def test_any_number_of_directions_can_be_peeled(name, rank):
    model = random_model(0, d_vocab=16, d_model=8, d_head=8)
    noise_term(model, name, rank, peel=True)
