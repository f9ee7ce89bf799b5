import dataclasses

import numpy as np
import pytest

from probbound import FactoredMatrix, NoiseTerm, UserError, noise_term
from probbound.models.attention_only.additive import circuits
from probbound.models.attention_only.transformer import BIASES, in_float64
from tests.factories import random_model

ALL = slice(None)
MODEL = random_model(3, d_vocab=9, n_heads=2, d_model=6, d_head=4, d_vocab_out=7)


def dense(matrix):
    return matrix.tile(ALL, ALL)


def random_term(m=8, n=6, inner=4):
    rng = np.random.default_rng(0)
    shapes = ((m, inner), (inner, 5), (5, n))
    return NoiseTerm.whole(FactoredMatrix(*(rng.standard_normal(shape) for shape in shapes)))


@pytest.mark.parametrize("head", [0, 1])
def test_terms_of_a_model_are_its_circuits(head):
    products = circuits(in_float64(MODEL))
    for term, matrix in (
        (noise_term(MODEL, "qk", head=head), products.token_scores[head]),
        (noise_term(MODEL, "ov", head=head), products.value[head]),
        (noise_term(MODEL, "direct", head=head), products.direct),
    ):
        np.testing.assert_allclose(dense(term.remainder), matrix, atol=1e-12)
        assert term.shape == matrix.shape


def test_without_leading_directions_the_rest_of_the_spectrum_is_left():
    values = noise_term(MODEL, "ov").remainder.singular_values()
    for rank in range(5):
        term = noise_term(MODEL, "ov", rank)
        left = term.remainder.singular_values()
        expected = np.append(values[rank:], np.zeros(rank))
        np.testing.assert_allclose(left, expected, atol=1e-12)
        np.testing.assert_allclose(
            dense(term.structure) + dense(term.remainder), dense(term.original), atol=1e-12
        )
        assert term.remainder.dimensions == term.original.dimensions


def test_given_directions_are_projected_out():
    term = random_term()
    rng = np.random.default_rng(1)
    left, right = rng.standard_normal((8, 2)), rng.standard_normal((6, 1))
    rest = dense(term.without_directions(left, right).remainder)
    assert np.abs(left.T @ rest).max() < 1e-12
    assert np.abs(rest @ right).max() < 1e-12
    one_sided = dense(term.without_directions(right=right).remainder)
    projector = np.eye(6) - right @ right.T / (right.T @ right)
    np.testing.assert_allclose(one_sided, dense(term.remainder) @ projector, atol=1e-12)


def test_a_given_pair_is_subtracted():
    term = random_term()
    rng = np.random.default_rng(1)
    left, right = rng.standard_normal((8, 2)), rng.standard_normal((2, 6))
    rest = term.without_pair(left, right)
    np.testing.assert_allclose(dense(rest.remainder), dense(term.remainder) - left @ right)
    np.testing.assert_allclose(dense(rest.structure), left @ right, atol=1e-12)


@pytest.mark.parametrize(("axis", "number"), [("rows", 1), ("columns", 0)])
def test_centring_subtracts_means_and_keeps_the_inner_dimension(axis, number):
    term = random_term()
    whole, rest = dense(term.remainder), term.centred(axis).remainder
    expected = whole - whole.mean(axis=number, keepdims=True)
    np.testing.assert_allclose(dense(rest), expected, atol=1e-12)
    assert rest.dimensions == term.remainder.dimensions


def test_every_factor_is_peeled():
    plain, peeled = noise_term(MODEL, "qk", 1), noise_term(MODEL, "qk", 1, peel=True)
    assert peeled.remainder.dimensions == plain.remainder.dimensions
    for before, after in zip(plain.remainder.factors, peeled.remainder.factors, strict=True):
        values = np.linalg.svd(before, compute_uv=False)
        left = np.linalg.svd(after, compute_uv=False)
        np.testing.assert_allclose(left[: len(values) - 1], values[1:], atol=1e-12)


def test_biases_are_not_in_the_noise():
    biases = {name: np.ones_like(getattr(MODEL, name)) for name in BIASES}
    biased = dataclasses.replace(MODEL, **biases)
    for name in ("qk", "ov", "direct"):
        found, expected = (dense(noise_term(m, name).original) for m in (biased, MODEL))
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: noise_term(MODEL, "qk", head=2), "head must lie between 0 and 1, got 2"),
        (lambda: noise_term(MODEL, "qk", rank=9), "rank must lie between 0 and 4, got 9"),
        (lambda: random_term().without_directions(np.ones((6, 1))), "left directions .* length 8"),
        (lambda: random_term().without_pair(np.ones((8, 1)), np.ones((1, 5))), "must be equal"),
        (
            lambda: NoiseTerm(random_term().original, random_term(6).original),
            r"shape \(6, 6\) but the product has \(8, 6\)",
        ),
        (lambda: NoiseTerm.whole(random_term().original, "pairs"), "need a square matrix"),
    ],
)
def test_misuse_is_refused(call, message):
    with pytest.raises(UserError, match=message):
        call()


def test_directions_that_depend_on_one_another_take_out_their_span_and_no_more():
    term, matrix = random_term(), dense(random_term().remainder)
    one = np.random.default_rng(1).standard_normal((8, 1))
    given = np.hstack([one, np.zeros((8, 1)), -1e200 * one, one * 1e-300])
    unit = one / np.linalg.norm(one)
    rest = dense(term.without_directions(left=given).remainder)
    np.testing.assert_allclose(rest, matrix - unit @ (unit.T @ matrix), atol=1e-12)
    nothing = term.without_directions(left=np.zeros((8, 2)), right=np.zeros((6, 0)))
    np.testing.assert_allclose(dense(nothing.remainder), matrix, atol=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_directions_that_are_no_numbers_are_refused(bad):
    with pytest.raises(UserError, match="left directions hold a NaN or an infinity"):
        random_term().without_directions(left=np.full((8, 1), bad))
