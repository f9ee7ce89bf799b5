import numpy as np
import pytest

from probbound import FactoredMatrix
from probbound.noise.chain import recursive_flops, recursive_rows, subproduct_flops, subproduct_rows
from tests.probbound.noise.terms import extended


def chain(*dimensions, seed=0):
    rng = np.random.default_rng(seed)
    ends = zip(dimensions, dimensions[1:], strict=False)  # noqa: RUF007
    return FactoredMatrix(*(rng.standard_normal(shape) for shape in ends))


@pytest.mark.parametrize("dimensions", [(5, 4), (5, 1, 4), (9, 3, 4, 7), (6, 4, 3, 4, 8)])
def test_truth_then_subproduct_then_recursion_row_by_row(dimensions):
    matrix = chain(*dimensions)
    entries = extended(matrix)
    truth = (
        np.abs(entries).max(axis=1),
        np.ptp(entries, axis=1),
        np.sqrt((entries**2).sum(axis=1)),
    )
    for exact, near, far in zip(
        truth, subproduct_rows(matrix), recursive_rows(matrix), strict=True
    ):
        assert (exact <= near).all()
        assert (near <= far * (1 + 1e-12)).all()


def test_positive_factors_lose_nothing():
    """Where no terms cancel, the recursion is exact for the largest entry of a rank-one chain."""
    matrix = FactoredMatrix(*(np.abs(f) for f in chain(6, 1, 1, 5).factors))
    entries = extended(matrix)
    np.testing.assert_allclose(recursive_rows(matrix).entry, entries.max(axis=1).astype(float))
    np.testing.assert_allclose(recursive_rows(matrix).spread, np.ptp(entries, axis=1).astype(float))


def test_operations():
    """Seven a number of a factor and three a row, four and six for the last one's own rows."""
    assert recursive_flops(chain(10, 3, 4)) == 7 * 30 + 3 * 10 + 4 * 12 + 6 * 3
    steps, error = (7 * 30 + 3 * 10) + (4 * 12 + 6 * 3) + 3 * 10, 2 * (30 + 12) + 6 * 10
    assert subproduct_flops(chain(10, 3, 4)) == steps + error + 9 * 10
    steps += (7 * 20 + 3 * 10) + (4 * 8 + 6 * 2) + 3 * 10
    error = 2 * (30 + 6 + 8) + 6 * 10
    assert subproduct_flops(chain(10, 3, 2, 4)) == 2 * 14 * 6 + steps + error + 9 * 10
    assert subproduct_flops(chain(10, 4)) == 4 * 40 + 6 * 10
