"""`entries` made again by the checker: part by part what the maker has, and the whole sound."""

from dataclasses import replace
from fractions import Fraction
from math import comb

import numpy as np
import pytest

import probbound
from estimators import proportion
from probbound.check.bounds import hypergeometric
from probbound.check.judge import judge
from probbound.check.models.attention_only.network import Network, Slack
from probbound.check.prior import Law
from probbound.check.stream import Stream as PlainStream
from probbound.check.tasks.max_of_k import entries as check_entries
from probbound.check.tasks.max_of_k import members, tolerance_choice
from probbound.check.tasks.max_of_k.cells import Cells, certified_number
from probbound.check.tasks.max_of_k.certain import certain_tolerances
from probbound.check.tasks.max_of_k.entries import entries_again
from probbound.check.tasks.max_of_k.structure import PATHS, structure_of
from probbound.check.tasks.max_of_k.tolerated import Tolerances as PlainTolerances
from probbound.check.tasks.max_of_k.tolerated import Tolerated
from probbound.contract.claims import Claim
from probbound.contract.cost import CostMeter
from probbound.draws.priors import Prior
from probbound.draws.random_streams import Stream
from probbound.noise.contract import Settings
from probbound.noise.sampled.draws import distinct
from probbound.tasks.max_of_k.grammar import ENTRIES_CHOICES
from probbound.tasks.max_of_k.methods import entries as entries_module
from probbound.tasks.max_of_k.planted_max import planted_max_of_k
from probbound.tasks.max_of_k.structured import pilot as pilot_module
from probbound.tasks.max_of_k.structured.cells import cells_of
from probbound.tasks.max_of_k.structured.count import certified_count
from probbound.tasks.max_of_k.structured.deterministic import certain_tolerances as made_certain
from probbound.tasks.max_of_k.structured.families import row_weights
from probbound.tasks.max_of_k.structured.parts import parts_of
from probbound.tasks.max_of_k.structured.tolerances import Brackets, certified
from probbound.tasks.max_of_k.task import task_for
from probbound.tasks.registry import recipe_of
from tests.factories import (
    ASSORTED,
    all_sequences,
    checked,
    copying_model,
    one_head_margins,
    random_model,
    weights_of,
)
from tests.forgeries import altered, resealed

AGAIN = "pilot, tolerances and noise samples were computed again, with the same counts"
ONE_HEAD = [name for name, build in ASSORTED.items() if build().n_heads == 1]


def planted(seed=1, d_vocab=9, **knobs):
    return planted_max_of_k(d_vocab, 3, 8, seed, **{"steepness": 8.0, "copying": 3.0, **knobs})


MODELS = {name: ASSORTED[name] for name in ONE_HEAD} | {
    "copying": lambda: copying_model(3),
    "planted": planted,
    "long": lambda: planted_max_of_k(12, 9, 8, 2, steepness=30.0, copying=9.0),
    "wide": lambda: planted_max_of_k(150, 3, 16, 0, steepness=90.0, copying=20.0),
    "huge": lambda: random_model(4, spread=1e9),
}


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(pilot_module, "SEQUENCES", 64)
    monkeypatch.setattr(tolerance_choice, "_SEQUENCES", 64)
    monkeypatch.setattr(entries_module, "CASES", 1 << 11)
    monkeypatch.setattr(entries_module, "_CASES_AT_ONCE", 1 << 11)
    monkeypatch.setattr(check_entries, "_CASES", 1 << 11)


def certify(model, strategy="entries", **options):
    return probbound.certify(model, task_for(model), strategy=strategy, **options)


def close(a, b):
    return np.allclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("name", MODELS)
def test_structure_and_noise_are_those_of_the_maker(name):
    model = MODELS[name]()
    parts, again = parts_of(model, CostMeter()), structure_of(weights_of(model))
    scale = max(1.0, float(np.abs(parts.copying).max()))
    for ours, theirs in {
        "steepness": "steepness",
        "size": "size",
        "place": "place",
        "mean": "mean",
        "position": "position",
        "copying": "copying",
        "scale": "row_scale",
        "value_norm": "value_norm",
        "direct_norm": "direct_norm",
        "score_error": "score_error",
        "output_error": "output_error",
    }.items():
        here, there = getattr(again, ours), getattr(parts, theirs)
        assert np.allclose(here, there, rtol=1e-7, atol=1e-9 * scale), ours
    for path, matrix in zip(PATHS, (parts.scores, parts.values, parts.direct), strict=True):
        left, right = again.factors[path]
        first, second = matrix.factors
        assert np.allclose(left @ right, first @ second, rtol=1e-6, atol=1e-8 * scale**2)


@pytest.mark.parametrize("paths", ["joint", "separate"])
@pytest.mark.parametrize("name", ["copying", "planted", "long", "wide"])
def test_the_pilot_chooses_what_the_makers_pilot_chose(name, paths):
    model = MODELS[name]()
    parts, weights, task = parts_of(model, CostMeter()), weights_of(model), task_for(model)
    again = structure_of(weights)
    for budget in (400, 10**6):
        stream = Stream.from_seed(budget).fold_in("entries pilot")
        pilot = pilot_module.NoisePilot.draw(parts, task, budget, stream)
        second = tolerance_choice.Pilot(
            again, budget, PlainStream.of_seed(budget).named("entries pilot")
        )
        assert (pilot.usable, pilot.entries) == (second.usable, second.entries)
        if not pilot.usable:
            continue
        for path in PATHS:
            assert close(pilot.pairs.values[path], second.pairs.values[path])
        left = budget - pilot.entries
        wanted = pilot_module.Wanted(paths, left, 0.01, 0.0, 1)
        plan = pilot_module.planned(pilot, wanted, cells_of(parts))
        same = second.plan(
            tolerance_choice.Wanted(paths == "joint", left, 0.01, 0.0, 1), Cells(again)
        )
        for field in ("score", "low", "row", "far_row", "near", "direct_low", "direct_row"):
            assert close(getattr(plan.tolerances, field), getattr(same.tolerances, field)), field
        assert plan.log_delta == same.log_delta
        named = [(family.name, count) for family, count in plan.counts.items()]
        assert named == [(family.name, count) for family, count in same.counts.items()]


@pytest.mark.parametrize("noise", ENTRIES_CHOICES)
@pytest.mark.parametrize("name", ["biases", "planted", "wide", "one token", "huge", "long"])
def test_certain_tolerances_and_counts_are_those_of_the_maker(name, noise):
    model = MODELS[name]()
    parts, again = parts_of(model, CostMeter()), structure_of(weights_of(model))
    made = made_certain(parts, noise, Settings(Stream.from_seed(0)), CostMeter())
    found = certain_tolerances(again, noise)
    finite = made.row[np.isfinite(made.row)]
    scale = max(1.0, float(np.abs(finite).max(initial=0.0)))
    for field in ("score", "low", "row", "direct_row"):
        here, there = getattr(found, field), getattr(made, field)
        assert np.allclose(here, there, rtol=1e-6, atol=1e-7 * scale), field
    for margin in (0.0, 0.3):
        theirs = certified_count(Brackets(parts, made), cells_of(parts), CostMeter(), margin)
        assert certified_number(Tolerated(again, found, margin), Cells(again)) == theirs
    tokens = all_sequences(model.d_vocab, min(model.n_ctx, 3))[:5000]
    tokens = np.concatenate([tokens, np.repeat(tokens[:, -1:], model.n_ctx, axis=1)[:, 3:]], axis=1)
    here = Tolerated(again, found, 0.1).certified(tokens[:, : model.n_ctx])
    assert (here == certified(Brackets(parts, made), tokens[:, : model.n_ctx], 0.1)).all()


@pytest.mark.parametrize("population", [1, 7, 40, 5000])
def test_members_are_those_of_the_maker(population):
    for count in {0, 1, population // 20, population // 4, population}:
        ours = members.distinct(PlainStream.of_seed(count), count, population)
        assert (ours == distinct(Stream.from_seed(count), count, population)).all()
        assert len(set(ours.tolist())) == count
    with pytest.raises(members.Refused, match="not independently re-checked"):
        members.distinct(PlainStream.of_seed(0), 1 << 40, 1 << 50)


@pytest.mark.parametrize("near", [1, 3, 9])
def test_rows_weigh_what_they_weigh_for_the_maker(near):
    parts = parts_of(planted(), CostMeter())
    ours = members.row_weights(parts.d_vocab, parts.n_ctx, near)
    assert (ours == row_weights(parts, near)).all()
    tokens = all_sequences(9, 3)
    for token in range(9):
        holds = (tokens == token).any(axis=1) & (tokens.max(axis=1) - token < near)
        assert ours[token] == -(-int(holds.sum()) * 2**40 // 9**3)


def test_shares_of_finite_populations_are_those_of_exact_arithmetic():
    def tail(k, n, marked, population):
        ways = (comb(marked, i) * comb(population - marked, n - i) for i in range(k + 1))
        return Fraction(sum(ways), comb(population, n))

    rng = np.random.default_rng(0)
    for _ in range(300):
        population = int(rng.integers(1, 60))
        n = int(rng.integers(1, population + 1))
        k, delta = int(rng.integers(0, n + 1)), float(rng.choice([0.5, 0.01, 1e-9]))
        allowed = range(k, population - n + k + 1)
        nearly = Fraction(delta) * (1 - Fraction(1, 2**40))  # a tie is allowed, the safe way
        most = max(m for m in allowed if tail(k, n, m, population) > nearly)
        assert hypergeometric(k, n, population, np.log(delta)) == pytest.approx(most / population)


@pytest.mark.parametrize(
    ("k", "n", "population"),
    [(0, 1000, 10**8), (70, 90_000, 16_000_000), (1, 3, 10**9), (5000, 10**6, 10**7), (9, 10, 11)],
)
def test_shares_of_large_populations_are_those_of_the_estimators(k, n, population):
    for log_delta in (-1.0, -20.0, -900.0):
        theirs = proportion.hypergeometric(k, n, population, log_delta=log_delta, side="upper")
        ours = hypergeometric(k, n, population, log_delta)
        assert ours == pytest.approx(float(theirs.upper), rel=1e-12)


@pytest.mark.parametrize("strategy", ["entries", "entries:counted"])
@pytest.mark.parametrize("name", ["biases", "copying", "one token", "long", "wide", "huge"])
def test_what_was_made_holds_in_full(name, strategy):
    model = MODELS[name]()
    for options in (
        {"budget": 0},
        {"budget": 700, "seed": 3, "delta": 0.3},
        {"budget": 40_000, "delta": 1e-9, "paths": "joint", "claim": Claim("margin", 0.2)},
        {"budget": 10**7, "delta": 0.9},
    ):
        report = checked(certify(model, strategy, **options), model)
        assert report.holds, (options, report.refused)
        assert report.confirmed[-1] == AGAIN


@pytest.mark.parametrize("noise", ENTRIES_CHOICES)
def test_what_is_certain_holds_in_full(noise):
    for name in ("biases", "wide"):
        model = MODELS[name]()
        made = certify(model, f"entries:{noise}", claim=Claim("margin", 0.1))
        assert checked(made, model).confirmed[-1] == AGAIN


def test_a_shipped_model_holds_in_full(monkeypatch):
    monkeypatch.undo()
    model = probbound.load("max-of-4-v1024")
    made = certify(model, budget=300_000, delta=1e-3)
    assert made.bound > 0.4
    assert checked(made, model).confirmed[-1] == AGAIN


ALTERED = {
    "bound": (("bound",), lambda x: 1 - (1 - x) * 0.999),
    "failure_upper": (("failure_upper",), lambda x: x * 0.999),
    "certified mass": (("proof", "certified_mass"), lambda _: 0.01),
    "a share": (("levels", 3, "share_upper"), lambda x: x * 0.999),
    "exceedances": (("levels", 3, "failures"), lambda x: x + 1),
    "cases": (("levels", 0, "failures"), lambda x: x - 1),
    "samples": (("levels", 2, "samples"), lambda x: x + 1),
    "entries in all": (("sampling", "draws"), lambda x: x + 1),
    "exceedances in all": (("sampling", "failures"), lambda x: x + 1),
    "delta": (("delta",), lambda x: x / 2),
    "seed": (("seed",), lambda x: x + 1),
    "paths": (("recipe", "levels", 1, "paths"), lambda _: "joint"),
    "paths that ran": (("ran", "recipe", "levels", 1, "paths"), lambda _: "joint"),
    "margin": (("claim", "at"), lambda x: x + 1e-3),
    "what ran": (("ran", "recipe"), lambda _: recipe_of("entries:exact", 1, {}).to_json()),
}


@pytest.mark.parametrize("part", ALTERED)
def test_what_claims_more_is_refused(part):
    model = MODELS["wide"]()
    claim = Claim("margin", 0.1)
    predicate = certify(model, budget=30_000, delta=0.1, seed=5, claim=claim).to_json()
    assert 0.1 < predicate["bound"] < 1
    assert judge(resealed(predicate), weights_of(model)).holds
    forged = resealed(altered(predicate, *ALTERED[part]))
    assert not judge(forged, weights_of(model)).holds


@pytest.mark.parametrize("paths", ["joint", "separate"])
def test_noise_that_is_rounding_alone_decides_nothing(paths):
    """Two tokens have scores of rank one, so that whatever noise is computed is rounding."""
    sizes = {"W_E": 17, "W_pos": -10, "W_Q": -7, "W_K": -27, "W_V": -17, "W_U": -17}
    bounds = []
    for seed in range(20):
        model = random_model(seed, d_vocab=2, n_ctx=4, d_model=3, d_head=2, biases=True)
        grown = {name: 2.0**bits * np.asarray(getattr(model, name)) for name, bits in sizes.items()}
        model = replace(model, **grown)
        margins = one_head_margins(model)[1]
        claim = Claim("margin", float(margins.min() - np.ptp(margins)))
        made = certify(model, budget=100, delta=0.2, paths=paths, claim=claim)
        report = checked(made, model)
        assert report.holds, report.refused
        bounds.append(made.failure_upper)
    assert sum(bound < 1 for bound in bounds) >= 3


@pytest.mark.parametrize("strategy", ["entries", "entries:counted"])
def test_what_counts_more_failures_holds(monkeypatch, strategy):
    """A maker that is less sure of some cases and members than the checker is (Theorem 6.2)."""
    model = MODELS["wide"]()

    def less_sure(sample, *rest):
        values = {path: np.append(np.nan, found[1:]) for path, found in sample.values.items()}
        return share(replace(sample, values=values), *rest)

    share, sure = entries_module.share, entries_module.certified
    honest = certify(model, strategy, budget=30_000, delta=0.1, seed=5)
    monkeypatch.setattr(entries_module, "share", less_sure)
    monkeypatch.setattr(
        entries_module, "certified", lambda *given: sure(*given) & (np.arange(1 << 11) > 5)
    )
    weaker = certify(model, strategy, budget=30_000, delta=0.1, seed=5)
    assert weaker.failure_upper > honest.failure_upper
    report = checked(weaker, model)
    assert report.holds, report.refused
    for number, level in enumerate(weaker.levels):
        if level.mode == "sampled":
            stronger = weaker.to_json()["levels"][number]["share_upper"] * (1 - 1e-6)
            place = ("levels", number, "share_upper")
            forged = resealed(altered(weaker.to_json(), place, lambda _, s=stronger: s))
            assert not judge(forged, weights_of(model)).holds


def test_tolerances_chosen_after_the_samples_were_seen_do_not_hold(monkeypatch):
    """Somebody whose pilot looks at the very entries that certify."""
    model = MODELS["wide"]()
    honest = certify(model, budget=30_000, delta=0.1)
    assert checked(honest, model).holds

    def peeked(parts, question, meter):
        return pilot_module.NoisePilot.draw(
            parts, question.task, question.budget, question.stream.fold_in("entries")
        )

    monkeypatch.setattr(entries_module, "_pilot", peeked)
    report = checked(certify(model, budget=30_000, delta=0.1), model)
    assert not report.holds


@pytest.mark.parametrize("name", [*ONE_HEAD, "copying", "planted"])
def test_nothing_wrong_is_certified(name):
    """All entries looked at, at a δ that nothing is lost by: the bound is on the whole truth."""
    model = MODELS[name]()
    truth = (one_head_margins(model)[1] <= 0).mean()
    for strategy in ("entries:counted", "entries:exact", "entries:second-moments"):
        made = certify(model, strategy, budget=10**7, delta=1e-12, seed=0)
        law = Law.of(made.to_json()["claim"])
        again = entries_again(made.to_json(), weights_of(model), law)
        assert again.failure >= truth, strategy
        assert again.failure == pytest.approx(made.failure_upper, rel=1e-9)


@pytest.mark.parametrize("spike", ["QK", "OV", "direct"])
def test_one_spike_in_the_noise_is_conceded_or_tolerated(spike):
    model = planted(d_vocab=20, noise=0.0)
    weights = weights_of(model)
    s = structure_of(weights)
    left, right = (np.array(factor) for factor in s.factors[spike])
    left[4], right[:, 11] = left[4] * 1e4, right[:, 11] * 1e4
    s = replace(s, factors={**s.factors, spike: (left, right)})
    huge = np.full(20, 1e300)
    zero = np.zeros(20)
    t = PlainTolerances(zero, zero, huge, huge, 20, zero, zero)
    family = members.Family("pairs", (spike,), 2)
    found = members.drawn(s, family, family.population(20), PlainStream.of_seed(0))
    bounded = members.share(s, found, t, np.log(0.01))
    assert bounded.failures == int((~(found.values[spike] <= 0)).sum()) > 0
    assert bounded.touch >= 2 * bounded.failures / 380 > 0
    assert bounded.log_delta is None


def test_nothing_of_the_size_of_all_pairs_is_formed(monkeypatch):
    model = planted_max_of_k(1100, 2, 8)
    made = certify(model, budget=20_000, delta=0.1)

    def none(_):
        raise AssertionError("multiplied out")

    for part in ("token", "value", "direct"):
        monkeypatch.setattr(Network, part, property(none))
    assert checked(made, model).holds
    assert len(Network(weights_of(model), Slack()).wrong(np.zeros((3, 2), int))) == 3


def test_other_models_and_priors_are_refused():
    made = certify(planted(), budget=500, delta=0.1).to_json()
    two = random_model(2, n_heads=2, d_vocab=9)
    law = Law.of(made["claim"])
    with pytest.raises(members.Refused, match="one head"):
        entries_again(made, weights_of(two), law)
    weighted = Prior(tuple(range(1, 10)))
    claim = {**made["claim"], "prior": weighted}
    with pytest.raises(members.Refused, match="uniform prior"):
        entries_again({**made, "claim": claim}, weights_of(planted()), law)
