import itertools

import numpy as np
import pytest

from probbound import FactoredMatrix, UserError


def chain(*dimensions, seed=0):
    rng = np.random.default_rng(seed)
    shapes = itertools.pairwise(dimensions)
    return FactoredMatrix(*(rng.standard_normal(shape) for shape in shapes))


CHAINS = [(1, 1), (4, 6), (6, 4), (7, 3, 5), (5, 8, 4), (1, 3, 6), (6, 3, 1), (9, 6, 2, 5, 8)]


@pytest.fixture(params=CHAINS, ids=str)
def matrix(request):
    return chain(*request.param)


@pytest.fixture
def dense(matrix):
    product = matrix.factors[0]
    for factor in matrix.factors[1:]:
        product = product @ factor
    return product


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


def test_parts_are_parts_of_the_product(matrix, dense):
    m, n = matrix.shape
    assert (m, n) == dense.shape
    rng = np.random.default_rng(1)
    i, j = rng.integers(m, size=50), rng.integers(n, size=50)
    close(matrix.entries(i, j), dense[i, j])
    close(matrix.rows(i[:3]), dense[i[:3]])
    close(matrix.columns(j[:3]), dense[:, j[:3]])
    close(matrix.tile(i[:4], slice(0, 2)), dense[i[:4]][:, :2])
    close(matrix.diagonal(), np.diagonal(dense))
    close(matrix.T.two_factor().tile(slice(None), slice(None)), dense.T)


def test_entries_do_not_depend_on_the_chunk(monkeypatch):
    matrix = chain(30, 4, 20)
    i, j = np.divmod(np.arange(600), 20)
    expected = matrix.entries(i, j)
    monkeypatch.setattr("probbound.arithmetic.factored.CHUNK_BYTES", 700)
    np.testing.assert_array_equal(matrix.entries(i, j), expected)


def test_products_with_vectors(matrix, dense):
    m, n = matrix.shape
    rng = np.random.default_rng(2)
    for width in ((), (3,)):
        x, y = rng.standard_normal((n, *width)), rng.standard_normal((m, *width))
        close(matrix.matvec(x), dense @ x)
        close(matrix.rmatvec(y), dense.T @ y)


def test_norms_and_singular_values(matrix, dense):
    close(matrix.row_norms(), np.linalg.norm(dense, axis=1))
    close(matrix.column_norms(), np.linalg.norm(dense, axis=0))
    close(matrix.frobenius(), np.linalg.norm(dense))
    values = np.linalg.svd(dense, compute_uv=False)[: len(matrix.singular_values())]
    close(matrix.singular_values(), values)
    u, s, v = matrix.svd()
    close(u * s @ v.T, dense)
    close(matrix.singular_values(1), values[:1])


def test_arithmetic(matrix, dense):
    other = chain(matrix.shape[0], 2, matrix.shape[1], seed=3)
    everything = slice(None), slice(None)
    close((matrix - other).tile(*everything), dense - other.tile(*everything))
    close((matrix + other).tile(*everything), dense + other.tile(*everything))
    close((-matrix).tile(*everything), -dense)
    close((matrix @ matrix.T).tile(*everything), dense @ dense.T)
    assert (matrix - other).inner <= matrix.inner + other.inner


def test_computed_entries_are_within_the_stated_error(matrix):
    exact = matrix.factors[0].astype(np.longdouble)
    for factor in matrix.factors[1:]:
        exact = exact @ factor
    error = np.abs(matrix.tile(slice(None), slice(None)) - exact).max()
    assert error <= matrix.entry_error() < 1e-11


def test_the_two_factor_form_is_contiguous_and_kept(matrix):
    form = matrix.two_factor()
    assert len(form.factors) == 2
    assert form.inner == matrix.inner
    assert form.factors[0].flags.c_contiguous
    assert form.factors[1].flags.f_contiguous
    assert form.two_factor() is form


def test_flops_follow_the_cheapest_order():
    assert chain(10, 3, 20).two_factor_flops() == 0
    assert chain(10, 5, 2, 20).two_factor_flops() == 2 * 10 * 5 * 2
    assert chain(10, 3, 2, 20).entries(np.arange(2), np.arange(2)).shape == (2,)
    assert chain(10, 3, 20).matvec_flops(2) == 4 * (30 + 60)
    assert chain(100, 4, 100).row_norms_flops() < 2 * 100 * 100 * 4


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ((), "at least one factor"),
        ((np.ones(3),), r"factor 0 must be a matrix .* got shape \(3,\)"),
        ((np.ones((0, 3)),), "at least one row"),
        ((np.ones((2, 3)), np.ones((2, 3))), "factor 0 has 3 columns but factor 1 has 2 rows"),
        ((np.array([[np.nan]]),), "factor 0 holds a NaN"),
        ((np.ones((2, 2)), np.array([[1.0, np.inf], [0, 0]])), "factor 1 holds a NaN"),
    ],
)
def test_misuse_is_refused(factors, message):
    with pytest.raises(UserError, match=message):
        FactoredMatrix(*factors)


def test_wrong_shapes_and_ranks_are_refused():
    with pytest.raises(UserError, match="must be equal"):
        _ = chain(2, 3, 4) + chain(2, 3, 5)
    with pytest.raises(UserError, match="between 0 and 3, got 4"):
        chain(5, 3, 4).svd(4)


def test_factors_cannot_be_replaced():
    matrix = chain(2, 2)
    with pytest.raises(AttributeError):
        matrix.factors = ()
