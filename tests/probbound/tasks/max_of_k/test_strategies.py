"""Every bound against the enumerated truth, on many small models."""

import dataclasses
import math

import pytest
from scipy.stats import binom

import probbound
from estimators.guarantee import Guarantee
from estimators.proportion import clopper_pearson
from probbound.machine.errors import UserError
from probbound.models.attention_only.transformer import forward_flops
from probbound.tasks.max_of_k.task import MaxOfK, task_for
from tests.factories import copying_model, random_model, slow_wrong, trained_model

FALSE_ALARM = 1e-6


def certify(model, strategy, **options):
    return probbound.certify(model, task_for(model), strategy=strategy, **options)


def small_models(count):
    """Untrained, hand-made and trained models of d_vocab 5-8 and n_ctx 2-4."""
    for seed in range(count):
        d_vocab, n_ctx = 5 + seed % 4, 2 + seed % 3
        if seed % 10 == 0:
            yield trained_model(seed, d_vocab=d_vocab, n_ctx=n_ctx)
        elif seed % 2:
            yield random_model(seed, d_vocab=d_vocab, n_ctx=n_ctx, biases=seed % 3 == 0)
        else:
            yield copying_model(seed, d_vocab=d_vocab, n_ctx=n_ctx)


@pytest.mark.parametrize("n_heads", [1, 2])
@pytest.mark.parametrize("shape", [(5, 1), (6, 2), (5, 4), (1, 3), (2, 5)])
def test_brute_force_equals_the_slow_enumeration(shape, n_heads):
    model = random_model(1, d_vocab=shape[0], n_ctx=shape[1], n_heads=n_heads, biases=True)
    certificate = certify(model, "brute-force")
    assert certificate.failure_upper == pytest.approx(
        len(slow_wrong(model)) / shape[0] ** shape[1], rel=1e-15
    )
    assert certificate.guarantee is Guarantee.DETERMINISTIC
    assert certificate.certified_mass == certificate.bound


def test_deterministic_bounds_never_exceed_the_truth_and_sampled_ones_rarely_do():
    """200 models; sampled bounds at δ = 0.1, judged at a false-alarm rate of 1e-6 each."""
    delta, violations, informative = 0.1, {"iid": 0, "hybrid": 0}, 0
    for seed, model in enumerate(small_models(200)):
        truth = certify(model, "brute-force").bound
        for grid_points in (None, 16):
            cubic = certify(model, "cubic", grid_points=grid_points)
            assert cubic.bound <= truth
            assert cubic.guarantee is Guarantee.DETERMINISTIC
            assert cubic.delta == 0
        informative += 0 < cubic.bound < 1
        for name in violations:
            sampled = certify(model, name, budget=20, delta=delta, seed=seed)
            violations[name] += sampled.bound > truth
            assert sampled.bound <= truth or sampled.guarantee is Guarantee.HIGH_PROBABILITY
    assert informative > 20
    for name, count in violations.items():
        assert count <= binom.isf(FALSE_ALARM, 200, delta), name


def test_brute_force_agrees_with_every_sequence_run_on_the_slow_path():
    for model in small_models(12):
        wrong = len(slow_wrong(model))
        size = model.d_vocab**model.n_ctx
        assert certify(model, "brute-force").failure_upper == pytest.approx(wrong / size, rel=1e-15)


def test_hybrid_runs_everything_that_is_left_when_the_budget_covers_it():
    model = copying_model(3)
    certificate = certify(model, "hybrid", budget=10_000)
    assert certificate.guarantee is Guarantee.DETERMINISTIC
    assert certificate.failure_upper == certify(model, "brute-force").failure_upper
    assert certificate.sampling.samples == round((1 - certificate.certified_mass) * 6**3)
    assert not certificate.sampling.replace
    assert certificate.delta == 0


def test_hybrid_is_the_product_of_its_levels():
    model = copying_model(3)
    cubic = certify(model, "cubic")
    hybrid = certify(model, "hybrid", budget=10, delta=0.01)
    upper = clopper_pearson(hybrid.sampling.failures, 10, delta=0.01, side="upper").upper
    assert hybrid.failure_upper == pytest.approx(cubic.failure_upper * float(upper), rel=1e-14)
    assert hybrid.failure_upper <= cubic.failure_upper
    assert [level.mode for level in hybrid.levels] == ["enumerated", "sampled"]
    assert hybrid.delta == 0.01
    assert hybrid.ledger[0].theorem == "1.6"
    weighted = 0.99 * hybrid.bound + 0.01 * cubic.bound
    assert hybrid.confidence_weighted == pytest.approx(weighted)


def test_hybrid_is_iid_where_the_screen_leaves_everything():
    model = random_model(11, spread=2.0)
    model = dataclasses.replace(model, W_U=0 * model.W_U)
    assert certify(model, "cubic").failure_upper == 1
    hybrid, iid = (certify(model, name, budget=50) for name in ("hybrid", "iid"))
    assert hybrid.failure_upper == iid.failure_upper == 1


@pytest.mark.parametrize("strategy", ["iid", "hybrid"])
def test_no_budget_promises_what_the_screens_alone_do(strategy):
    model = copying_model(3)
    certificate = certify(model, strategy, budget=0)
    screens = 1.0 if strategy == "iid" else certify(model, "cubic").failure_upper
    assert certificate.failure_upper == screens
    assert certificate.guarantee is Guarantee.DETERMINISTIC
    assert certificate.ledger == ()


def test_on_a_well_trained_model_the_screen_pays_for_itself():
    model = probbound.load("max-of-4")
    truth = certify(model, "brute-force")
    assert truth.failure_upper < 1e-5
    hybrid = certify(model, "hybrid", budget=1_000)
    iid = certify(model, "iid", budget=1_000)
    assert truth.failure_upper <= hybrid.failure_upper < iid.failure_upper / 20
    everything = certify(model, "hybrid", budget=10_000)
    assert everything.failure_upper == truth.failure_upper


@pytest.mark.parametrize(("name", "at_least"), [("max-of-10", 0.9999), ("max-of-20", 0.999)])
def test_long_contexts_are_counted_on_a_grid(name, at_least):
    certificate = certify(probbound.load(name), "cubic", grid_points=127)
    assert at_least < certificate.bound < 1


def test_the_published_recipe_is_certified_beyond_the_published_proof():
    certificate = certify(probbound.load("max-of-4-published"), "cubic")
    truth = certify(probbound.load("max-of-4-published"), "brute-force")
    assert 0.9770 < certificate.bound < truth.bound


def test_sampling_costs_its_forward_passes():
    model = copying_model(0)
    assert certify(model, "iid", budget=17).sampling.flops == 17 * forward_flops(model)


def test_the_same_seed_gives_the_same_draws_and_another_seed_others():
    model = random_model(2)
    failures = [
        certify(model, "iid", budget=200, seed=seed).sampling.failures for seed in (0, 0, 1, 2)
    ]
    assert failures[0] == failures[1]
    assert len(set(failures)) > 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "quintic"}, "there is no strategy 'quintic'; choose from"),
        ({"strategy": "hybrid:"}, "there is no strategy 'hybrid:'"),
        ({"strategy": "hybrid:iid"}, "there is no strategy 'hybrid:iid'"),
        ({"budget": -1}, "budget must be a non-negative integer, got -1"),
        ({"delta": 0.0}, "delta must lie strictly between 0 and 1, got 0.0"),
        ({"delta": 1.0}, "delta must lie strictly between 0 and 1"),
        ({"delta": math.nan}, "delta must lie strictly between 0 and 1"),
        ({"seed": -1}, "seed must be a non-negative integer"),
        ({"strategy": "cubic", "grid_points": 0}, "grid points must be at least 1"),
        ({"grid_points": 9}, "iid has no grid to count on; cubic has"),
        ({"strategy": "cascade", "grid_points": 9}, "cascade has no grid to count on"),
        ({"strategy": "hybrid:sub-cubic", "grid_points": 9}, "hybrid:sub-cubic has no grid"),
    ],
)
def test_unusable_questions_are_refused(options, message):
    model = random_model(0)
    with pytest.raises(UserError, match=message):
        probbound.certify(model, task_for(model), **{"strategy": "iid", **options})


def test_a_task_of_another_size_is_refused():
    with pytest.raises(UserError, match="the task has d_vocab 6"):
        probbound.certify(random_model(0), MaxOfK(6, 3), strategy="iid")


@pytest.mark.parametrize(
    ("name", "n_ctx", "inputs"), [("max-of-10", None, r"1\.15e\+18"), (None, 400, r"1\.00e\+400")]
)
def test_brute_force_refuses_what_would_take_too_long(name, n_ctx, inputs):
    model = probbound.load(name) if name else random_model(0, d_vocab=10, n_ctx=n_ctx)
    with pytest.raises(UserError, match=f"brute force would run {inputs} sequences"):
        certify(model, "brute-force")


def test_a_count_beyond_what_is_read_and_written_is_refused():
    """Python writes no integer of over 4300 digits; 10^4299 has as many as are written."""
    assert MaxOfK(10, 4299).size == 10**4299
    for sizes in ((10, 4300), (64, 5000), (2, 10**12)):
        with pytest.raises(UserError, match=r"more than the 10\^4300 that a certificate can count"):
            MaxOfK(*sizes)
    model = random_model(0)
    for huge, message in (
        ({"budget": 10**4300}, "budget must be at most 68,719,476,736"),
        ({"budget": 1, "seed": 10**4300}, "seed must have at most 1024 bits"),
    ):
        with pytest.raises(UserError, match=message):
            probbound.certify(model, task_for(model), strategy="cubic", **huge)
