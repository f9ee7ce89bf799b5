"""Each rule of Theorem 9.2 where it is nearly attained, so that no term of it can be left out."""

from fractions import Fraction

import numpy as np
import pytest

from probbound.check.models.transformer.radii import Radii, Tracked
from probbound.check.models.transformer.sizes import Sizes
from probbound.check.models.transformer.values import Matrix
from tests.probbound.check.models.transformer.networks import ROTARY, stated, weights


def arithmetic(**changes):
    return Radii(weights(stated(**changes)).configuration, Sizes())


def state(values, radius=0.0):
    """One row of positions, or of heads with positions, all with one radius."""
    values = np.asarray(values, dtype=float)[None]
    return Tracked(values, np.full(values.shape[:-1], radius))


def assert_attained(found, real, share=0.9):
    """That the real numbers lie within the radius, and some of them nearly as far away as it."""
    away = np.linalg.norm(np.asarray(real) - found.values[0], axis=-1)
    assert (away <= found.radius[0]).all()
    assert (away / found.radius[0]).max() > share


def test_sums_add_radii():
    found = arithmetic().plus(state([[1.0, 0.0]], 0.25), state([[0.0, 2.0]], 0.5))
    assert_attained(found, [[1.75, 2.0]])


def test_products_gain_by_both_and_by_their_product():
    do, one, two = arithmetic(), [[2.0, 0.0]], [[3.0, 0.0]]
    assert_attained(do.times(state(one, 0.5), state(two)), [[7.5, 0.0]])
    assert_attained(do.times(state(one), state(two, 0.5)), [[7.0, 0.0]])
    assert_attained(do.times(state(one, 8.0), state(two, 8.0)), [[110.0, 0.0]])


def test_matrices_stretch_by_their_largest_singular_value():
    do, values = arithmetic(), np.random.default_rng(0).normal(size=(5, 3))
    x, top = np.ones((1, 5)), np.linalg.svd(values)[0][:, 0]
    matrix, bias = Matrix("W", values), np.array([1.0, 2.0, 3.0])
    assert_attained(do.affine(state(x, 0.5), matrix, bias), (x + 0.5 * top) @ values + bias)
    several = Matrix("H", np.stack([values, 2 * values]))
    found = do.heads(state(x, 0.5), several, np.stack([bias, bias]))
    assert_attained(found, (x + 0.5 * top) @ several.values + bias)


def test_heads_add_up():
    do, each = arithmetic(), np.array([[[1.0]], [[2.0]]])
    heads = state([[[1.0]], [[1.0]]], 0.5)
    assert_attained(do.joined(heads, Matrix("W", each), None), [[4.5]])
    alike = Matrix("V", np.ones((2, 1, 1)))
    assert_attained(do.joined(heads, alike, np.array([7.0])), [[10.0]])
    apart = Matrix("U", np.eye(2)[:, None])  # at right angles: the root of the sum of squares
    found = do.joined(heads, apart, None)
    assert_attained(found, [[1.5, 1.5]])


@pytest.mark.parametrize("norm", ["rms", "layer"])
def test_norms_stretch_by_what_is_left_of_the_scale(norm):
    """A vector moved until the move is at right angles to where it leads turns the furthest."""
    do = arithmetic(norm_eps=0.0)
    flat = np.array([1.0, -1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0, -1.0])
    one, two = (direction / np.sqrt(2) for direction in flat)
    angle = 1.1
    moved = np.cos(angle) * (np.cos(angle) * one + np.sin(angle) * two)
    radius = np.sin(angle)
    assert np.linalg.norm(moved - one) == pytest.approx(radius)
    found = do.normed(state([one], radius * (1 + 1e-12)), norm, None, None)
    away = np.linalg.norm(2 * moved / np.linalg.norm(moved) - found.values[0])
    assert radius * 2 < away <= found.radius.item()  # more than by the scale where it was
    small = do.normed(state([one], 1e-6), norm, np.full(4, 3.0), None)
    assert_attained(small, [6 * (one + 1e-6 * two)])
    with np.errstate(divide="ignore"):
        assert np.isinf(do.normed(state([one], 1.0), norm, None, None).radius).all()


def test_the_root_is_at_least_that_of_epsilon():
    do, eps = arithmetic(norm_eps=0.25), 0.25
    found = do.normed(state([[0.0] * 4], 1e-3), "rms", None, None)
    assert_attained(found, [[1e-3 / np.sqrt(1e-6 / 4 + eps), 0, 0, 0]])


def test_a_mean_taken_away_costs_what_it_rounds():
    do, x = arithmetic(norm_eps=0.0), np.array([1e8 + 0.1, 1e8 + 0.3, 1e8 - 0.7, 1e8 + 0.2])
    found = do.normed(state([x]), "layer", None, None)
    mean = sum(map(Fraction, x)) / 4
    y = np.array([float(Fraction(n) - mean) for n in x])
    real = y / np.sqrt((y * y).mean())
    away = np.linalg.norm(real - found.values[0])
    assert 1e-11 < away <= found.radius.item() < 1e-5


def test_rotations_keep_radii():
    do, turned = arithmetic(**ROTARY), state(np.ones((1, 5, 4)), 0.5)
    found = do.rotated(turned)
    other = do.rotated(state(np.ones((1, 5, 4)) + 0.5 * np.eye(4)[0]))
    assert_attained(found, other.values[0])


def attended(*sides, **changes):
    """One head whose queries see all keys, and the means of z: q, k, z as (numbers, radius)."""
    said = {"n_heads": 1, "n_key_value_heads": 1, "d_head": 1, "attn_scale": 1.0, "causal": False}
    q, k, z = (state(np.reshape(numbers, (1, -1, 1)), radius) for numbers, radius in sides)
    length = q.values.shape[2]
    return arithmetic(**{**said, **changes}).attended(q, k, z, np.zeros((length, length), bool))


KEYS, MOVES = np.array([-9.0, 0.0, 0.0]), np.array([1.0, -1.0, -1.0])
FIRST = np.array([1.0, 0.0, 0.0])


def real_mean(scores):
    weights_ = np.exp(scores)
    return weights_[0] / weights_.sum()


def test_means_move_with_what_they_are_of():
    found = attended(([0.0] * 3, 0.0), (KEYS, 0.0), ([1.0, 2.0, 3.0], 0.5))
    assert_attained(found, np.full((1, 3, 1), 2.5))


def test_scores_move_with_the_query():
    radius = 0.03
    found = attended((np.ones(3), radius), (KEYS, 0.0), (FIRST, 0.0))
    real = real_mean(KEYS * (1 - radius))
    assert_attained(found, np.full((1, 3, 1), real), share=0.98)


def test_a_small_share_grows_twice_as_fast_as_its_score():
    radius = 0.3
    found = attended((np.ones(3), 0.0), (KEYS, radius), (FIRST, 0.0))
    real = real_mean(KEYS + radius * MOVES)
    assert_attained(found, np.full((1, 3, 1), real), share=0.98)


def test_errors_of_query_and_key_multiply():
    found = attended((np.zeros(3), 1.0), (np.zeros(3), 1.0), (FIRST, 0.0))
    real = real_mean(MOVES)  # query 1, keys 1, -1, -1
    assert real - 1 / 3 <= found.radius[0, 0, 0]
    tight = attended((np.zeros(3), 1e-2), (np.zeros(3), 1e-2), (FIRST, 0.0))
    real = real_mean(1e-4 * MOVES)
    assert 0 < real - 1 / 3 <= tight.radius[0, 0, 0] < 2 * (real - 1 / 3)


def test_scores_of_distance_round_too():
    far = attended((np.zeros(3), 0.0), (np.zeros(3), 0.0), (FIRST, 0.0), positions="alibi")
    near = attended((np.zeros(3), 0.0), (np.zeros(3), 0.0), (FIRST, 0.0), positions="none")
    assert far.radius[0, 0, 2] > near.radius[0, 0, 2]


def test_outcomes_move_along_columns():
    do, matrix = arithmetic(), Matrix("W", np.array([[3.0, 0.0], [4.0, 1.0]]))
    found = do.outcome(state([[1.0, 1.0]], 0.5), matrix, np.array([1.0, 2.0]))
    assert found.values[0, 0].tolist() == [8.0, 3.0]
    assert found.radii[0, 0] == pytest.approx([2.5, 0.5], rel=1e-5)
    bare = do.outcome(state([[1.0, 1.0]], 0.5), None, None)
    assert bare.radii[0, 0] == pytest.approx([0.5, 0.5], rel=1e-5)


CANCELLING = np.array([[2.0**53, 1.0, 1.0, -(2.0**53)]])


def test_sums_that_cancel_are_within_what_they_round():
    """2^53 + 1 + 1 - 2^53 is 0 or 2 as it is added up, never certain."""
    do, column = arithmetic(), np.ones((4, 1))
    x = state(CANCELLING)
    found = do.affine(x, Matrix("W", column), None)
    assert abs(found.values.item() - 2) <= found.radius.item()
    assert found.radius.item() > 2
    out = do.outcome(x, Matrix("U", column), None)
    assert abs(out.values.item() - 2) <= out.radii.item()
    heads = state(CANCELLING.reshape(4, 1, 1))
    joined = do.joined(heads, Matrix("O", np.ones((4, 1, 1))), None)
    assert abs(joined.values.item() - 2) <= joined.radius.item()
    each = do.heads(x, Matrix("Q", column[None]), None)
    assert abs(each.values.item() - 2) <= each.radius.item()
    mean = attended((np.zeros(4), 0.0), (np.zeros(4), 0.0), (CANCELLING[0], 0.0))
    assert (np.abs(mean.values[0, 0, :, 0] - 0.5) <= mean.radius[0, 0]).all()
    assert (mean.radius > 0.5).all()
