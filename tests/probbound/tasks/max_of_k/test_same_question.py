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
from probbound.check.tasks.max_of_k.grid import DEFAULT_POINTS
from probbound.check.tasks.max_of_k.question import one_form as one_form_of_checker
from probbound.contract.claims import Kind
from probbound.contract.defaults import AUTO
from probbound.draws.priors import ROUNDED_BITS
from probbound.machine.errors import UserError
from probbound.tasks.max_of_k.methods.ladder import RUNGS
from probbound.tasks.max_of_k.same_question import one_form
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


def question(**changes) -> dict:
    """The record of a question of more inputs than are listed."""
    claim = {"kind": "accuracy", "at": None, "task": "max-of-k", "d_vocab": 1024, "n_ctx": 3}
    claim |= {"population": 1024**3, "prior": None}
    asked = {"claim": claim, "model": "0" * 64, "strategy": "hybrid", "budget": 9, "delta": 0.1}
    asked |= dict.fromkeys(("grid_points", "target", "draws", "budget_flops", "paths"))
    return asked | changes


SAME = [
    ({"grid_points": DEFAULT_POINTS}, {}),
    ({"strategy": "hybrid:cubic"}, {}),
    ({"strategy": AUTO, "budget_flops": 1e9}, {"strategy": AUTO, "budget_flops": 1e9, "budget": 1}),
    *(
        ({"strategy": f"{kind}{rung}:{RUNGS[rung].noise[0]}"}, {"strategy": kind + rung})
        for kind, rung in itertools.product(("", "hybrid:", "cascade:"), RUNGS)
    ),
    ({"strategy": "low-rank-qk:sketch", "budget": 8}, {"strategy": "low-rank-qk:sketch"}),
    ({"strategy": "brute-force", "budget": 8}, {"strategy": "brute-force"}),
]


@pytest.mark.parametrize(("one", "other"), SAME, ids=str)
def test_two_forms_of_a_question_are_one_to_maker_and_checker(one, other):
    for form in (one_form, one_form_of_checker):
        assert form(question(**one)) == form(question(**other))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"grid_points": DEFAULT_POINTS - 1},
        {"strategy": "iid"},
        {"strategy": "hybrid:sub-cubic"},
        {"strategy": "hybrid:low-rank-qk:exact"},
        {"strategy": "hybrid:quadratic-qk:sketch"},
        {"strategy": "cascade"},
        {"strategy": "cascade:cubic"},
        {"strategy": "entries", "paths": "joint"},
        {"strategy": "entries", "paths": "separate"},
        {"budget": 10},
        {"delta": 0.2},
        {"strategy": AUTO},
        {"strategy": AUTO, "budget_flops": 1e9},
    ],
    ids=str,
)
def test_maker_and_checker_have_the_same_form(changes):
    assert one_form(question(**changes)) == one_form_of_checker(question(**changes))


@pytest.mark.parametrize("name", ["entries:", "hybrid:", "iid:", "low-rank-qk:", "cubic:exact", ""])
def test_a_strategy_has_no_other_names(name):
    made = ask("entries", {})
    assert made is not None
    stored = made.to_json() | {"strategy": name, "chosen": name}
    stored["seed"] = derived_seed(stored)
    (reason,) = judge(resealed(stored), weights_of(MODEL)).refused
    assert reason == f"there is no strategy {name!r}"


def test_operations_are_one_number_as_integer_and_as_float():
    whole, real = (
        one_form_of_checker(question(strategy=AUTO, budget_flops=flops)) for flops in (10**9, 1e9)
    )
    assert canonical(whole) == canonical(real)


@pytest.mark.parametrize("strategy", ["iid", "hybrid", "entries", "brute-force"])
def test_only_a_cascade_is_interrupted(strategy):
    with pytest.raises(UserError, match="cannot be interrupted; a cascade can"):
        probbound.certify(MODEL, probbound.task_for(MODEL), strategy=strategy, stopped_at=3)
