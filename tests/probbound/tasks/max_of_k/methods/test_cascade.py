"""Checks of single sequences, and cascades of them, against enumeration."""

import numpy as np
import pytest
from scipy.stats import binom

import probbound
from estimators.guarantee import Guarantee
from estimators.proportion import anytime, clopper_pearson
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.attention_only.additive import additive_tables
from probbound.models.attention_only.evaluation import wrong_answers
from probbound.models.attention_only.transformer import forward_flops
from probbound.strategies import levels
from probbound.strategies.follow_up import expected_left
from probbound.strategies.rooms import InOrder
from probbound.tasks.max_of_k.methods import cascade as module
from probbound.tasks.max_of_k.screens.listing import list_residue
from probbound.tasks.max_of_k.screens.sequences import (
    AdditiveCheck,
    CopyingCheck,
    SequenceTables,
    TableForwardCheck,
)
from probbound.tasks.max_of_k.task import task_for
from tests.factories import (
    ASSORTED,
    all_sequences,
    checked,
    copying_model,
    random_model,
    trained_model,
)

MODELS = ASSORTED | {"huge scores": lambda: random_model(10, spread=30.0)}


@pytest.fixture(params=MODELS, scope="module")
def model(request):
    return MODELS[request.param]()


def certify(model, strategy="cascade", **options):
    return probbound.certify(model, task_for(model), strategy=strategy, **{"seed": 0, **options})


def test_what_the_copying_check_certifies_is_right(model):
    tokens = all_sequences(model.d_vocab, model.n_ctx)
    wrong = wrong_answers(model, task_for(model), tokens)
    tables = SequenceTables.of(model)
    quadratic = CopyingCheck.quadratic(tables).uncertified(tokens)
    cubic = CopyingCheck.cubic(tables).uncertified(tokens)
    assert not (wrong & ~cubic).any()
    assert not (cubic & ~quadratic).any()


def test_the_additive_check_is_the_enumerated_screen(model):
    tokens = all_sequences(model.d_vocab, model.n_ctx)
    left = AdditiveCheck(SequenceTables.of(model)).uncertified(tokens)
    if model.name != "random-10":
        assert left.sum() == list_residue(additive_tables(model)).tickets
    assert not (wrong_answers(model, task_for(model), tokens) & ~left).any()


def test_the_copying_check_certifies_most_of_what_is_right():
    for model in (copying_model(1), trained_model(1, steps=400)):
        tokens = all_sequences(model.d_vocab, model.n_ctx)
        right = ~wrong_answers(model, task_for(model), tokens)
        left = CopyingCheck.cubic(SequenceTables.of(model)).uncertified(tokens)
        assert (right & left).sum() < 0.5 * right.sum()


def test_the_forward_pass_from_tables_is_the_forward_pass(model):
    tokens = all_sequences(model.d_vocab, model.n_ctx)
    left = TableForwardCheck(SequenceTables.of(model)).uncertified(tokens)
    np.testing.assert_array_equal(left, wrong_answers(model, task_for(model), tokens))


def test_checks_of_no_sequences():
    tables = SequenceTables.of(random_model(0))
    nothing = np.zeros((0, 3), dtype=np.int64)
    for check in (CopyingCheck.quadratic(tables), TableForwardCheck(tables)):
        assert check.uncertified(nothing).shape == (0,)


def test_aims_on_the_shipped_models():
    """Uncertified mass per sequence: 1e-4 at d_vocab 64; 0.02 at 1024, at 1/500 of a pass."""
    for name, most in (("max-of-4", 1e-4), ("max-of-4-v1024", 0.02)):
        model = probbound.load(name)
        check = CopyingCheck.quadratic(SequenceTables.of(model))
        tokens = task_for(model).sample(Stream.from_seed(5), 0, 1 << 18)
        left = int(check.uncertified(tokens).sum())
        assert float(clopper_pearson(left, 1 << 18, delta=1e-6, side="upper").upper) < 1.2 * most
    assert check.flops < forward_flops(model) / 500


@pytest.mark.parametrize("strategy", ["cascade", "cascade:cubic", "cascade:low-rank-qk-eu:sketch"])
def test_violations_are_as_rare_as_promised(strategy, monkeypatch):
    """δ = 0.1 on small models, fixed-n and with a target, at a false-alarm rate of 1e-6."""
    monkeypatch.setattr(module, "PILOT_DRAWS", 64)
    monkeypatch.setattr(levels, "CHUNK", 32)
    monkeypatch.setattr(levels, "RESIDUE_CHUNK", 32)
    models = [(copying_model, random_model)[seed % 2](seed) for seed in range(10)]
    truths = [certify(model, "brute-force").failure_upper for model in models]
    for target in (None, 0.2):
        violations = replicates = 0
        for seed in range(150):
            model, truth = models[seed % 10], truths[seed % 10]
            found = certify(model, strategy, budget=30, delta=0.1, seed=seed, target=target)
            violations += found.failure_upper < truth
            replicates += 1
            assert found.sampling.samples <= max(30, model.d_vocab**model.n_ctx)
        assert violations <= binom.isf(1e-6, replicates, 0.1)


def test_draws_go_far_beyond_the_budget_of_forward_passes():
    model = probbound.load("max-of-4")
    found = certify(model, budget=10_000, delta=1e-6)
    iid = certify(model, "iid", budget=10_000, delta=1e-6)
    assert found.failure_upper < iid.failure_upper / 100 * 1.1
    assert found.sampling.draws > 100 * found.sampling.samples
    assert found.guarantee is Guarantee.HIGH_PROBABILITY
    assert found.delta == pytest.approx(1e-6)


def test_survivors_beyond_the_budget_count_as_failures(monkeypatch):
    model = random_model(1)
    monkeypatch.setattr(module, "_planned_draws", lambda *_: 1000)
    found = certify(model, budget=10, delta=0.01)
    left = next(level for level in found.levels if level.check == "copying").failures
    assert found.sampling.samples == 10
    assert left - 10 <= found.sampling.failures <= left
    upper = clopper_pearson(found.sampling.failures, 1000, delta=0.0099, side="upper").upper
    assert found.failure_upper == pytest.approx(float(upper), rel=1e-12)


def test_a_target_is_reached_and_not_overshot_by_much():
    model = probbound.load("max-of-4")
    found = certify(model, budget=1000, delta=1e-6, target=1e-3)
    assert 2e-4 < found.failure_upper <= 1e-3
    with pytest.raises(UserError, match="iid has no target"):
        certify(model, "iid", target=1e-3)
    with pytest.raises(UserError, match="target must lie strictly between 0 and 1"):
        certify(model, target=1.0)


def test_an_interrupted_cascade_is_bounded_by_what_was_drawn_and_can_be_verified(monkeypatch):
    model = probbound.load("max-of-4")
    original = InOrder.entered

    def interrupt(room, tally, step):
        if tally.draws >= 3 * levels.CHUNK:
            raise KeyboardInterrupt
        return original(room, tally, step)

    monkeypatch.setattr(InOrder, "entered", interrupt)
    found = certify(model, budget=10_000, delta=1e-6)
    assert found.stopped_at == found.sampling.draws == 3 * levels.CHUNK
    counts = (found.sampling.failures, found.sampling.draws)
    bound = anytime(*counts, delta=1e-8, side="upper")
    assert found.failure_upper == pytest.approx(float(bound.upper), rel=1e-12)
    assert found.delta == pytest.approx(1e-6)
    monkeypatch.undo()
    assert checked(found, model).holds


def test_results_do_not_depend_on_the_chunks(monkeypatch):
    model = random_model(2)
    whole = certify(model, budget=50, delta=0.1).to_json()
    monkeypatch.setattr(levels, "CHUNK", 7)
    parts = certify(model, budget=50, delta=0.1).to_json()
    assert parts["sampling"] == whole["sampling"]
    assert parts["bound"] == whole["bound"]


def test_what_a_screen_left_is_passed_through_as_a_whole_where_the_draws_cover_it():
    model = copying_model(2, d_vocab=8)
    exact = certify(model, "brute-force").failure_upper
    found = certify(model, "cascade:sub-cubic", budget=8**3 // 2, draws=8**3)
    assert found.guarantee is Guarantee.DETERMINISTIC
    assert found.failure_upper == exact
    assert found.delta == 0
    few = certify(model, "cascade:sub-cubic", budget=1, draws=8**3)
    assert few.guarantee is Guarantee.DETERMINISTIC
    assert few.sampling.samples <= 1
    assert exact <= few.failure_upper <= 1 - few.certified_mass + 1e-12


def test_what_an_interruption_leaves_unseen_of_a_whole_is_conceded(monkeypatch):
    model = random_model(1, d_vocab=8)
    monkeypatch.setattr(levels, "RESIDUE_CHUNK", 64)
    original = InOrder.entered

    def interrupt(room, tally, step):
        if tally.draws >= 128:
            raise KeyboardInterrupt
        return original(room, tally, step)

    monkeypatch.setattr(InOrder, "entered", interrupt)
    found = certify(model, "cascade:sub-cubic", budget=200, draws=8**3)
    assert found.stopped_at == 128
    assert certify(model, "brute-force").failure_upper <= found.failure_upper
    monkeypatch.setattr(InOrder, "entered", original)
    whole = certify(model, "cascade:sub-cubic", budget=8**3 - 1, draws=8**3)
    assert whole.failure_upper < found.failure_upper
    assert checked(found, model).holds, checked(found, model)


def test_a_screen_that_spends_delta_shares_it_with_the_draws():
    model = copying_model(1, d_vocab=8)
    found = certify(model, "cascade:low-rank-qk:sketch", budget=30, draws=60, delta=0.01)
    assert found.delta == pytest.approx(0.01)
    assert found.certified_mass == 0
    assert sum(spend.theorem == "4.5" for spend in found.ledger) == 1
    sampled = [spend for spend in found.ledger if spend.theorem != "4.5"]
    assert sum(spend.delta for spend in sampled) == pytest.approx(0.005)
    assert found.failure_upper >= certify(model, "brute-force").failure_upper


@pytest.mark.parametrize("budget", [20, 1000, 10**5, 10**7])
@pytest.mark.parametrize("share", [1e-5, 1e-3, 0.02, 0.9])
def test_draws_planned_from_a_pilot_rarely_leave_more_than_the_budget(share, budget):
    rng = np.random.default_rng(0)
    seen = rng.binomial(module.PILOT_DRAWS, share, 4000)
    per_draw = module.PILOT_DRAWS / (seen + 1)
    wanted = np.array([expected_left(budget, int(left)) for left in seen])
    left = rng.binomial((wanted * per_draw).astype(np.int64), share)
    assert (left > budget).mean() < 0.01
    assert np.median(left) > 0.2 * min(budget, seen.mean())


@pytest.mark.parametrize("options", [{"budget": 2000}, {"budget": 20}, {"stopped_at": 10}])
def test_a_grid_of_two_heads_counts_each_sequence_once(options):
    """What a second head leaves once more is on blank tickets (Theorems 1.4 and 4.23)."""
    model = random_model(0, n_heads=2, biases=True, spread=0.9)
    wrong = wrong_answers(model, task_for(model), all_sequences(5, 3)).sum() / 5**3
    options = {"budget": 2000, "draws": 5000, "grid_points": 9, **options}
    made = certify(model, "cascade:cubic", **options)
    assert [level.mode for level in made.levels] == ["enumerated"] * 3
    assert wrong <= made.failure_upper <= 1
    assert made.failure_upper == wrong or options["budget"] < 2000 or "stopped_at" in options
    report = checked(made, model)
    assert report.holds, report.refused
