"""Margins, losses and priors against explicit enumeration, on many small models."""

import dataclasses
import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import binom

import probbound
from estimators.guarantee import Guarantee
from probbound.contract.claims import ACCURACY, Claim, claim_of
from probbound.draws.priors import Prior
from probbound.machine.errors import UserError
from probbound.tasks.max_of_k.losses import largest_loss, loss_at, margin_for
from probbound.tasks.max_of_k.methods import cascade as cascade_module
from probbound.tasks.max_of_k.task import MaxOfK, task_for
from tests.factories import all_sequences, copying_model, random_model, slow_logits

DETERMINISTIC = ("brute-force", "cubic", "sub-cubic", "quadratic-qk-eu")
SAMPLED = ("iid", "iid:tables", "hybrid", "hybrid:sub-cubic", "cascade", "cascade:cubic")
PRIORS = ((3, 0, 1, 2, 5), (0, 0, 7, 0, 0), (1, 1, 1, 1, 10**6), (0, 1, 1, 0, 1), None)
FALSE_ALARM = 1e-6


@dataclasses.dataclass(frozen=True)
class Truth:
    """What every sequence's margin and loss are, and its probability."""

    margins: np.ndarray
    losses: np.ndarray
    shares: np.ndarray

    @classmethod
    def of(cls, model, prior):
        tokens = all_sequences(model.d_vocab, model.n_ctx)
        logits = np.array([slow_logits(model, tuple(row)) for row in tokens])
        rows, labels = np.arange(len(tokens)), tokens.max(axis=1)
        own = logits[rows, labels].copy()
        losses = logsumexp(logits, axis=1) - own
        logits[rows, labels] = -np.inf
        weights = np.array(prior.weights if prior else [1] * model.d_vocab, float)
        shares = (weights / weights.sum())[tokens].prod(axis=1)
        return cls(own - logits.max(axis=1), losses, shares)

    def failing(self, at):
        return float(self.shares[~(self.margins > at)].sum())

    @property
    def loss(self):
        return float(self.shares @ self.losses)


def small_models(count):
    for seed in range(count):
        make = random_model if seed % 2 else copying_model
        yield make(seed, d_vocab=5, n_ctx=2 + seed % 2)


def questions(count):
    """A model, a prior, a margin and the truth, over all priors."""
    margins = (0.0, 0.7, -0.6, 3.0)
    for seed, model in enumerate(small_models(count)):
        weights = PRIORS[seed % len(PRIORS)]
        prior = Prior(weights) if weights else None
        yield seed, model, prior, margins[seed % 4], Truth.of(model, prior)


def loss_bound(certificate):
    assert certificate.loss is not None
    return certificate.loss


def certify(model, prior, strategy, claim=ACCURACY, **options):
    task = task_for(model, prior)
    return probbound.certify(model, task, strategy=strategy, claim=claim, **options)


@pytest.fixture(autouse=True)
def small_pilots(monkeypatch):
    monkeypatch.setattr(cascade_module, "PILOT_DRAWS", 64)


@pytest.mark.parametrize("models", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_margins_under_priors_are_bounded_by_every_strategy(models):
    """Sampled bounds at δ = 0.1, judged at a false-alarm rate of 1e-6 each."""
    violations, informative = dict.fromkeys(SAMPLED, 0), 0
    for seed, model, prior, at, truth in questions(models):
        claim, failing = Claim("margin", at), truth.failing(at)
        exact = certify(model, prior, "brute-force", claim)
        assert exact.failure_upper == pytest.approx(failing, rel=1e-12, abs=1e-15)
        for name in DETERMINISTIC[1:]:
            found = certify(model, prior, name, claim)
            assert found.failure_upper >= failing - 1e-12, name
            informative += name == "cubic" and found.failure_upper < 1
        gridded = certify(model, prior, "cubic", claim, grid_points=40)
        assert gridded.failure_upper >= failing - 1e-12
        for name in SAMPLED:
            found = certify(model, prior, name, claim, budget=12, delta=0.1, seed=seed)
            violations[name] += found.failure_upper < failing - 1e-12
    assert informative > models / 4
    for name, count in violations.items():
        assert count <= binom.isf(FALSE_ALARM, models, 0.1), name


@pytest.mark.parametrize("models", [8, pytest.param(200, marks=pytest.mark.slow)])
def test_losses_under_priors_are_bounded_by_every_strategy(models):
    """As above."""
    sampled = ("iid", "iid:tables", "hybrid", "hybrid:sub-cubic")
    violations = dict.fromkeys(sampled, 0)
    for seed, model, prior, _, truth in questions(models):
        claim = Claim("loss")
        exact = certify(model, prior, "brute-force", claim)
        assert truth.loss * (1 - 1e-12) <= exact.bound <= truth.loss * (1 + 1e-7)
        assert exact.guarantee is Guarantee.DETERMINISTIC
        assert loss_bound(exact).largest >= truth.losses[truth.shares > 0].max()
        for name in ("cubic", "sub-cubic"):
            found = certify(model, prior, name, claim)
            assert truth.loss - 1e-12 <= found.bound <= loss_bound(found).largest * (1 + 1e-9)
        for name in sampled:
            found = certify(model, prior, name, claim, budget=12, delta=0.1, seed=seed)
            violations[name] += found.bound < truth.loss - 1e-12
            assert found.bound <= loss_bound(found).proven * (1 + 1e-9)
    for name, count in violations.items():
        assert count <= binom.isf(FALSE_ALARM, models, 0.1), name


@pytest.mark.parametrize("claim", [Claim(), Claim("margin", 0.5), Claim("loss")])
@pytest.mark.parametrize("strategy", ["brute-force", "cubic", "sub-cubic", "iid", "hybrid"])
def test_equal_weights_give_the_very_same_bound_as_no_prior(strategy, claim):
    model = copying_model(4, d_vocab=5)
    plain, weighted = (
        certify(model, prior, strategy, claim, budget=9, delta=0.1, seed=3)
        for prior in (None, Prior((6,) * 5))
    )
    assert plain.bound == weighted.bound
    assert plain.sampling == weighted.sampling


def tied_model():
    """Logits are small integers, exactly: the margin is 2 for label 1 and 1 for label 0."""
    model = random_model(0, d_vocab=2, n_ctx=2, d_model=2)
    zeros = {name: 0 * getattr(model, name) for name in ("W_pos", "W_Q", "W_K", "W_V", "W_O")}
    weights = {"W_E": np.eye(2), "W_U": np.array([[1.0, 0.0], [0.0, 2.0]])}
    return dataclasses.replace(model, **zeros, **weights)


@pytest.mark.parametrize(
    "strategy", ["brute-force", "cubic", "sub-cubic", "iid:tables", "iid", "hybrid", "cascade"]
)
def test_a_margin_is_not_above_itself(strategy):
    """A tie at μ fails, and what is within the rounding error of one; a little less does not."""
    model, only = tied_model(), Prior((0, 1))
    options = {"strategy": strategy, "budget": 200, "delta": 0.1}
    at, within, below = (
        certify(model, only, claim=Claim("margin", margin), **options).failure_upper
        for margin in (2.0, math.nextafter(2.0, 0), 2.0 - 1e-11)
    )
    assert at == within == 1
    assert below < 0.05


def test_zero_weights_and_one_heavy_token_are_drawn_as_told():
    tokens = MaxOfK(4, 3, Prior((0, 5, 0, 995))).sample(
        probbound.draws.random_streams.Stream.from_seed(0), 0, 20_000
    )
    assert set(tokens.ravel().tolist()) == {1, 3}
    assert binom.isf(1e-6, 60_000, 0.005) > (tokens == 1).sum() > binom.ppf(1e-6, 60_000, 0.005)
    assert MaxOfK(4, 3, Prior((0, 9, 0, 0))).mass == 1


def test_priors_are_their_laws():
    assert Prior((2, 4, 0)) == Prior((1, 2, 0))
    assert Prior((2, 4, 0)).sha256 == Prior((1, 2, 0)).sha256
    assert Prior((1, 2, 0)).sha256 != Prior((1, 0, 2)).sha256
    prior = Prior((2, 0, 3, 1))
    assert prior.tokens(np.arange(6)).tolist() == [0, 0, 2, 2, 2, 3]
    down = prior.downwards(np.full(5, 2), np.arange(5))
    assert down.tolist() == [2, 2, 2, 0, 0]
    for weights in ((), (0, 0), (-1, 2)):
        with pytest.raises(UserError, match="must be non-negative and not all zero"):
            Prior(weights)
    with pytest.raises(UserError, match="must add up to less than 4294967296"):
        Prior((2**32, 1))


def test_weights_too_large_for_64_bits_are_counted_exactly():
    model = copying_model(2, d_vocab=5, n_ctx=4)
    prior = Prior((2**31, 3, 2**30 + 1, 5, 7))
    truth = Truth.of(model, prior)
    assert prior.total**4 > 2**64
    for strategy in ("brute-force", "cubic", "sub-cubic"):
        found = certify(model, prior, strategy)
        assert found.failure_upper >= truth.failing(0.0) * (1 - 1e-12)
    violations = 0
    for seed, strategy in itertools.product(range(10), ("hybrid", "hybrid:sub-cubic")):
        found = certify(model, prior, strategy, budget=20, delta=0.1, seed=seed)
        violations += found.failure_upper < truth.failing(0.0) * (1 - 1e-12)
    assert violations <= binom.isf(FALSE_ALARM, 20, 0.1)


@pytest.mark.parametrize("outputs", [1, 2, 64])
def test_margins_and_losses_convert(outputs):
    assert loss_at(1e9, outputs) < 1e-12
    for margin in (-50.0, -1.0, 0.0, 3.0):
        loss = loss_at(margin, outputs)
        assert loss >= math.log1p((outputs - 1) * math.exp(-margin))
        if outputs > 1:
            assert margin_for(loss, outputs) == pytest.approx(margin, abs=1e-6)


@pytest.mark.parametrize("make", [random_model, copying_model])
def test_the_largest_loss_is_not_exceeded_nor_far_off(make):
    for seed in range(20):
        model = make(seed, d_vocab=5)
        worst = Truth.of(model, None).losses.max()
        assert worst <= largest_loss(model, Prior.uniform(5)) < 10 * worst + 10


def test_the_largest_loss_with_several_heads_and_biases():
    for seed in range(20):
        model = random_model(seed, n_heads=2, biases=True, d_vocab_out=7)
        assert Truth.of(model, None).losses.max() <= largest_loss(model, Prior.uniform(5))


def test_margins_with_several_heads():
    for seed in range(4):
        model = random_model(seed, n_heads=3, biases=True, d_vocab=4)
        for at in (-0.7, 0.4):
            failing = Truth.of(model, None).failing(at)
            for strategy in ("brute-force", "cubic"):
                found = certify(model, None, strategy, Claim("margin", at))
                assert found.failure_upper >= failing - 1e-12
            exact = certify(model, None, "hybrid", Claim("margin", at), budget=1000)
            assert exact.failure_upper == pytest.approx(failing)


@pytest.mark.parametrize(
    ("strategy", "claim", "prior", "message"),
    [
        ("cascade", Claim("loss"), None, "cascade cannot bound a loss; use brute-force, iid"),
        ("iid", Claim("loss", 2.0), None, "cut at a number over rows of tokens"),
        ("iid", Claim("kl", 0.5), None, "a KL divergence is claimed of rows of tokens"),
        ("auto", Claim("kl", 0.5), None, "a KL divergence is claimed of rows of tokens"),
        ("low-rank-qk:sketch", Claim("loss"), None, "cannot bound a loss"),
        ("auto", Claim("margin", 1.0), None, "auto plans for the accuracy under a uniform prior"),
        ("auto", Claim(), Prior((1, 2, 3, 4, 5)), "auto plans for the accuracy"),
        ("iid", Claim(), Prior((1, 2)), "the prior is over 2 tokens, but d_vocab is 5"),
    ],
)
def test_what_has_no_meaning_is_refused(strategy, claim, prior, message):
    with pytest.raises(UserError, match=message):
        certify(random_model(0), prior, strategy, claim)


@pytest.mark.parametrize(
    ("kind", "at", "message"),
    [
        ("margin", None, "a margin claim needs the margin it is about"),
        ("kl", None, "a kl claim needs the divergence, in nats, it is about; give it with --at"),
        ("accuracy", 0.0, "a claim of accuracy is made at no number; leave --at out"),
        ("margin", math.nan, "the margin must be a finite number, got nan"),
        ("loss", 0.0, "what a loss is cut at must be a finite number above 0, got 0"),
        ("loss", math.inf, "what a loss is cut at must be a finite number above 0, got inf"),
        ("kl", -1e-9, "the divergence, in nats, must be a finite number, 0 or more, got -1e-09"),
        ("kl", math.nan, "the divergence, in nats, must be a finite number, 0 or more, got nan"),
        ("error", None, "there is no claim 'error'; choose from accuracy, margin, loss, kl"),
    ],
)
def test_claims_that_mean_nothing_are_refused(kind, at, message):
    with pytest.raises(UserError, match=message):
        claim_of(kind, at)


def test_a_number_of_a_claim_is_one_number_and_a_margin_only_of_margins():
    assert math.copysign(1, claim_of("kl", -0.0).at or 0.0) == 1
    assert claim_of("loss", 2.0).at == 2.0
    assert (claim_of("margin", 2.0).margin, claim_of("loss", 2.0).margin) == (2.0, 0.0)
    assert claim_of("accuracy").margin == 0.0
    with pytest.raises(ValueError, match="no margin"):
        _ = claim_of("kl", 2.0).margin


def test_a_kind_that_there_is_none_of_is_refused_in_python_too():
    """In a process of its own, where no import hook checks types first."""
    command = [sys.executable, "-c", "import probbound; probbound.Claim('error')"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "UserError: there is no claim 'error'; choose from accuracy" in done.stderr
