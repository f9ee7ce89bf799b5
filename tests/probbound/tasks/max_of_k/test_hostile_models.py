"""Weights, budgets and δ that someone chose to break a bound, against 200-digit arithmetic."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import probbound
from probbound.machine.errors import UserError
from probbound.models.attention_only.transformer import WEIGHT_SHAPES, Transformer
from probbound.tasks.max_of_k.task import task_for
from tests.exact import ExactModel
from tests.factories import checked, copying_model, random_model

ONE_HEAD_ONLY = ("sub-cubic", "low-rank-qk", "low-rank-qk-eu", "quadratic-qk", "quadratic-qk-eu")
SAMPLING = ("iid", "iid:tables", "hybrid", "cascade", "cascade:cubic", "auto")
ENTRIES = ("entries", "entries:counted", "entries:exact")
STRATEGIES = ("brute-force", "cubic", *ONE_HEAD_ONLY, *ENTRIES, *SAMPLING)
OPTIONS = {
    "cascade": {"draws": 400},
    "cascade:cubic": {"draws": 400},
    "auto": {"budget_flops": 1e8},
}


def exact_failures(model: Transformer) -> int:
    """How many sequences are answered wrongly; a tie is wrong."""
    return len(ExactModel(model).wrong())


def with_weights(model: Transformer, **changes: np.ndarray) -> Transformer:
    weights = {name: np.array(getattr(model, name), dtype=float) for name in WEIGHT_SHAPES}
    return dataclasses.replace(model, **{**weights, **changes})


def spike(weight: str, size: float) -> Transformer:
    model = copying_model(1, d_vocab=4, n_ctx=2)
    values = np.array(getattr(model, weight), dtype=float)
    values.flat[values.size // 2] = size
    return with_weights(model, **{weight: values})


def scaled(factor: float) -> Transformer:
    model = copying_model(2, d_vocab=4, n_ctx=2)
    weights = {name: factor * np.asarray(getattr(model, name)) for name in WEIGHT_SHAPES}
    return with_weights(model, **weights)


def duplicated_tokens() -> Transformer:
    model = copying_model(3, d_vocab=4, n_ctx=2)
    embed, unembed = np.array(model.W_E), np.array(model.W_U)
    embed[2], unembed[:, 2] = embed[3], unembed[:, 3]
    return with_weights(model, W_E=embed, W_U=unembed)


def rank_one() -> Transformer:
    model = copying_model(4, d_vocab=4, n_ctx=2)
    flat = {
        name: np.ones_like(getattr(model, name)) * np.asarray(getattr(model, name)).mean()
        for name in ("W_Q", "W_K", "W_V", "W_O")
    }
    return with_weights(model, **flat)


def unit_shift() -> Transformer:
    """Every logit is the same but for the last bit of a bias."""
    zero = scaled(0.0)
    bias = np.full(zero.d_vocab_out, 1.0)
    bias[-1] = np.nextafter(1.0, 2.0)
    return with_weights(zero, b_U=bias)


HOSTILE = {
    **{f"spike in {w}": (lambda w=w: spike(w, 1e8)) for w in ("W_E", "W_Q", "W_O", "W_U", "W_pos")},
    "huge spike": lambda: spike("W_V", 1e300),
    "huge negative spike": lambda: spike("W_E", -1e300),
    "denormals": lambda: scaled(1e-310),
    "tiny": lambda: scaled(1e-60),
    "large": lambda: scaled(1e40),
    "all zero": lambda: scaled(0.0),
    "ties but for the last bit": unit_shift,
    "duplicated tokens": duplicated_tokens,
    "rank one": rank_one,
    "two heads": lambda: random_model(5, d_vocab=3, n_ctx=2, n_heads=2, biases=True),
    "one position": lambda: random_model(6, d_vocab=4, n_ctx=1, biases=True),
    "one token": lambda: random_model(7, d_vocab=1, n_ctx=2),
    "one token, more outputs": lambda: random_model(8, d_vocab=1, n_ctx=2, d_vocab_out=3),
    "two tokens": lambda: random_model(9, d_vocab=2, n_ctx=3),
}


FAR_FROM_ONE = ("huge spike", "huge negative spike", "denormals", "tiny", "large", "all zero")


def certify(model, strategy, **options):
    options = {**OPTIONS.get(strategy, {}), **options}
    return probbound.certify(model, task_for(model), strategy=strategy, **options)


@pytest.fixture(scope="module", params=HOSTILE)
def hostile(request):
    model = HOSTILE[request.param]()
    truth = exact_failures(model) / model.d_vocab**model.n_ctx
    return model, truth, request.param in FAR_FROM_ONE


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_strategy_certifies_more_than_the_truth(hostile, strategy):
    model, truth, far_from_one = hostile
    if strategy in (*ONE_HEAD_ONLY, *ENTRIES) and model.n_heads > 1:
        with pytest.raises(UserError, match="one head"):
            certify(model, strategy)
        return
    found = answered(model, strategy, budget=40, delta=1e-9)
    if isinstance(found, UserError):
        assert far_from_one
        assert "too far from 1" in str(found)
    else:
        assert found.failure_upper >= truth
        assert 0 <= found.bound <= 1


@pytest.mark.parametrize("rung", ONE_HEAD_ONLY)
def test_the_checker_agrees_on_every_rung(hostile, rung):
    model, _, far_from_one = hostile
    found = answered(model, f"hybrid:{rung}", budget=4, delta=1e-3)
    if isinstance(found, UserError):
        assert far_from_one or model.n_heads > 1
    else:
        assert checked(found, model).holds


def answered(model, strategy, **options):
    try:
        return certify(model, strategy, **options)
    except UserError as error:
        return error


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_weights_that_are_no_numbers_are_refused(value):
    with pytest.raises(UserError, match="NaN or an infinity"):
        certify(spike("W_U", value), "cubic")


@pytest.mark.parametrize("strategy", SAMPLING)
@pytest.mark.parametrize("delta", [1e-300, 0.999999, 1 - 2**-53])
def test_extreme_confidence(strategy, delta):
    model = copying_model(5, d_vocab=4, n_ctx=2)
    truth = exact_failures(model) / 16
    certificate = certify(model, strategy, budget=30, delta=delta)
    assert certificate.failure_upper >= truth or delta > 0.5
    assert certificate.delta <= delta
    assert 0 <= certificate.failure_upper <= 1


@pytest.mark.parametrize("strategy", SAMPLING)
@pytest.mark.parametrize("budget", [0, 1, 10_000])
def test_budgets_of_nothing_and_of_more_than_there_is(strategy, budget):
    model = copying_model(6, d_vocab=4, n_ctx=2)
    certificate = certify(model, strategy, budget=budget, delta=1e-9)
    assert certificate.failure_upper >= exact_failures(model) / 16
    if budget == 0 and strategy != "auto":
        assert certificate.sampling.samples == 0


@pytest.mark.parametrize("delta", [0.0, 1.0, -0.1, math.nan, math.inf])
def test_confidence_that_is_no_probability_is_refused(delta):
    with pytest.raises(UserError, match="strictly between 0 and 1"):
        certify(random_model(0), "iid", delta=delta)


def test_confidence_that_cannot_be_split_is_refused():
    with pytest.raises(UserError, match="at least 1e-300"):
        certify(random_model(0), "cascade", delta=5e-324)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    d_vocab=st.integers(1, 3),
    n_ctx=st.integers(1, 3),
    biases=st.booleans(),
    copying=st.booleans(),
    strategy=st.sampled_from(STRATEGIES),
    budget=st.integers(0, 60),
    sampling_seed=st.integers(0, 2**63),
    exponent=st.integers(-40, 40),
)
def test_any_tiny_model_any_strategy(
    seed, d_vocab, n_ctx, biases, copying, strategy, budget, sampling_seed, exponent
):
    model = (
        copying_model(seed, d_vocab=d_vocab, n_ctx=n_ctx)
        if copying
        else random_model(seed, d_vocab=d_vocab, n_ctx=n_ctx, biases=biases)
    )
    model = with_weights(model, W_Q=2.0**exponent * np.asarray(model.W_Q))
    certificate = certify(model, strategy, budget=budget, delta=1e-12, seed=sampling_seed)
    assert certificate.failure_upper >= exact_failures(model) / d_vocab**n_ctx
