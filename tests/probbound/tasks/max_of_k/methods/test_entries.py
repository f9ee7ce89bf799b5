"""`entries`: structure exact, noise sampled and never multiplied out."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

import probbound
from estimators.guarantee import Guarantee
from probbound.contract.claims import claim_of
from probbound.contract.cost import CostMeter
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.noise.contract import Settings
from probbound.tasks.max_of_k.grammar import ENTRIES_CHOICES
from probbound.tasks.max_of_k.methods.entries import entries
from probbound.tasks.max_of_k.planted_max import planted_max_of_k
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.structured.cells import Cells, cells_of
from probbound.tasks.max_of_k.structured.count import Resolution, certified_count
from probbound.tasks.max_of_k.structured.deterministic import certain_tolerances
from probbound.tasks.max_of_k.structured.families import (
    Family,
    allocation,
    drawn,
    families,
    own_share,
    row_weights,
    share,
)
from probbound.tasks.max_of_k.structured.parts import parts_of
from probbound.tasks.max_of_k.structured.tolerances import (
    Brackets,
    Tolerances,
    certified,
    far_rows,
    priced,
)
from probbound.tasks.max_of_k.structured.values import row_values
from probbound.tasks.max_of_k.task import task_for
from tests.factories import (
    all_sequences,
    copying_model,
    one_head_forward,
    one_head_margins,
    random_model,
)

FALSE_ALARM = 1e-6
TINY = 1e-9
COARSE = Resolution(buckets=2, grid=5, negligible=1 / 100)


def sharper(model, factor):
    return replace(model, W_Q=factor * np.asarray(model.W_Q), b_Q=factor * np.asarray(model.b_Q))


def copying(seed=0, d_vocab=7, n_ctx=3, factor=3):
    """Nearly every answer right, and certifiable."""
    return sharper(copying_model(seed, d_vocab=d_vocab, n_ctx=n_ctx), factor)


def clear(seed=0, d_vocab=7, n_ctx=3):
    """Right by construction, and certifiable: steep, copying, with a little noise."""
    return planted_max_of_k(d_vocab, n_ctx, 32, seed, steepness=60.0, noise=0.05)


def small_models():
    for seed in range(4):
        shape = {"d_vocab": 4 + seed % 4, "n_ctx": 1 + seed % 3}
        yield random_model(seed, biases=seed % 2 == 0, **shape, d_vocab_out=10)
        yield copying(seed, factor=2 + seed % 3)
    for d_vocab, n_ctx in ((1, 1), (1, 3), (2, 1), (2, 2)):
        yield random_model(3, d_vocab=d_vocab, n_ctx=n_ctx, biases=True)
    for seed in range(3):
        yield clear(seed, d_vocab=5 + seed)
    yield planted_max_of_k(6, 3, 8, noise=0.3, copying=90.0)


@pytest.fixture(scope="module")
def cases():
    return [(model, *one_head_margins(model)) for model in small_models()]


def dense(matrix):
    return matrix.tile(slice(None), slice(None))


def exact(parts):
    return certain_tolerances(parts, "exact", Settings(Stream.from_seed(0)), CostMeter())


def level(parts, q):
    """Tolerances of the shape that a pilot chooses, at a quantile of the noise, not all met."""
    values, direct = dense(parts.values), dense(parts.direct)
    tokens, each = np.arange(parts.d_vocab), np.ones(parts.d_vocab)
    rows, last_rows = (np.maximum(row_values(parts, p, tokens), -99.0) for p in ("OV", "direct"))
    return Tolerances(
        score=np.quantile(np.abs(dense(parts.scores)), q) * each,
        low=np.quantile(-values, q) * each,
        row=np.quantile(rows, q) * each,
        far_row=far_rows(parts),
        near=max(1, parts.d_vocab // 2),
        direct_low=np.quantile(-direct, q) * each,
        direct_row=np.quantile(last_rows, q) * each,
    )


def touching(parts, tolerances, tokens):
    """Which sequences meet noise beyond a tolerance, from the definition (Theorem 4.31)."""
    t, values, direct = tolerances, dense(parts.values), dense(parts.direct)
    scores = np.abs(dense(parts.scores))
    found = np.zeros(len(tokens), dtype=bool)
    for number, x in enumerate(tokens.tolist()):
        m, q = max(x), x[-1]
        bad = any(scores[q, token] > t.score[q] for token in x)
        bad |= any(-values[token, m] > t.low[token] for token in x if token != m)
        bad |= -direct[q, m] > t.direct_low[q]
        bad |= any(direct[q, j] > t.direct_row[q] for j in range(direct.shape[1]))
        for token in x:
            if m - token < t.near:
                rest = parts.mean + values[token] + parts.position - parts.position[:, [token]]
                bad |= np.delete(rest, token, axis=1).max(initial=-np.inf) > t.row[token]
        found[number] = bad
    return found


def test_structure_and_noise_add_up_to_the_model(cases):
    for model, _, _ in cases:
        parts, (tokens, scores, found) = parts_of(model, CostMeter()), one_head_forward(model)
        query, known = tokens[:, -1], np.outer(parts.steepness, parts.size) + dense(parts.scores)
        off = scores - known[query[:, None], tokens]
        assert (np.ptp(off, axis=1) <= 2 * parts.place[query] + 1e-9).all()
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        values = parts.mean + dense(parts.values)
        v = model.d_vocab
        np.testing.assert_allclose(np.diagonal(values), parts.copying, atol=1e-9)
        mixed = np.einsum("np,npj->nj", weights, values[tokens] + parts.position)
        again = mixed + dense(parts.direct)[query]
        np.testing.assert_allclose(again - again[:, :1], found - found[:, :1], atol=1e-8)
        assert (dense(parts.values).max(axis=1) <= parts.value_norm + 1e-9).all()
        assert (dense(parts.direct).max(axis=1) <= parts.direct_norm + 1e-9).all()
        np.testing.assert_allclose(parts.own_direct, np.diagonal(dense(parts.direct)[:, :v]))


@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_with_certain_tolerances_what_is_certified_is_right(cases, margin):
    informative = 0
    for model, tokens, margin_of in cases:
        parts = parts_of(model, CostMeter())
        brackets = Brackets(parts, exact(parts))
        sure = certified(brackets, tokens, margin)
        assert (margin_of[sure] > margin).all()
        informative += sure.any()
        for resolution in (Resolution(), COARSE):
            number = certified_count(
                brackets, cells_of(parts), CostMeter(), margin, resolution=resolution
            )
            assert number <= sure.sum()
    assert informative >= 5


def test_counting_is_nearly_as_good_as_looking_at_each_sequence():
    model = clear(1, d_vocab=9)
    parts = parts_of(model, CostMeter())
    brackets, tokens = Brackets(parts, exact(parts)), all_sequences(9, 3)
    fine = Resolution(buckets=9, grid=2000, negligible=1e-6)
    cells = Cells(9, tuple(range(1, 9)))
    number = certified_count(brackets, cells, CostMeter(), resolution=fine)
    assert 0 <= certified(brackets, tokens).sum() - number <= 3
    assert number > 300


@pytest.mark.parametrize("q", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("choice", ["joint", "separate"])
def test_what_touches_no_excess_noise_and_is_certified_is_right(cases, q, choice):
    """And those that touch are at most as many as the union bound concedes (Theorem 4.33)."""
    for model, tokens, margin_of in cases:
        parts = parts_of(model, CostMeter())
        tolerances = level(parts, q)
        if choice == "joint":
            tolerances = replace(tolerances, near=parts.d_vocab)
        touched = touching(parts, tolerances, tokens)
        sure = certified(Brackets(parts, tolerances), tokens)
        assert (margin_of[sure & ~touched] > 0).all()
        conceded = own_share(parts, tolerances)
        for family in families(choice, parts, tolerances.near):
            everything = drawn(parts, family, family.population(parts), Stream.from_seed(0))
            found = share(everything, parts, tolerances, -1.0)
            assert found.log_delta == -np.inf
            conceded += found.touch
        assert touched.mean() <= conceded + 1e-12


def test_scores_off_in_the_unsafe_direction_are_caught(cases, monkeypatch):
    """A label's attention at its upper end, and a rival's at its lower, certifies wrong answers."""
    honest = Brackets.reach.func
    monkeypatch.setattr(Brackets, "reach", property(lambda self: -3 * honest(self)))
    caught = False
    for model, tokens, margin_of in cases:
        parts = parts_of(model, CostMeter())
        sure = certified(Brackets(parts, exact(parts)), tokens)
        caught |= bool((margin_of[sure] <= 0).any())
    assert caught


def test_prices():
    bracket, score = np.array([-1.0, 2.0, 1.0, np.nan]), np.array([700.0, 0.0, 1.0, 0.0])
    found = priced(bracket, score, np.array(4.0)).tolist()
    assert found == pytest.approx([0.0, 0.5, np.e / 4, np.inf])
    assert found[1] > 0.5
    assert (priced(bracket, score, np.array(0.0)) == np.inf).all()
    assert (priced(bracket, score, np.array(-1.0)) == np.inf).all()


@pytest.mark.parametrize(
    ("strategy", "paths"),
    [("entries", "joint"), ("entries", "separate"), ("entries:counted", None)],
)
def test_the_bound_holds(cases, strategy, paths):
    best = 0.0
    for (model, _, margin_of), budget in zip(cases, itertools.cycle((60, 700, 10**6))):
        made = probbound.certify(
            model, task_for(model), strategy=strategy, budget=budget, delta=TINY, paths=paths
        )
        assert made.bound <= (margin_of > 0).mean() + 1e-12
        assert made.sampling.samples <= made.sampling.draws <= budget
        assert made.delta <= TINY * (1 + 1e-9)
        best = max(best, made.bound)
    assert best > 0.5


@pytest.mark.parametrize("noise", ENTRIES_CHOICES)
def test_deterministic_treatments_hold(cases, noise):
    best = 0.0
    for model, _, margin_of in cases:
        made = probbound.certify(model, task_for(model), strategy=f"entries:{noise}")
        assert made.guarantee is Guarantee.DETERMINISTIC
        assert made.delta == 0
        assert made.certified_mass == made.bound <= (margin_of > 0).mean() + 1e-12
        best = max(best, made.bound)
    assert best > {"exact": 0.5, "max-diff": 0.1, "second-moments": 0.1}.get(noise, -1.0)


def test_once_everything_was_looked_at_nothing_is_left_to_chance():
    model = clear(2)
    made = probbound.certify(
        model, task_for(model), strategy="entries:counted", budget=10**6, delta=0.01
    )
    assert made.guarantee is Guarantee.DETERMINISTIC
    assert made.certified_mass == made.bound > 0.5
    assert all(found.mode == "enumerated" for found in made.levels)


@pytest.mark.parametrize("budget", [0, 1, 30])
def test_too_small_a_budget_certifies_nothing(budget):
    model = clear(0)
    made = probbound.certify(model, task_for(model), strategy="entries", budget=budget)
    assert (made.bound, made.failure_upper) == (0.0, 1.0)


def question(model, **given):
    asked = {"budget": 10**6, "delta": 0.1, "seed": 0, **given}
    return Question(model, task_for(model), **asked)


def test_a_margin_is_certified_too():
    model = clear(3)
    _, margin_of = one_head_margins(model)
    bounds = []
    for margin in (0.0, 0.5, 1.0, 50.0):
        found = entries(
            question(model, delta=TINY, claim=claim_of("margin", margin)), CostMeter(), counted=True
        )
        bounds.append(1 - found.failure_upper)
        assert bounds[-1] <= (margin_of > margin).mean() + 1e-12
    assert bounds[0] >= bounds[1] >= bounds[3] == 0
    assert bounds[1] > 0.3


@pytest.mark.parametrize(
    "family",
    [
        Family("pairs", ("OV",), 6),
        Family("pairs", ("QK", "OV", "direct"), 6),
        Family("rows", ("OV", "direct"), 3),
        Family("rows", ("OV",), 1.5, near=4),
    ],
)
def test_shares_fail_no_more_often_than_they_may(family):
    """At δ = 0.2 over 150 seeds, judged at a false-alarm rate of 1e-6."""
    delta, seeds = 0.2, 150
    parts = parts_of(random_model(0, d_vocab=12, n_ctx=3), CostMeter())
    tolerances = level(parts, 0.7)
    everything = drawn(parts, family, family.population(parts), Stream.from_seed(0))
    exceeding = everything.exceeding(tolerances)
    weights = np.ones(len(exceeding))
    if family.near is not None:
        weights = row_weights(parts, family.near)[everything.first]
    truth = weights[exceeding].sum() / weights.sum()
    assert 0 < truth < 1
    count = family.population(parts) // 2
    uppers = [
        share(drawn(parts, family, count, Stream.from_seed(s)), parts, tolerances, np.log(delta))
        for s in range(seeds)
    ]
    failures = sum(found.upper < truth for found in uppers)
    assert 0 < failures <= binom.isf(FALSE_ALARM, seeds, delta)


@pytest.mark.parametrize("count", [1, 60, 131])
def test_no_share_is_above_one(count):
    parts = parts_of(random_model(0, d_vocab=12, n_ctx=3), CostMeter())
    tolerances = replace(level(parts, 0.7), score=-np.ones(12))
    family = Family("pairs", ("QK",), 2)
    sample = drawn(parts, family, count, Stream.from_seed(0))
    assert share(sample, parts, tolerances, np.log(0.9)).upper == 1


def test_one_spike_that_no_sample_sees_costs_no_soundness():
    """A single enormous entry in each path: bounds hold, since its inputs are a small share."""
    model = copying(4, d_vocab=40, n_ctx=2, factor=6)
    w_e = np.array(model.W_E)
    w_e[7] *= 25
    spiked = replace(model, W_E=w_e)
    truth = probbound.certify(spiked, task_for(spiked), strategy="brute-force").bound
    for seed in range(3):
        for paths in ("joint", "separate"):
            made = probbound.certify(
                *(spiked, task_for(spiked)),
                strategy="entries",
                budget=2000,
                delta=TINY,
                seed=seed,
                paths=paths,
            )
            assert made.bound <= truth


def test_a_margin_that_rounding_could_feign_is_not_certified():
    """All logits equal but for the last bits: 0 in real arithmetic."""
    model = clear(7)
    flat = replace(model, W_O=0 * model.W_O, W_U=np.repeat(model.W_U[:, :1], 7, axis=1))
    for strategy in ("entries", "entries:counted", "entries:exact"):
        made = probbound.certify(flat, task_for(flat), strategy=strategy, budget=10**6)
        assert made.bound == 0


def test_rows_near_the_label_are_weighed_by_how_often_they_are_met():
    parts = parts_of(random_model(1, d_vocab=6, n_ctx=3), CostMeter())
    tokens = all_sequences(6, 3)
    labels = tokens.max(axis=1)
    for near in (1, 2, 5):
        weights = row_weights(parts, near) / 2**40
        for token in range(6):
            met = ((tokens == token).any(axis=1) & (labels - token < near)).mean()
            assert met <= weights[token] <= met + 1e-11


def test_the_budget_buys_what_is_met_most_often():
    parts = parts_of(random_model(1, d_vocab=6, n_ctx=3), CostMeter())
    found = families("separate", parts, 6)
    counts = allocation(parts, found, 60)
    assert sum(n * f.entries(parts) for f, n in counts.items()) <= 60
    everything = allocation(parts, found, 10**6)
    assert all(n == f.population(parts) for f, n in everything.items())
    assert [f.slots for f in found] == [2, 6, 2, 3, 1]


@pytest.mark.parametrize(("d_vocab", "lengths"), [(1, ()), (2, (1,)), (9, (1, 2, 5))])
def test_cells(d_vocab, lengths):
    cells = Cells(d_vocab, lengths)
    table = np.random.default_rng(0).standard_normal(d_vocab)
    found = cells.largest(table)
    assert found.shape == (len(lengths), d_vocab)
    for c, (start, stop) in enumerate(zip(cells.starts, cells.stops, strict=True)):
        for m in range(d_vocab):
            inside = [table[m - gap] for gap in range(start, stop) if gap <= m]
            assert found[c, m] == max(inside, default=-np.inf)


def test_the_ledger_says_where_delta_went():
    model = clear(5, d_vocab=30)
    asked = {"strategy": "entries", "budget": 1200, "delta": 0.01}
    joint = probbound.certify(model, task_for(model), **asked, paths="joint")
    apart = probbound.certify(model, task_for(model), **asked, paths="separate")
    paths = [made.ran.recipe.settings["paths"] for made in (joint, apart)]
    assert paths == ["joint", "separate"]
    assert len(joint.ledger) == 3
    assert 4 <= len(apart.ledger) <= 6
    for made in (joint, apart):
        assert made.delta == pytest.approx(0.01)
        assert len({spend.delta for spend in made.ledger}) == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"strategy": "entries:magic"},
            "entries has no variant 'magic'; choose from counted, ex",
        ),
        ({"strategy": "iid", "paths": "joint"}, "iid has no paths to sample jointly or separate"),
        ({"strategy": "entries:exact", "paths": "joint"}, "entries:exact has no paths"),
        ({"strategy": "entries", "draws": 5}, "entries has no number of draws"),
    ],
)
def test_unusable_questions_are_refused(given, message):
    model = random_model(0)
    with pytest.raises(UserError, match=message):
        probbound.certify(model, task_for(model), **given)


def test_several_heads_and_long_contexts_are_refused():
    model = random_model(0, n_heads=2)
    with pytest.raises(UserError, match="for models with one head, but random-0 has 2"):
        probbound.certify(model, task_for(model), strategy="entries")
    with pytest.raises(UserError, match="a context of 600 is too long"):
        Resolution().capacity(600)


def test_a_large_model_is_certified_far_below_the_cost_of_multiplying_out():
    """Above 1/2 at less than a tenth of the cost, where no cheap treatment certifies anything."""
    model = probbound.load("max-of-4-v4096")
    made = probbound.certify(
        model, task_for(model), strategy="entries", budget=2_500_000, delta=1e-3
    )
    assert made.bound > 0.55
    assert made.cost.flops < 6 * 4096**2 * 64 / 10
    for noise in ("svd", "subproduct"):
        certain = probbound.certify(model, task_for(model), strategy=f"entries:{noise}")
        assert certain.bound == 0


def test_nothing_of_the_size_of_a_product_is_booked():
    """Operations grow linearly with the vocabulary, but for the rows that are sampled."""
    flops = []
    for d_vocab in (256, 512):
        meter = CostMeter()
        parts_of(random_model(0, d_vocab=d_vocab, d_model=16, d_head=8, n_ctx=4), meter)
        flops.append(meter.total().flops)
    assert flops[1] < 2.05 * flops[0]
