"""What is certified is what was given: another task, network or number is refused."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import probbound
from probbound.draws.priors import Prior
from probbound.machine.errors import UserError
from probbound.models.attention_only.accepted import accepted_model
from probbound.models.attention_only.evaluation import wrong_answers
from probbound.models.attention_only.paths import noise_term
from probbound.models.attention_only.transformer import Transformer
from probbound.models.recipes import RECIPES
from probbound.tasks.accepted import accepted_claim
from probbound.tasks.max_of_k.accepted import accepted_task
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.task import MaxOfK, task_for
from probbound.tasks.max_of_k.training import fine_tune, initial_model, train
from tests.factories import random_model

MODEL = random_model(1)
TASK = task_for(MODEL)


class Smallest(MaxOfK):
    """Another answer."""

    def labels(self, tokens):
        return tokens.min(axis=1)


class Skewed(Prior):
    """Another law than its weights say."""

    def tokens(self, numbers):
        return numbers * 0


class Doubled(Transformer):
    """Another function of the same weights."""

    def __call__(self, tokens):
        return -super().__call__(tokens)


class Easy(probbound.Claim):
    """Another margin than it says."""

    @property
    def margin(self) -> float:
        return -1e9


SMALLEST = Smallest(MODEL.d_vocab, MODEL.n_ctx)
DOUBLED = Doubled(**vars(MODEL))


@pytest.mark.parametrize("strategy", ["iid", "hybrid", "cascade", "entries", "brute-force", "auto"])
def test_a_subclass_of_the_task_or_the_network_is_refused(strategy):
    with pytest.raises(UserError, match=r"itself, got .*Smallest; no strategy serves another task"):
        probbound.certify(MODEL, SMALLEST, strategy=strategy)
    with pytest.raises(UserError, match=r"proved for probbound\.Transformer itself, got .*Doubled"):
        probbound.certify(DOUBLED, TASK, strategy=strategy)


def no_penalty(_: Transformer):
    return jnp.zeros(())


REFUSING = {
    "question of the task": lambda: Question(MODEL, SMALLEST, 1, 0.1, 0),
    "question of the network": lambda: Question(DOUBLED, TASK, 1, 0.1, 0),
    "train": lambda: train(SMALLEST, 4, RECIPES["published"], 0),
    "initial": lambda: initial_model(SMALLEST, 4, 0),
    "tune": lambda: fine_tune(MODEL, SMALLEST, RECIPES["published"], 0, no_penalty, 1.0),
    "noise": lambda: noise_term(DOUBLED),
    "count": lambda: wrong_answers(DOUBLED, TASK, np.zeros((1, 3), int)),
}


@pytest.mark.parametrize("call", REFUSING.values(), ids=REFUSING)
def test_every_entry_refuses_them(call):
    with pytest.raises(UserError, match="bounds are proved for"):
        call()


@pytest.mark.parametrize("name", ["max-of-k", "min-of-k"])
def test_another_task_is_refused_without_type_checks(name):
    """As users run it: the tests check types, which would refuse it first."""
    code = f"""
import numpy as np, probbound
class Smallest:
    name, d_vocab, n_ctx, size, mass, prior = "{name}", 64, 4, 64**4, 64**4, None
    def labels(self, tokens): return tokens.min(axis=1)
    def sample(self, stream, start, stop): return np.zeros((stop - start, 4), int)
try:
    probbound.certify(probbound.load("max-of-4"), Smallest(), strategy="iid")
except probbound.UserError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("bounds are proved for the")
    assert "got __main__.Smallest; no strategy serves another task" in ran.stdout


def altered(task: MaxOfK, name: str, value: object) -> MaxOfK:
    """A frozen object changed all the same."""
    object.__setattr__(task, name, value)
    return task


def with_prior(weights: tuple[int, ...] = (1, 2, 3, 4, 5)) -> MaxOfK:
    return task_for(MODEL, Prior(weights))


def altered_prior(name: str, value: object) -> MaxOfK:
    task = with_prior()
    _ = task.law, task.law.total, task.law.array, task.law.ends
    object.__setattr__(task.prior, name, value)
    return task


ALTERED = {
    "labels": lambda: altered(MaxOfK(5, 3), "labels", lambda tokens: tokens[:, 0]),
    "the law": lambda: altered(MaxOfK(5, 3), "law", Prior((1, 0, 0, 0, 0))),
    "no size": lambda: altered(MaxOfK(5, 3), "n_ctx", 0),
    "a total": lambda: altered_prior("total", 99),
    "an array": lambda: altered_prior("array", np.arange(5)),
    "weights": lambda: altered_prior("weights", (1, 1, 1, 1, 1)),
    "a factor": lambda: altered_prior("weights", (2, 4, 6, 8, 10)),
    "text": lambda: altered_prior("weights", ("1", "2", "3", "4", "5")),
    "a prior of another kind": lambda: altered(MaxOfK(5, 3), "prior", Skewed((1, 2, 3, 4, 5))),
    "no prior": lambda: altered(MaxOfK(5, 3), "prior", "uniform"),
}


@pytest.mark.parametrize("make", ALTERED.values(), ids=ALTERED)
def test_an_altered_task_is_refused(make):
    with pytest.raises(UserError):
        probbound.certify(MODEL, make(), strategy="iid")


def test_a_task_that_was_used_before_is_the_same():
    for task in (MaxOfK(5, 3), with_prior()):
        _ = task.law, task.law.total, task.law.array, task.law.ends, task.law.sha256
        assert accepted_task(task) == task


def test_a_claim_of_another_kind_is_refused():
    with pytest.raises(UserError, match=r"probbound\.Claim itself, got .*Easy"):
        probbound.certify(MODEL, TASK, strategy="iid", claim=Easy("margin", 1.0))
    assert accepted_claim(probbound.Claim("margin", 1.0)) == probbound.Claim("margin", 1.0)


def unchecked(name: str, value: object) -> Transformer:
    """The model with another value, that no type check saw."""
    model = object.__new__(Transformer)
    for known, found in {**vars(MODEL), name: value}.items():
        object.__setattr__(model, known, found)
    return model


WEIGHTS = {
    "masked": lambda w: np.ma.masked_array(w, mask=w > 0),
    "a matrix": lambda w: np.asmatrix(w),
    "integers": lambda w: np.round(w).astype(int),
    "booleans": lambda w: w > 0,
    "complex": lambda w: w * 1j,
    "long": lambda w: w.astype(np.longdouble),
    "objects": lambda w: w.astype(object),
}


@pytest.mark.parametrize("change", WEIGHTS.values(), ids=WEIGHTS)
def test_weights_that_are_no_plain_floats_are_refused(change):
    with pytest.raises(UserError, match=r"^W_E must (be a plain|hold floats)"):
        accepted_model(unchecked("W_E", change(MODEL.W_E)))


def test_a_traced_weight_is_refused():
    def certify(weights):
        accepted_model(replace(MODEL, W_E=weights))
        return weights

    with pytest.raises(UserError, match="W_E must be a plain NumPy or JAX array"):
        jax.jit(certify)(MODEL.W_E)


@pytest.mark.parametrize(
    "dtype", [np.float16, np.float32, np.float64, ">f8", jnp.bfloat16], ids=str
)
def test_every_float_that_is_a_float64_is_taken(dtype):
    values = jnp.asarray(MODEL.W_E, dtype) if dtype is jnp.bfloat16 else MODEL.W_E.astype(dtype)
    model = replace(MODEL, W_E=values)
    assert accepted_model(model).W_E is values
    assert probbound.certify(model, TASK, strategy="sub-cubic").bound >= 0


@pytest.mark.parametrize("scale", [2, np.float32(2), np.int64(2), 2.0], ids=type)
def test_the_scale_is_a_float_whatever_it_was(scale):
    assert type(accepted_model(unchecked("attn_scale", scale)).attn_scale) is float


@pytest.mark.parametrize("scale", [True, "2", 2j, np.longdouble("0.1"), 2**53 + 1], ids=str)
def test_a_scale_that_is_no_float64_is_refused(scale):
    with pytest.raises(UserError, match="attn_scale must be"):
        accepted_model(unchecked("attn_scale", scale))


def test_sizes_and_weights_of_numpy_become_whole_numbers_without_end():
    """An int64 would overflow: the mass of all inputs is an exact integer."""
    prior = accepted_task(with_prior(tuple(int(w) for w in np.arange(1, 6)))).law
    assert all(type(weight) is int for weight in prior.weights)
    assert type(MaxOfK(5, 3).size) is int
