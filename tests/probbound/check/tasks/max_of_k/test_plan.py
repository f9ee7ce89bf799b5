"""Plans made again by the checker, and a maker who would choose his after the draws (6.10)."""

import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import beta, binom

import probbound
from probbound.check.judge import derived_seed, judge
from probbound.check.models.attention_only.network import Network
from probbound.check.models.attention_only.slack import slack_of
from probbound.check.prior import Law
from probbound.check.stream import Stream
from probbound.check.tasks.max_of_k.chosen_delta import CANDIDATES, best_delta
from probbound.check.tasks.max_of_k.foretold import Foretold
from probbound.check.tasks.max_of_k.plan import Planning
from probbound.check.tasks.max_of_k.recipe import recipe_of as read_recipe
from probbound.check.tasks.max_of_k.tariff import Tariff
from probbound.check.tasks.max_of_k.work import work_of
from probbound.contract import confidence
from probbound.contract.claims import Claim
from probbound.contract.cost import CostMeter
from probbound.machine.errors import UserError
from probbound.models.attention_only.transformer import forward_flops
from probbound.tasks.max_of_k.planning.rule import planned
from probbound.tasks.max_of_k.planning.tariff import Tariff as MakersTariff
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.screens.bracket_check import BracketCheck
from probbound.tasks.max_of_k.screens.cubic import CubicScreen
from probbound.tasks.max_of_k.screens.sequences import SequenceTables
from probbound.tasks.max_of_k.task import task_for
from probbound.tasks.registry import room_of
from tests.factories import (
    ASSORTED,
    all_sequences,
    checked,
    copying_model,
    random_model,
    weights_of,
)
from tests.forgeries import resealed, run_as
from tests.honest import asked as hostile

MODEL = copying_model(1, d_vocab=16, n_ctx=3)
WEIGHTS = weights_of(MODEL)
DELTA, TRIES, MOST = 0.05, 40, 4000
BUDGET = 3e5  # of operations: too little to run every input


def sizes_of(model):
    return (model.d_vocab, *weights_of(model).sizes[1:])


def auto(model, budget, **options):
    task = task_for(model)
    options = {"delta": DELTA, "budget": 0, **options}
    return probbound.certify(model, task, strategy="auto", budget_flops=budget, **options)


UNTRAINED = [name for name in ASSORTED if name != "trained"]


@pytest.mark.parametrize("name", [*UNTRAINED, "max-of-10", "max-of-4-v1024"])
def test_both_sides_plan_by_the_same_prices(name):
    model = ASSORTED[name]() if name in ASSORTED else probbound.load(name)
    makers, checkers = MakersTariff(model, task_for(model)), Tariff(*sizes_of(model))
    for price in ("forward", "from_tables", "look", "tables", "brackets", "brute_force"):
        assert getattr(makers, price) == getattr(checkers, price), price
    if makers.classes is None:
        assert checkers.starts is None
    else:
        assert list(makers.classes.starts) == checkers.starts
        assert makers.screen(makers.classes) == checkers.screen(checkers.starts or [])
        assert makers.drawn(makers.classes) == checkers.gapped(checkers.starts or [], 1)
    for draws in (0, 1, 70_000):
        assert CubicScreen(50).draw_flops(model, draws) == checkers.gridded(50, draws)
    if name in ASSORTED:
        assert CubicScreen().draw_flops(model, 9) == checkers.listed(9)


@pytest.mark.parametrize(("d_vocab", "n_ctx", "heads"), [(300, 500, 1), (5, 3, 2)])
def test_a_screen_that_cannot_be_checked_is_not_planned(d_vocab, n_ctx, heads):
    model = random_model(0, d_vocab=d_vocab, n_ctx=n_ctx, d_model=1, d_head=1, n_heads=heads)
    assert MakersTariff(model, task_for(model)).classes is None
    assert Tariff(*sizes_of(model)).starts is None


def test_a_plan_goes_by_what_is_booked():
    model = probbound.load("max-of-4")
    booked: Counter[str] = Counter()
    for phase in auto(model, 1e7, seed=0).cost.phases:
        booked[phase.name] += phase.flops
    prices = MakersTariff(model, task_for(model))
    assert booked["tables"] + booked["copying check"] == prices.tables
    screen = ("OV and positions", "mean of the direct path", "brackets", "counting")
    assert prices.classes is not None
    assert sum(booked[name] for name in screen) == prices.screen(prices.classes)
    pilots = [flops for name, flops in booked.items() if name.startswith("pilot")]
    assert len(pilots) == 3
    assert sum(pilots) < 0.05 * 1e7


@pytest.mark.parametrize("draws", [1, 7, 400, 10**6, 1 << 36])
def test_both_sides_choose_the_same_delta(draws):
    np.testing.assert_array_equal(CANDIDATES, confidence.CANDIDATES)
    for failures in {0, 1, 3, draws // 1000, draws // 3, draws - 1, draws}:
        for share in (1.0, 3e-5):
            if failures <= draws:
                makers = confidence.best_delta(failures, draws, share=share, proven=share)
                found = best_delta(failures, draws, share, proven=share)
                assert found.delta == makers.delta, failures
                assert found.failure == pytest.approx(makers.failure_upper, rel=1e-9)
                assert found.weighted == pytest.approx(makers.weighted, rel=1e-9)


@pytest.mark.parametrize("name", [name for name in UNTRAINED if name != "two heads"])
def test_both_sides_foretell_the_same(name):
    model = ASSORTED[name]()
    tokens = all_sequences(model.d_vocab, model.n_ctx)
    left = BracketCheck.of(SequenceTables.of(model)).uncertified(tokens).sum()
    assert Foretold(network_of(model)).left(tokens) == left


def network_of(model):
    weights = weights_of(model)
    return Network(weights, slack_of(weights, 0.0))


def test_whatever_is_planned_is_planned_again():
    """Hostile weights, budgets over three decades, δ given and chosen."""
    found, rng = Counter(), np.random.default_rng(0)
    for number in range(45):
        model = hostile(13, 300, number, "iid").model
        delta = (DELTA, 1e-6, "auto")[number % 3]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                made = auto(model, float(10 ** rng.uniform(3, 6)), delta=delta)
                report = checked(made, model)
        except UserError:
            continue
        assert report.holds, (number, report.refused)
        found[made.chosen] += made.guarantee != "deterministic"
    assert {"iid", "iid:tables", "cascade:sub-cubic"} <= set(+found)


@pytest.mark.parametrize("delta", [1e-3, None])
def test_both_sides_plan_the_same_whatever_the_outcome(delta):
    """Also where nothing is left to chance, which the checker has no need to plan again."""
    for name in UNTRAINED:
        model = ASSORTED[name]()
        for budget in (3e3, 1e4, 1e5):
            question = Question(model, task_for(model), 0, 1e-6, 5, budget_flops=budget)
            name, ran = planned(question, delta, CostMeter())
            record = {"budget_flops": budget, "seed": 5}
            record |= {"delta_chosen": delta is None, "delta_allowed": delta or 1e-6}
            plan = Planning(record, network_of(model), Law.equal(model.d_vocab)).plan()
            recipe = room_of(question.task).recipe(name, ran)
            assert plan.recipe == read_recipe(recipe.to_json(), {"population": question.task.size})
            assert plan.budget == (ran.budget if recipe.budgeted else None)
            assert plan.delta in (None, ran.delta)


def unplanned(made: dict[str, Any], budget: float) -> dict[str, Any]:
    """A certificate of a strategy's own name, said to be what was planned."""
    return made | {
        "strategy": "auto",
        "recipe": None,
        "budget": None,
        "budget_flops": budget,
        "seed_source": "content",
    }


def lucky(seed: int, truth: float) -> int | None:
    """The least number of draws whose bound is below the truth, if there is one up to MOST."""
    stream = Stream.of_seed(seed).named("certify", "inputs")
    tokens = stream.below(MODEL.d_vocab, 0, MOST * MODEL.n_ctx).reshape(MOST, -1)
    k, n = network_of(MODEL).wrong(tokens).cumsum(), np.arange(1, MOST + 1)
    upper = np.where(k < n, beta.isf(DELTA, k + 1, np.maximum(n - k, 1)), 1.0)
    found = np.flatnonzero(upper < truth * (1 - 1e-6))
    return int(n[found[0]]) if len(found) else None


def lies(truth: float, tries: int = TRIES) -> list[dict[str, Any]]:
    """What a maker shows who plans after the draws: of each question the first false claim."""
    task, found = task_for(MODEL), []
    blank = probbound.certify(MODEL, task, strategy="iid", budget=1, delta=DELTA).to_json()
    for number in range(tries):
        budget = BUDGET + number
        seed = derived_seed(unplanned(blank, budget))
        if (draws := lucky(seed, truth)) is not None:
            options = {"strategy": "iid:tables", "delta": DELTA, "seed": seed}
            made = probbound.certify(MODEL, task, budget=draws, **options)
            assert made.failure_upper < truth
            found.append(resealed(unplanned(made.to_json(), budget)))
    return found


def accepted(shown: list[dict[str, Any]]) -> int:
    return sum(judge(predicate, WEIGHTS).holds for predicate in shown)


def test_a_plan_made_after_the_draws_fools_nobody(monkeypatch):
    """Were plans taken on trust, far more than δ of such claims would be accepted."""
    truth = probbound.certify(MODEL, task_for(MODEL), strategy="brute-force").failure_upper
    shown = lies(truth)
    assert len(shown) > binom.isf(1e-6, TRIES, DELTA)
    assert accepted(shown) == 0
    monkeypatch.setattr("probbound.check.tasks.max_of_k.task.is_planned", lambda _: False)
    assert accepted(shown) == len(shown)


def test_what_is_accepted_of_a_question_fails_no_more_often_than_delta():
    """Its plan's own bound is all that a maker can get accepted: false alarms at 1e-6."""
    truth = probbound.certify(MODEL, task_for(MODEL), strategy="brute-force").failure_upper
    made = [auto(MODEL, BUDGET + number) for number in range(TRIES)]
    assert {one.guarantee for one in made} == {"high-probability"}
    assert sum(one.failure_upper < truth for one in made) <= binom.isf(1e-6, TRIES, DELTA)


def drawn(predicate: dict[str, Any]) -> int:
    return predicate["ran"]["recipe"]["law"]["draws"]


def running(predicate: dict[str, Any], strategy: str, **given: Any) -> dict[str, Any]:
    """Another plan of the same question."""
    return {name: run_as(predicate, strategy, **given)[name] for name in ("ran", "chosen")}


ALTERED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "fewer passes": lambda p: {"ran": p["ran"] | {"budget": p["ran"]["budget"] - 1}},
    "more passes": lambda p: {"ran": p["ran"] | {"budget": p["ran"]["budget"] + 1}},
    "fewer draws": lambda p: running(p, "cascade:sub-cubic", draws=drawn(p) - 1),
    "draws left to a pilot": lambda p: running(p, "cascade:sub-cubic"),
    "a target": lambda p: running(p, "cascade:sub-cubic", target=0.5),
    "all inputs": lambda p: running(p, "cascade", draws=drawn(p)),
    "another screen": lambda p: running(p, "cascade:cubic", draws=drawn(p)),
    "entries": lambda p: running(p, "entries"),
}


@pytest.mark.parametrize("change", ALTERED)
def test_no_knob_of_a_plan_can_be_turned(change):
    model = probbound.load("max-of-4")
    made = auto(model, 4e6, seed=0).to_json()
    assert made["chosen"] == "cascade:sub-cubic"
    report = judge(resealed(made | ALTERED[change](made)), weights_of(model))
    assert report.refused
    assert "made again it is" in report.refused[0]


@pytest.mark.parametrize("strategy", ["auto", "iid", "hybrid", "cascade:sub-cubic"])
def test_a_chosen_delta_cannot_be_another(strategy):
    settings: dict[str, Any] = {"budget": 50} if strategy != "auto" else {"budget_flops": BUDGET}
    task = task_for(MODEL)
    made = probbound.certify(MODEL, task, strategy=strategy, delta="auto", **settings).to_json()
    assert made["guarantee"] == "high-probability"
    assert judge(resealed(made), WEIGHTS).holds
    for delta in (made["delta_allowed"] * 1.12, made["delta_allowed"] / 2):
        (reason,) = judge(resealed(made | {"delta_allowed": delta}), WEIGHTS).refused
        assert "again it is" in reason


def test_a_grid_decides_nothing_of_a_plan():
    with pytest.raises(UserError, match="no grid"):
        auto(MODEL, BUDGET, grid_points=7)
    made = auto(MODEL, BUDGET).to_json() | {"budget": 7}
    (reason,) = judge(resealed(made | {"seed": derived_seed(made)}), WEIGHTS).refused
    assert "a budget of inputs beside one of operations" in reason


def test_a_planned_cascade_may_be_interrupted():
    """By the part of δ reserved for it, at whatever number of draws (4.21 c)."""
    model = probbound.load("max-of-4")
    made = auto(model, 4e6, stopped_at=700)
    assert (made.stopped_at, made.guarantee) == (700, "high-probability")
    assert checked(made, model).holds
    assert made.failure_upper > auto(model, 4e6).failure_upper


def test_so_many_passes_are_so_many_operations():
    """One question has one seed, whichever of the two it was asked with."""
    model, task = MODEL, task_for(MODEL)
    passes = probbound.certify(model, task, strategy="auto", budget=90, delta=DELTA)
    operations = auto(model, 90.0 * forward_flops(model))
    assert passes.seed == operations.seed
    assert passes.failure_upper == operations.failure_upper
    made = passes.to_json()
    assert judge(resealed(made), WEIGHTS).holds
    (reason,) = judge(resealed(made | {"budget_flops": None}), WEIGHTS).refused
    assert "neither a recipe nor a budget of operations" in reason


def test_plans_of_other_claims_are_refused():
    made = probbound.certify(
        MODEL, task_for(MODEL), strategy="iid", budget=9, delta=DELTA, claim=Claim("margin", 0.5)
    ).to_json() | {"delta_chosen": True}
    (reason,) = judge(resealed(made | {"seed": derived_seed(made)}), WEIGHTS).refused
    assert "accuracy under a uniform prior only" in reason


def test_what_is_certain_needs_no_plan():
    model = copying_model(0)
    made = auto(model, 1e6).to_json()
    assert made["guarantee"] == "deterministic"
    report = judge(resealed(made | {"budget_flops": 1e6}), weights_of(model))
    assert report.holds
    assert not any("planned" in line for line in (*report.confirmed, *report.trusted))


def test_planning_again_is_priced():
    made = auto(MODEL, BUDGET).to_json()
    alone = made | {"strategy": made["chosen"], **made["ran"], "budget_flops": None}
    assert work_of(made, WEIGHTS).operations > work_of(alone, WEIGHTS).operations
    without_tables = work_of(made | {"budget_flops": 1e4}, WEIGHTS).operations
    assert without_tables < work_of(made, WEIGHTS).operations


@pytest.mark.parametrize("strategy", ["iid", "hybrid", "cascade", "hybrid:low-rank-qk:sketch"])
def test_so_is_choosing_a_delta_again(strategy):
    made = probbound.certify(MODEL, task_for(MODEL), strategy=strategy, budget=9, delta=DELTA)
    chosen = work_of(made.to_json() | {"delta_chosen": True}, WEIGHTS)
    given = work_of(made.to_json(), WEIGHTS)
    assert chosen.operations > given.operations
    assert (chosen.memory > given.memory) <= (strategy == "cascade")
