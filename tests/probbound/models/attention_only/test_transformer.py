import dataclasses

import equinox as eqx
import jax
import numpy as np
import pytest

from probbound.machine.errors import UserError
from probbound.models.attention_only.evaluation import wrong_answers
from probbound.models.attention_only.transformer import (
    Transformer,
    forward_flops,
    in_float64,
    shapes_of,
)
from probbound.tasks.max_of_k.task import task_for
from tests.factories import all_sequences, copying_model, random_model, slow_logits, slow_wrong


@pytest.mark.parametrize(("n_heads", "biases"), [(1, False), (1, True), (3, True)])
def test_logits_equal_the_definition(n_heads, biases):
    model = random_model(1, n_heads=n_heads, biases=biases, d_vocab_out=7)
    tokens = all_sequences(model.d_vocab, model.n_ctx)
    with jax.enable_x64(True):
        logits = np.asarray(in_float64(model)(tokens))
    expected = np.array([slow_logits(model, tuple(row)) for row in tokens])
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_wrong_answers_equal_the_slow_enumeration(seed):
    model = (copying_model if seed % 2 else random_model)(seed)
    tokens = all_sequences(model.d_vocab, model.n_ctx)
    wrong = wrong_answers(model, task_for(model), tokens)
    assert [tuple(row) for row in tokens[wrong]] == slow_wrong(model)


def test_counting_does_not_depend_on_the_chunk_size(monkeypatch):
    model = random_model(0)
    tokens = all_sequences(5, 3)
    expected = wrong_answers(model, task_for(model), tokens).sum()
    for chunk in (7, 64, 1000):
        monkeypatch.setattr(
            "probbound.models.attention_only.evaluation.chunk_size", lambda _, chunk=chunk: chunk
        )
        assert wrong_answers(model, task_for(model), tokens).sum() == expected


def test_ties_and_nan_are_wrong():
    model = random_model(0)
    blank = Transformer(
        **{f.name: np.zeros_like(getattr(model, f.name)) for f in dataclasses.fields(model)[:12]},
        attn_scale=1.0,
    )
    tokens = all_sequences(5, 3)
    assert wrong_answers(blank, task_for(blank), tokens).all()
    huge = dataclasses.replace(model, W_U=model.W_U * 1e308, W_O=model.W_O * 1e308)
    assert wrong_answers(huge, task_for(huge), tokens).all()


def test_no_tokens_no_answers():
    model = random_model(0)
    assert wrong_answers(model, task_for(model), np.zeros((0, 3), dtype=np.int64)).shape == (0,)


@pytest.mark.parametrize("shape", [(64, 32, 4, 1), (128, 32, 6, 4)])
def test_forward_flops_agree_with_xla(shape):
    d_vocab, d_model, n_ctx, n_heads = shape
    model = random_model(0, d_vocab=d_vocab, d_model=d_model, n_ctx=n_ctx, n_heads=n_heads)
    batch = 64
    compiled = jax.jit(lambda t: model(t)).lower(np.zeros((batch, n_ctx), dtype=np.int32)).compile()
    analysis = compiled.cost_analysis()
    assert analysis is not None
    seen = analysis["flops"] + analysis["transcendentals"]
    assert forward_flops(model) * batch == pytest.approx(seen, rel=0.05)


@pytest.mark.parametrize("n_heads", [1, 3])
@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_forward_flops_are_those_that_numbers_of_draws_rest_on(n_heads, scale):
    """The formula of the checker: a certificate's number of draws follows from it."""
    model = random_model(0, d_vocab=9, d_model=7, d_head=4, n_ctx=5, n_heads=n_heads, d_vocab_out=8)
    model = dataclasses.replace(model, attn_scale=scale)
    p, d, e, h, out = 5, 7, 4, n_heads, 8
    attention = h * (8 * d * e + 4 * e + p * (4 * d + 7))
    assert forward_flops(model) == p * d + attention + 2 * d + 2 * d * out + out


def test_weights_are_not_converted_to_be_priced():
    model = random_model(0, d_vocab=9)
    shapes = shapes_of(model)
    assert all(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in jax.tree.leaves(shapes))
    assert jax.tree.structure(shapes) == jax.tree.structure(in_float64(model))


@pytest.mark.parametrize(
    ("weight", "shape", "message"),
    [
        ("W_Q", (1, 6), "W_Q needs the 3 axes"),
        ("W_K", (1, 6, 3), "W_K has shape"),
        ("W_pos", (0, 6), "W_pos has shape"),
    ],
)
def test_weights_that_do_not_fit_are_refused(weight, shape, message):
    broken = eqx.tree_at(lambda m: getattr(m, weight), random_model(0), np.zeros(shape))
    with pytest.raises(UserError, match=message):
        broken.__check_init__()


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_that_is_not_positive_is_refused(scale):
    with pytest.raises(UserError, match="attn_scale must be"):
        dataclasses.replace(random_model(0), attn_scale=scale)
