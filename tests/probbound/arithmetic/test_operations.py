"""Operations counted from jaxprs: what is one, what is none, and what has no price."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from probbound.arithmetic.operations import floats, integers, operations, operations_each
from probbound.machine.errors import UserError


@jax.custom_jvp
def doubled(x):
    return x + x


doubled.defjvp(lambda x, t: (doubled(*x), 2 * t[0]))


@jax.custom_vjp
def tripled(x):
    return 3 * x


tripled.defvjp(lambda x: (3 * x, None), lambda _, g: (3 * g,))


def summed_by_scan(x):
    return jax.lax.scan(lambda total, row: (total + row * row, None), x[0], x)[0]


def summed_by_loop(x):
    return jax.lax.fori_loop(0, 5, lambda _, total: total + x, x)


def by_branch(x):
    return jax.lax.cond(x[0, 0] > 0, lambda y: y + 1, lambda y: jnp.exp(y) * 2 + 1, x)


COUNTS = {
    "a sum of numbers": (lambda x: x + 1, 12),
    "a function of each": (lambda x: jnp.tanh(jnp.exp(-x)), 36),
    "a root and a square": (lambda x: jnp.sqrt(jnp.square(x)), 24),
    "a small power": (lambda x: x**4, 36),
    "a comparison": (lambda x: x < 0, 12),
    "a sum over an axis": (lambda x: x.sum(axis=0), 12),
    "a maximum from a start": (lambda x: jnp.max(x, axis=1, initial=-jnp.inf), 12),
    "a maximum with another number": (lambda x: jnp.maximum(x, 0.0), 12),
    "clipping": (lambda x: jax.lax.clamp(0.0, x, 1.0), 24),
    "the place of the largest": (lambda x: x.argmax(axis=1), 12),
    "running sums": (lambda x: jnp.cumsum(x, axis=1), 12),
    "a softmax": (lambda x: jax.nn.softmax(x, axis=1), 60),
    "a product of matrices": (lambda x: x @ x.T, 2 * 3 * 4 * 3),
    "a contraction over two axes": (lambda x: jnp.einsum("ij,ij->", x, x), 24),
    "a product for each of a batch": (lambda x: jnp.einsum("ij,ij->i", x, x), 24),
    "sorting": (lambda x: jnp.sort(x, axis=1), 12 * 2),
    "stacked": (lambda x: jnp.stack([*jnp.unstack(x), x[0]], axis=1), 0),
    "moves": (lambda x: jnp.concatenate([x[1:].T.reshape(2, 4), x[:2]])[::-1], 0),
    "a choice": (lambda x: jnp.where(jnp.ones(4, dtype=bool), x, 0.0), 0),
    "truth values": (lambda x: jnp.all(~(x < 0) & (x < 1)), 24),
    "counting truth values": (lambda x: (x < 0).sum(), 24),
    "rows by number": (lambda x: x[jnp.arange(3) * 2 - 1], 0),
    "what nothing depends on": (lambda x: (jnp.exp(x), x)[1], 0),
    "a function in a function": (jax.jit(lambda x: jax.jit(jnp.exp)(x) + 1), 24),
    "a rule of derivatives": (lambda x: doubled(x) + tripled(x), 36),
    "activations": (lambda x: jax.nn.relu(x), 12),
    "a checkpoint": (jax.checkpoint(lambda x: jnp.exp(x)), 12),
    "a scan": (summed_by_scan, 3 * (4 + 4)),
    "a loop of known length": (summed_by_loop, 5 * 12),
    "the dearest branch": (by_branch, 1 + 36),
    "a map": (jax.vmap(lambda row: row @ row), 24),
}


@pytest.mark.parametrize("name", COUNTS)
def test_operations_of(name):
    function, expected = COUNTS[name]
    assert operations(function, floats(3, 4)) == expected


def test_integers_count_unless_they_only_say_where_data_lie():
    def mass(counts, weights, places):
        return (counts * weights[places + 1]).sum()

    assert operations(mass, integers(6), integers(9), integers(6)) == 6 + 6


def test_numbers_that_become_places_have_a_price():
    def nearest(x, centres):
        return centres[jnp.abs(x - centres[:, None]).argmin(axis=0)]

    assert operations(nearest, floats(7), floats(5)) == 3 * 35


def test_pytrees_are_arguments_and_shapes_do_not_cost_memory():
    def product(pair):
        return pair["a"] @ pair["b"]

    huge = {"a": floats(10**7, 10**7), "b": floats(10**7, 10**7)}
    assert operations(product, huge) == 2 * 10**21


def test_what_is_done_once_for_all_rows_is_left_out():
    def scores(weights, rows):
        return rows @ jnp.exp(weights)

    assert operations_each(scores, lambda n: (floats(8), floats(n, 8))) == 16
    assert operations(scores, floats(8), floats(3, 8)) == 8 + 3 * 16


def test_a_function_is_traced_once_for_each_shape():
    traced = []

    def function(x):
        traced.append(x.shape)
        return x + 1

    for n in (2, 3, 2, 3):
        assert operations(function, np.zeros(n)) == n
    assert traced == [(2,), (3,)]


def test_a_loop_of_unknown_length_is_refused():
    def halved(x):
        return jax.lax.while_loop(lambda y: y > 1, lambda y: y / 2, x)

    with pytest.raises(UserError, match="unknown length"):
        operations(halved, floats())


def test_what_has_no_price_is_refused_by_name():
    with pytest.raises(UserError, match="primitive cholesky are not known"):
        operations(jnp.linalg.cholesky, floats(3, 3))


@pytest.mark.parametrize("name", ["a softmax", "a product of matrices", "a sum of numbers"])
def test_xla_counts_about_the_same(name):
    """XLA takes n - 1 for a sum of n numbers, and exponentials apart."""
    function, expected = COUNTS[name]
    analysis = jax.jit(function).lower(jax.ShapeDtypeStruct((3, 4), np.float32)).compile()
    seen = analysis.cost_analysis()
    assert seen is not None
    assert seen["flops"] + seen.get("transcendentals", 0) == pytest.approx(expected, rel=0.2)
