"""Every bound on a loss against 200 digits: hostile weights, rounding edges, any size of loss."""

from __future__ import annotations

import itertools
import math

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import Phase, given, settings

import probbound
from estimators.guarantee import Guarantee
from probbound.arithmetic.log_sum import LEAST
from probbound.contract.claims import Claim
from probbound.draws.priors import Prior
from probbound.machine.errors import UserError
from probbound.models.attention_only.additive import additive_tables
from probbound.models.attention_only.evaluation import ForwardLoss
from probbound.models.attention_only.forward_error import ForwardError, logit_slack
from probbound.models.attention_only.loss_error import losses_upper
from probbound.models.attention_only.transformer import Transformer, in_float64
from probbound.strategies.losses import capped
from probbound.tasks.max_of_k.losses import largest_loss, loss_at, margin_for
from probbound.tasks.max_of_k.methods import brute_force
from probbound.tasks.max_of_k.methods.brute_force import mean_loss
from probbound.tasks.max_of_k.screens.sequences import SequenceTables, TableForwardCheck
from probbound.tasks.max_of_k.task import task_for
from tests.exact import DIGITS, ExactModel
from tests.factories import all_sequences, copying_model, random_model
from tests.probbound.models.attention_only.test_forward_error import (
    EDGES,
    changed,
    scaled,
    small_models,
    sums_model,
)
from tests.probbound.tasks.max_of_k.test_hostile_models import HOSTILE

DETERMINISTIC = ("brute-force", "cubic")
MODELS = {
    **EDGES,
    **HOSTILE,
    "losses of 1e-40": lambda: scaled(copying_model(5, d_vocab=4, noise=0.0), W_U=40.0),
    "losses above 1000": lambda: scaled(copying_model(6, d_vocab=4), W_U=1000.0),
}


def every_loss(model: Transformer) -> dict[str, np.ndarray]:
    """A bound on the loss of every sequence, in order, by each way of running it."""
    tokens = all_sequences(model.d_vocab, model.n_ctx)
    by_query = brute_force._all_sequences(
        additive_tables(model), Prior.uniform(model.d_vocab), brute_force._losses
    )
    return {
        "brute force": np.stack([found.ravel() for found, _, _ in by_query], axis=1).ravel(),
        "forward pass": ForwardLoss.of(model, task_for(model)).upper(tokens),
        "tables": TableForwardCheck(SequenceTables.of(model)).losses(tokens),
    }


def assert_losses_are_bounded(model: Transformer) -> None:
    true = list(ExactModel(model).losses().values())
    law, slack = Prior.uniform(model.d_vocab), logit_slack(model)
    if math.isinf(ForwardError.of(model).logits):
        with pytest.raises(UserError, match="no finite bound"):
            largest_loss(model, law)
        return
    largest = largest_loss(model, law)
    assert max(true) <= largest
    for name, found in every_loss(model).items():
        bounds = [mpmath.mpf(float(bound)) for bound in capped(found, largest)]
        for bound, loss in zip(bounds, true, strict=True):
            assert loss <= bound, name
            if np.isfinite(slack) and not np.isnan(found).any():
                assert bound - loss <= 1.1 * min(slack, slack * loss) + loss * 1e-13 + 2 * LEAST, (
                    name
                )
    mean = mean_loss(additive_tables(model), law, largest)
    assert mpmath.fsum(true) / len(true) <= mean <= largest


@pytest.mark.parametrize("name", MODELS)
def test_every_loss_and_their_mean_are_bounded_in_200_digits(name):
    assert_losses_are_bounded(MODELS[name]())


def assert_small_models_are_bounded(examples: int) -> None:
    @settings(max_examples=examples, deadline=None, derandomize=True, phases=[Phase.generate])
    @given(small_models())
    def check(model):
        assert_losses_are_bounded(model)

    check()


def test_losses_of_small_models_with_many_ties():
    assert_small_models_are_bounded(4)


@pytest.mark.slow
def test_losses_of_more_small_models_with_many_ties():
    assert_small_models_are_bounded(150)


@pytest.mark.parametrize(
    ("name", "strategy"),
    [
        ("losses of 1e-40", "hybrid"),
        *itertools.product(("copying", "losses of 1e-40", "duplicated tokens"), DETERMINISTIC),
    ],
)
def test_certain_bounds_on_the_mean_are_true_in_200_digits(name, strategy):
    """With a budget for all of it, `hybrid` runs what the screen leaves, and is certain too."""
    model = MODELS[name]()
    prior = Prior((3, *range(model.d_vocab - 1)))
    weights = {t: mpmath.mpf(w) / prior.total for t, w in enumerate(prior.weights)}
    for law in (None, prior):
        true = sum(
            loss * mpmath.fprod(weights[t] if law else mpmath.mpf(1) / model.d_vocab for t in x)
            for x, loss in ExactModel(model).losses().items()
        )
        task = task_for(model, law)
        found = probbound.certify(
            model, task, strategy=strategy, claim=Claim("loss"), budget=task.mass
        )
        assert found.guarantee is Guarantee.DETERMINISTIC
        assert true <= found.bound
        if strategy == "brute-force":
            assert found.bound <= true * (1 + 1e-6)


def plain_loss(logits: np.ndarray, label: int) -> np.floating:
    """The loss as it is usually computed, in the precision of the logits."""
    gaps = logits - logits[label]
    return gaps.max() + np.log(np.exp(gaps - gaps.max()).sum())


def test_a_loss_that_rounding_makes_too_small():
    """Two logits that are equal in real arithmetic: plain float64 falls below log 2 for some."""
    fooled = []
    for seed in range(6):
        model = sums_model(seed)
        true = ExactModel(model).losses()[1, 1]
        with jax.enable_x64(True):
            logits = np.asarray(in_float64(model)(np.array([[1, 1]])))[0]
        fooled.append(float(plain_loss(logits, 1)) < true)
        assert all(found[-1] >= true for found in every_loss(model).values())
    assert any(fooled)


def test_float32_would_have_given_a_falsely_small_loss():
    """A model of float32 weights, wrong on (1, 1) by 2^-30: float32 says less than log 2."""
    fooled = []
    for seed in range(12):
        model = sums_model(seed, gap=2.0**-30, dtype=np.float32)
        true = ExactModel(model).losses()[1, 1]
        assert true > mpmath.log(2)
        logits = np.asarray(model(np.array([[1, 1]])))[0]
        assert logits.dtype == np.float32
        fooled.append(float(plain_loss(logits, 1)) < mpmath.log(2))
        assert all(found[-1] >= true for found in every_loss(model).values())
    assert any(fooled)


@pytest.mark.parametrize("strategy", ["brute-force", "cubic", "iid", "iid:tables", "hybrid"])
def test_scores_too_large_for_float64_leave_the_largest_loss(strategy):
    """Attention is unknown, but not what the weights can add up to: B is all that is claimed."""
    model = scaled(copying_model(1), W_Q=1e15)
    assert math.isinf(logit_slack(model))
    found = probbound.certify(
        model, task_for(model), strategy=strategy, claim=Claim("loss"), budget=50
    )
    assert found.loss is not None
    assert found.bound == found.loss.largest


def test_weights_too_large_for_any_bound_are_refused():
    with pytest.raises(UserError, match="have no finite bound in float64"):
        largest_loss(scaled(random_model(4), W_U=1e100), Prior.uniform(5))


@pytest.mark.parametrize("outputs", [2, 3, 64, 10**6])
def test_the_loss_at_a_margin_is_not_below_the_true_one(outputs):
    mpmath.mp.dps = DIGITS
    rng = np.random.default_rng(outputs)
    margins = [*rng.uniform(-50, 50, 300), *(s * 2.0**e for s in (-1, 1) for e in range(-60, 60))]
    for margin in margins:
        true = mpmath.log1p((outputs - 1) * mpmath.exp(-mpmath.mpf(float(margin))))
        found = loss_at(float(margin), outputs)
        assert true <= found
        assert found <= true * (1 + 2e-9) + 1e-270


@pytest.mark.parametrize("loss", [1e-5, 0.3, 50.0, 1e4, 1e300])
def test_margins_of_losses_of_any_size_are_finite(loss):
    assert loss_at(margin_for(loss, 64), 64) == pytest.approx(loss, rel=1e-6)


@pytest.mark.parametrize("function", ["log", "log1p", "expm1"])
@pytest.mark.parametrize("compiled", [False, True])
def test_logarithms_are_within_the_assumption(function, compiled):
    rng = np.random.default_rng(0)
    x = np.exp(np.concatenate([rng.uniform(-700, 5, 4000), rng.uniform(-12, 1, 8000)]))
    if compiled:
        with jax.enable_x64(True):
            found = np.asarray(jax.jit(getattr(jnp, function))(jnp.asarray(x)))
    else:
        found = getattr(np, function)(x)
    mpmath.mp.dps = 60
    exactly = getattr(mpmath, function)
    ulps = [
        abs(mpmath.mpf(float(y)) - exactly(mpmath.mpf(float(v)))) / float(np.spacing(abs(y)))
        for v, y in zip(x, found, strict=True)
    ]
    assert max(ulps) <= 4


def test_what_is_not_known_counts_as_the_largest():
    logits = np.array([[0.0, np.nan], [0.0, np.inf], [1.0, 0.0]])
    with np.errstate(invalid="ignore"):
        found, unknown = (
            np.asarray(losses_upper(logits, np.array([0, 0, 0]), slack, np))
            for slack in (1e-9, math.inf)
        )
    assert capped(found, 7.0)[:2].tolist() == [7.0, 7.0]
    assert capped(found, 7.0)[2] == pytest.approx(math.log1p(math.exp(-1)))
    assert capped(unknown, 7.0).tolist() == [7.0] * 3
    assert (capped(np.array([np.nan, np.inf, 8.0]), 7.0) == 7.0).all()


def test_one_output_has_next_to_no_loss():
    model = changed(random_model(8, d_vocab=1), b_U=np.array([3.0]))
    found = probbound.certify(model, task_for(model), strategy="iid", claim=Claim("loss"))
    assert 0 < found.bound <= 1e-200
