"""The checker's own rungs of the ladder, against those that make certificates and against truth."""

import itertools
import json
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

import probbound
from probbound.arithmetic.factored import FactoredMatrix
from probbound.check.judge import derived_seed, judge
from probbound.check.models.attention_only.network import Network
from probbound.check.models.attention_only.slack import slack_of
from probbound.check.prior import Law
from probbound.check.report import Refused
from probbound.check.stream import Stream as PlainStream
from probbound.check.tasks.max_of_k.gapped import Gapped
from probbound.check.tasks.max_of_k.gaps import Gaps
from probbound.check.tasks.max_of_k.noise import SPREADS
from probbound.check.tasks.max_of_k.recipe import NOISE_OF, Screen
from probbound.check.tasks.max_of_k.rung import Rung
from probbound.check.tasks.max_of_k.sketch import Coins
from probbound.check.tasks.max_of_k.split import taken_apart
from probbound.contract.claims import Claim
from probbound.contract.cost import CostMeter
from probbound.contract.residue import draw
from probbound.draws.priors import Prior
from probbound.draws.random_streams import Stream
from probbound.models.attention_only.transformer import WEIGHT_SHAPES, Transformer
from probbound.models.store import digest
from probbound.noise.contract import Quantity, Settings
from probbound.noise.registry import method_named
from probbound.noise.term import NoiseTerm
from probbound.tasks.max_of_k.methods import cascade as cascade_module
from probbound.tasks.max_of_k.planted_max import planted_max_of_k
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.screens import ladder as ladder_module
from probbound.tasks.max_of_k.strategies import SCREENS
from probbound.tasks.max_of_k.task import task_for
from tests.factories import ASSORTED, checked, copying_model, random_model, slow_wrong, weights_of
from tests.forgeries import ALTERED, altered, resealed, screen_named

ONE_HEAD = ("biases", "copying", "one position", "one token", "two positions", "two tokens")
CHOICES = ("sub-cubic", "sub-cubic:no-mean-diff", "low-rank-qk", "low-rank-eu:svd", "quadratic-qk")
RUNGS = [name for name in SCREENS if name != "cubic"]
SMALL = {"d_vocab": 6, "n_ctx": 4}
COINS = Coins(PlainStream.of_seed(0).named("certify"), math.log(1e-6))
AGAIN = "screens and samples were computed again, with the same counts"


@pytest.fixture(autouse=True)
def _small_pilots(monkeypatch):
    monkeypatch.setattr(cascade_module, "PILOT_DRAWS", 64)
    monkeypatch.setattr("probbound.check.tasks.max_of_k.replay._PILOT", 64)


def certify(model: Transformer, strategy: str, prior: Prior | None = None, **options):
    return probbound.certify(model, task_for(model, prior), strategy=strategy, **options)


def left_by(model: Transformer, name: str, prior: Prior | None = None, margin: float = 0.0):
    """What the checker leaves."""
    weights, law = weights_of(model), prior or Prior.uniform(model.d_vocab)
    network = Network(weights, slack_of(weights, margin), margin)
    return Gapped(network, screen_named(name), Law(law.array), COINS)


def assert_same(
    model: Transformer,
    name: str,
    prior: Prior | None = None,
    margin: float = 0.0,
    count: int = 300,
) -> Gapped:
    """That the checker counts and draws what the maker does."""
    mine = left_by(model, name, prior, margin)
    claim = Claim("margin", margin) if margin else Claim("accuracy")
    question = Question(model, task_for(model, prior), 0, 1e-6, 0, claim=claim)
    theirs = SCREENS[name](question).enumerate(model, CostMeter())
    assert (mine.tickets, mine.size) == (theirs.tickets, theirs.size)
    if mine.tickets:
        tokens, blank = mine.draw(PlainStream.of_seed(5).named("a"), 3, count)
        wanted = draw(theirs, Stream.from_seed(5).fold_in("a"), 3, count)
        np.testing.assert_array_equal(blank, wanted.blank)
        np.testing.assert_array_equal(tokens[~blank], wanted.members[~blank])
    return mine


def test_every_screen_is_run_again():
    split = {Screen(name, noise) for name, choices in NOISE_OF.items() for noise in choices}
    plain = {Screen("cubic"), Screen("sub-cubic"), Screen("sub-cubic", mean_diff=False)}
    assert {screen_named(name) for name in SCREENS} == split | plain


@pytest.mark.parametrize("name", RUNGS)
def test_counts_and_draws_are_the_same(name):
    for model in (copying_model(1, **SMALL), random_model(4, biases=True, d_vocab_out=8)):
        assert_same(model, name)


@pytest.mark.parametrize("case", ONE_HEAD)
@pytest.mark.parametrize("name", CHOICES)
def test_odd_shapes_are_the_same(name, case):
    assert_same(ASSORTED[case](), name)


@pytest.mark.parametrize("name", ["sub-cubic", "low-rank-qk", "quadratic-qk-eu"])
def test_priors_and_margins_are_the_same(name):
    model = copying_model(1)
    prior = Prior((1, 0, 3, 4, 5, 6))
    for margin in (0.0, 0.25, -1.5):
        assert_same(model, name, prior=prior, margin=margin)
        assert_same(model, name, margin=margin)


def test_units_of_many_sequences_are_drawn_the_same():
    """Where 62 bits do not number all tickets: one word, then two, decide which sequence it is."""
    one = assert_same(random_model(2, d_vocab=64, n_ctx=11, d_model=4), "sub-cubic")
    assert 0 < one.gaps.unit_bits <= 64
    large = Prior((2**29 + 1, 2**28, 3, 2**30))
    two = assert_same(random_model(3, d_vocab=4, n_ctx=5), "sub-cubic", large)
    assert two.gaps.unit_bits > 64


@pytest.mark.parametrize("weights", [(1, 1, 1, 1, 1), (2, 0, 1, 3, 1), (1, 2**31, 1, 2, 1)])
def test_numbers_name_each_sequence_as_often_as_its_mass(weights):
    gaps = Gaps([0, 1, 3], 2, Law(np.array(weights)))
    for label, multiset in itertools.product(range(5), range(len(gaps.counts))):
        mass = int(gaps.each[label, multiset]) * int(gaps.arrangements[multiset])
        if not 0 < mass < 1000:
            continue
        numbers = np.arange(mass + 3).astype(gaps.integers)
        whole = np.full(len(numbers), label), np.full(len(numbers), multiset)
        tokens, past = gaps.sequences(*whole, numbers)
        assert past.tolist() == [False] * mass + [True] * 3
        for row, count in Counter(map(tuple, tokens[:mass].tolist())).items():
            assert count == math.prod(weights[token] for token in row)
            classes = np.searchsorted(gaps.starts, label - np.array(row), side="right") - 1
            assert (np.bincount(classes, minlength=3) == gaps.counts[multiset]).all()


@pytest.mark.parametrize("name", RUNGS)
def test_what_is_certified_again_is_right(name):
    for seed in range(3):
        model = copying_model(seed, d_vocab=5 + seed, n_ctx=1 + seed)
        mine = left_by(model, name)
        found = [row for tokens, _ in mine.everything() for row in map(tuple, tokens.tolist())]
        assert len(set(found)) == len(found) == mine.tickets
        assert set(found) >= set(slow_wrong(model))


def test_ties_and_numbers_too_large_certify_nothing():
    model = copying_model(1)
    tied = replace(model, W_O=0 * np.asarray(model.W_O), W_U=0 * np.asarray(model.W_U))
    assert left_by(tied, "sub-cubic").tickets == 6**3
    weights = weights_of(model)
    for huge in (
        replace(weights, W_Q=weights.W_Q * 1e20),
        replace(weights, W_U=weights.W_U * 1e30),
    ):
        network = Network(huge, slack_of(huge, 0.0))
        left = Gapped(network, Screen("sub-cubic"), Law(np.ones(6, np.int64)), COINS)
        assert left.tickets == 6**3


def test_several_heads_are_refused():
    with pytest.raises(Refused, match="one head, and this one has 2"):
        left_by(random_model(5, n_heads=2), "sub-cubic")


@pytest.mark.parametrize("method", SPREADS)
@pytest.mark.parametrize("shapes", [(7, 4, 5, 3, 7), (6, 4, 8), (9, 2, 9)])
def test_spreads_are_bounded(method, shapes):
    rng = np.random.default_rng(3)
    factors = [rng.standard_normal(shape) for shape in itertools.pairwise(shapes)]
    exact = np.linalg.multi_dot([np.asarray(f, np.float64) for f in factors])
    spread = np.ptp(exact, axis=1)
    found = SPREADS[method](factors)
    assert (found >= spread).all()
    assert (found <= 100 * spread.max()).all()


def test_a_sketch_bounds_all_spreads_at_its_delta():
    """At δ = 0.2, judged at a false-alarm rate of 1e-6."""
    rng, failures = np.random.default_rng(4), 0
    for seed in range(100):
        factors = [rng.standard_normal((20, 3)), rng.standard_normal((3, 15))]
        found = Coins(PlainStream.of_seed(seed), math.log(0.2)).spreads(factors)
        failures += bool((found < np.ptp(factors[0] @ factors[1], axis=1)).any())
        assert (found < 50).all()
    assert failures <= binom.isf(1e-6, 100, 0.2)


@pytest.mark.parametrize("log_delta", [-0.1, -20.0, -599.0, -744.0])
def test_the_floor_of_a_sketch_is_that_of_the_estimators(log_delta):
    factors = [np.ones((4, 2)), np.array([[1.0, -1.0, 3.0], [2.0, 0.0, 1.0]])]
    coins = Coins(PlainStream.of_seed(1), log_delta)
    settings = Settings(Stream.from_seed(1), log_delta=log_delta)
    term = NoiseTerm.whole(FactoredMatrix(*factors))
    (wanted,) = method_named("sketch").bounds(term, [Quantity("largest-row-spread")], settings)
    np.testing.assert_allclose(coins.spreads(factors), np.asarray(wanted.per_row), rtol=1e-9)


@pytest.mark.parametrize("rank", [1, 2, 9])
@pytest.mark.parametrize("shapes", [(7, 4, 5, 3, 7), (6, 4, 8), (3, 1, 5)])
def test_structure_and_noise_add_up(rank, shapes):
    rng = np.random.default_rng(rank)
    chain = [rng.standard_normal(shape) for shape in itertools.pairwise(shapes)]
    known, noise, error = taken_apart(chain, rank)
    wide = [[np.asarray(f, np.longdouble) for f in factors] for factors in (chain, noise)]
    whole, small = (np.array(w[0]) for w in wide)
    for factor in wide[0][1:]:
        whole = whole @ factor
    for factor in wide[1][1:]:
        small = small @ factor
    assert np.abs(whole - small - known).max() <= error < 1e-7


def test_noise_out_of_range_is_refused():
    with pytest.raises(Refused, match="too far from 1"):
        taken_apart([1e50 * np.random.default_rng(0).standard_normal((5, 3)), 1e50 * np.eye(3)], 1)


def test_the_slack_covers_the_rounding_of_what_is_summed():
    """The worst terms of Theorem 4.2 in extended precision are below the computed ones."""
    model = copying_model(2, d_vocab=7)
    weights = weights_of(model)
    network = Network(weights, slack_of(weights, 0.0))
    rung = Rung(network, Screen("sub-cubic"), Law(np.ones(7, np.int64)), COINS)
    assert 0 < rung.relative < 1e-9
    assert 0 < rung.raised < 1e-9
    wide = {name: np.asarray(getattr(weights, name), np.longdouble) for name in WEIGHT_SHAPES}
    exact = Network(replace(weights, **wide), slack_of(weights, 0.0))
    scores = exact.token[0] - exact.token[0].max(axis=1, keepdims=True)
    lowered = network.token[0] - network.token[0].max(axis=1, keepdims=True)
    assert np.abs(scores - lowered).max() < rung.relative
    assert np.abs(exact.direct - network.direct).max() < rung.raised
    assert np.abs(exact.value - network.value).max() < rung.raised


@pytest.mark.parametrize("name", ["sub-cubic", "low-rank-qk-eu", "quadratic-qk:sketch"])
@pytest.mark.parametrize("kind", ["", "hybrid:", "cascade:"])
def test_shipped_models_hold_in_full(kind, name):
    model = probbound.load("max-of-4-s1")
    report = checked(certify(model, kind + name, budget=300, draws=None, delta=1e-3), model)
    assert report.holds, report.refused
    assert report.confirmed[-1] == AGAIN


@pytest.mark.parametrize("strategy", ["hybrid:sub-cubic", "cascade:sub-cubic"])
def test_long_contexts_hold_in_full(strategy):
    model = probbound.load("max-of-10")
    made = certify(model, strategy, budget=500, draws=2000 if "cascade" in strategy else None)
    report = checked(made, model)
    assert report.holds, report.refused
    assert report.confirmed[-1] == AGAIN


def test_a_planted_model_holds_in_full():
    model = planted_max_of_k(100, 4, 24, seed=1)
    for strategy in ("sub-cubic", "cascade:sub-cubic", "hybrid:low-rank-qk:exact"):
        report = checked(certify(model, strategy, budget=200, delta=1e-3), model)
        assert report.confirmed[-1] == AGAIN, report.refused


@pytest.mark.parametrize("prior", [None, Prior((1, 0, 3, 4, 5, 6))])
@pytest.mark.parametrize("budget", [0, 7, 10**6])
@pytest.mark.parametrize("kind", ["hybrid:", "cascade:"])
def test_other_claims_and_priors_hold_in_full(kind, budget, prior):
    model = copying_model(1)
    for name in ("sub-cubic", "low-rank-eu"):
        for claim in (Claim("accuracy"), Claim("margin", 0.25)):
            made = certify(model, kind + name, prior, budget=budget, delta=0.1, claim=claim)
            report = checked(made, model)
            assert report.confirmed[-1] == AGAIN, report.refused


@pytest.mark.parametrize("options", [{"target": 0.9}, {"draws": 50}, {"stopped_at": 40}])
def test_cascades_that_stop_hold_in_full(options):
    model = random_model(3)
    made = certify(model, "cascade:low-rank-qk", budget=30, delta=0.1, **options)
    assert checked(made, model).confirmed[-1] == AGAIN


@pytest.mark.parametrize("part", ALTERED)
@pytest.mark.parametrize("kind", ["hybrid", "cascade"])
def test_what_claims_more_is_refused(kind, part):
    model = copying_model(3)
    predicate = certify(model, f"{kind}:sub-cubic", budget=40, delta=0.1).to_json()
    assert predicate["sampling"]["failures"] > 0
    assert judge(resealed(predicate), weights_of(model)).holds
    assert not judge(resealed(altered(predicate, *ALTERED[part])), weights_of(model)).holds


@pytest.mark.parametrize("name", ["sub-cubic", "low-rank-qk"])
def test_a_share_that_fits_everything_else_is_counted_again(name):
    """Somebody whose levels, bound, mass and ledger agree, but whose screen certified too much."""
    model = copying_model(3)
    for kind in ("", "hybrid:", "cascade:"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ladder_module, "certainly_negative", lambda total: total < 0.5)
            made = certify(model, kind + name, budget=40, delta=0.1)
        assert made.failure_upper < certify(model, kind + name, budget=40, delta=0.1).failure_upper
        assert "its screens leave a share of" in checked(made, model).refused[0]


def test_weights_with_any_bit_changed_are_refused_or_leave_the_claim_true():
    """Even where the digest and the seed in the certificate are made to fit the changed weights."""
    model = copying_model(3)
    predicate = certify(model, "hybrid:sub-cubic", budget=40, delta=0.1).to_json()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        name = rng.choice(["W_E", "W_Q", "W_K", "W_V", "W_O", "W_U"])
        values = np.array(getattr(model, name), dtype=np.float64)
        bits = values.reshape(-1).view(np.uint64)
        bits[rng.integers(len(bits))] ^= np.uint64(1) << np.uint64(rng.integers(40, 62))
        other = replace(model, **{name: values})
        assert not judge(predicate, weights_of(other)).holds
        forged = json.loads(json.dumps(predicate))
        forged["model"]["sha256"] = digest(other)
        forged["seed"] = derived_seed(forged)
        if not np.isfinite(values).all():
            continue
        if judge(resealed(forged), weights_of(other)).holds:
            honest = certify(other, "hybrid:sub-cubic", budget=40, delta=0.1)
            assert forged["failure_upper"] >= honest.failure_upper * (1 - 2e-9)
        else:
            refused += 1
    assert refused > 15  # the others count no fewer failures than the draws of the new seed have


def test_bad_luck_within_delta_is_no_fault_of_the_arithmetic():
    """A bound that chance made too low is accepted: that is what δ is for."""
    model = copying_model(3)
    truth = len(slow_wrong(model)) / 6**3
    made = (certify(model, "hybrid:sub-cubic", budget=20, delta=0.7, seed=s) for s in range(50))
    unlucky = next(found for found in made if found.failure_upper < truth)
    assert checked(unlucky, model).holds
