"""A setting decides something beside the seed, or has no part in it (Theorem 6.1).

Every strategy is asked under the same coins with one setting changed. Where no answer differs, the
two forms are one question: they must have one seed, or be refused.
"""

from __future__ import annotations

import itertools

import pytest

import probbound
from probbound.certificates.certificate import Certificate
from probbound.check.document import canonical
from probbound.check.judge import derived_seed, judge
from probbound.check.tasks.max_of_k.question import one_claim as one_claim_of_checker
from probbound.contract.claims import Kind
from probbound.contract.defaults import AUTO
from probbound.draws.priors import ROUNDED_BITS
from probbound.machine.errors import UserError
from probbound.tasks.max_of_k.methods.ladder import RUNGS
from probbound.tasks.max_of_k.recipes import DEFAULT_GRID_POINTS, recipe_of
from probbound.tasks.max_of_k.same_question import one_claim
from probbound.tasks.max_of_k.strategies import strategy_named, uses
from tests.factories import random_model, weights_of
from tests.forgeries import resealed

MODEL = random_model(4, d_vocab=4, n_ctx=3, d_model=3, d_head=2)
TOSSED = tuple(name for name in (*probbound.strategy_names(), AUTO) if uses(name).chance)
FEW = ("iid", "hybrid", "cascade", "entries", "entries:counted", "low-rank-qk:sketch", AUTO)
CHANGES = {
    "budget": {"budget": 23},
    "delta": {"delta": 1e-9},
    "grid points": {"grid_points": 2},
    "target": {"target": 0.99},
    "draws": {"draws": 7},
    "stopped at": {"stopped_at": 3},
    "operations": {"budget_flops": 1e5},
    "separate paths": {"paths": "separate"},
    "joint paths": {"paths": "joint"},
    "margin 0": {"claim": probbound.Claim("margin", 0.0)},
    "margin -0": {"claim": probbound.Claim("margin", -0.0)},
    "equal weights": {"prior": probbound.Prior((2, 2, 2, 2))},
    "equal weights, rounded": {"prior": probbound.Prior((1, 1, 1, 1), ROUNDED_BITS)},
}
ALWAYS_IDLE = {"margin 0", "margin -0", "equal weights", "equal weights, rounded"}


def ask(strategy: str, changes: dict, seed: int | None = None) -> Certificate | None:
    """None where it is refused."""
    settings = {"budget": 60, "delta": 0.2, **changes}
    task = probbound.MaxOfK(MODEL.d_vocab, MODEL.n_ctx, settings.pop("prior", None))
    try:
        return probbound.certify(MODEL, task, strategy=strategy, seed=seed, **settings)
    except UserError:
        return None


def answer(made: Certificate | None) -> tuple | None:
    """All that was found, without what was asked; None where it is refused."""
    if made is None:
        return None
    return made.bound, made.levels, made.sampling, made.ledger, made.loss


def seeds(*certificates: Certificate) -> set[int]:
    """By the maker and by the checker, which accepts them."""
    found = set()
    for made in certificates:
        stored = resealed(made.to_json())
        report = judge(stored, weights_of(MODEL))
        assert report.holds, report.refused
        found |= {made.seed.value, derived_seed(stored)}
    return found


@pytest.mark.parametrize("kind", ["accuracy", "loss"])
@pytest.mark.parametrize(
    "strategy",
    [pytest.param(name, marks=() if name in FEW else pytest.mark.slow) for name in TOSSED],
)
def test_what_changes_nothing_does_not_change_the_seed(strategy: str, kind: Kind):
    claim = {"claim": probbound.Claim(kind)}
    base = ask(strategy, claim)
    if base is None or not base.ledger:
        return
    coins, idle = (1, 2, 3), set()
    before = [answer(ask(strategy, claim, seed)) for seed in coins]
    if before[0] == before[1] == before[2]:  # nothing is left to chance
        return
    for name, changes in CHANGES.items():
        made = ask(strategy, claim | changes)
        if made is None:
            continue
        after = [ask(strategy, claim | changes, seed) for seed in coins]
        if [answer(one) for one in after] == before:
            assert len(seeds(base, made)) == 1, (strategy, name)
            idle.add(name)
    if kind == "accuracy" and strategy != AUTO and strategy_named(strategy).general:
        assert idle >= ALWAYS_IDLE


MANY = 1024**3  # more inputs than are listed
SAME = [
    (("hybrid", {"grid_points": DEFAULT_GRID_POINTS}), ("hybrid", {})),
    (("hybrid:cubic", {}), ("hybrid", {})),
    (("entries", {"paths": "separate"}), ("entries", {})),
    *(
        ((f"{kind}{rung}:{RUNGS[rung].noise[0]}", {}), (kind + rung, {}))
        for kind, rung in itertools.product(("", "hybrid:", "cascade:"), RUNGS)
    ),
]


@pytest.mark.parametrize(("one", "other"), SAME, ids=str)
def test_two_names_of_what_is_run_have_one_recipe(one, other):
    first, second = (recipe_of(name, MANY, given) for name, given in (one, other))
    assert canonical(first.to_json()) == canonical(second.to_json())


def test_names_that_mean_something_else_have_other_recipes():
    recipes = [recipe_of(name, MANY, {}) for name in probbound.strategy_names()]
    doubles = 1 + 3 * len(RUNGS)  # hybrid:cubic, and a rung's own noise spelt out
    assert len({canonical(one.to_json()) for one in recipes}) == len(recipes) - doubles


CLAIM = {"kind": "accuracy", "at": None, "population": {"prior": None}}
LAW = {"sha256": "0" * 64, "total": 3, "weights": [1, 2]}
EQUAL = {**LAW, "total": 2, "weights": [1, 1]}


def _under(prior):
    return {"population": {"prior": prior}}


CLAIMS = [
    ({"kind": "margin", "at": 0.0}, {}),
    ({"kind": "margin", "at": -0.0}, {}),
    (_under({**EQUAL, "rounded_bits": None}), {}),
    (_under({**LAW, "rounded_bits": 24}), _under(LAW)),
    ({"kind": "margin", "at": 0.5}, {"kind": "margin", "at": 0.5}),
    ({"kind": "loss"}, {"kind": "loss"}),
]


@pytest.mark.parametrize(("claim", "wanted"), CLAIMS, ids=str)
def test_maker_and_checker_have_the_same_form_of_a_claim(claim, wanted):
    for form in (one_claim, one_claim_of_checker):
        assert form(CLAIM | claim) == CLAIM | wanted


def test_labels_are_not_read_by_the_checker_and_are_by_verify():
    made = ask("entries", {})
    assert made is not None
    stored = made.to_json() | {"strategy": "the best of all", "chosen": "brute-force"}
    report = judge(resealed(stored), weights_of(MODEL))
    assert report.holds
    assert "the names of the model and of the strategies" in report.trusted[0]


def test_operations_are_one_number_as_integer_and_as_float():
    made = ask(AUTO, {"budget_flops": 1e9})
    assert made is not None
    stored = made.to_json()
    assert derived_seed(stored | {"budget_flops": 10**9}) == derived_seed(stored)


@pytest.mark.parametrize("strategy", ["iid", "hybrid", "entries", "brute-force"])
def test_only_a_cascade_is_interrupted(strategy):
    with pytest.raises(UserError, match="cannot be interrupted; a cascade can"):
        probbound.certify(MODEL, probbound.task_for(MODEL), strategy=strategy, stopped_at=3)
