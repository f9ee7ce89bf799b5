"""`bound_share`: strategies, seeds, screens, refusals, interruptions."""

import math
import subprocess
import sys
from fractions import Fraction
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import beta, hypergeom

import probbound as pb
from probbound.machine.errors import UserError
from probbound.own.pilot import DRAWS_A_LOOK
from probbound.populations.contract import Population
from tests.probbound.own.claims import outside

SMALL = pb.Listed(range(200))
HALVES = pb.Strata([(1, pb.Product(3)), (1, pb.Product(3))])
SAMPLER = pb.Drawn(np.random.Generator.random, "x", version="1")


def ask(population: Population = SMALL, check=None, **settings):
    asked = {"name": "claim", "delta": 0.05, "version": "1"} | settings
    return pb.bound_share(population, check or outside({3, 150}), **asked)


def test_a_list_that_was_looked_at_as_a_whole_is_certain():
    found = ask(side="two")
    assert found.guarantee == "deterministic"
    assert found.delta == 0
    assert found.chosen == "brute-force"
    assert found.failure_upper - found.failure_lower <= 2 * math.ulp(0.01)
    assert Fraction(found.failure_lower) <= Fraction(1, 100) <= Fraction(found.failure_upper)
    perfect = ask(check=outside(set()), side="two")
    assert (perfect.bound, perfect.failure_lower, perfect.failure_upper) == (1, 0, 0)
    hopeless = ask(check=outside(set(range(200))), side="two")
    assert (hopeless.bound, hopeless.failure_lower, hopeless.failure_upper) == (0, 1, 1)


def test_a_list_that_was_not_has_the_hypergeometric_law():
    found = ask(budget=100, check=outside(set()))
    (upper,) = (result.upper for result in found.results)
    bad = round(upper * 200)
    assert hypergeom.cdf(0, 200, bad + 1, 100) <= 0.99 * 0.05 < hypergeom.cdf(0, 200, bad, 100)
    assert [spend.theorem for spend in found.ledger.spends] == ["7.4", "7.5"]
    assert found.delta == 0.05


def test_a_sampler_has_the_binomial_law():
    normal = pb.Drawn(lambda rng, n: rng.normal(size=n), "standard normal numbers", version="1")
    found = ask(normal, lambda x: x < 1, budget=5000)
    level = found.parts[0].levels[-1]
    exact = beta.isf(0.99 * 0.05, level["failures"] + 1, 5000 - level["failures"])
    assert level["law"] == "binomial"
    assert math.isclose(found.failure_upper, exact, rel_tol=1e-9)


@pytest.mark.parametrize(
    "wrap",
    [lambda f: f, jax.jit, lambda f: lambda x: f(x).tolist(), lambda f: lambda x: jnp.array(f(x))],
)
def test_checks_may_be_of_numpy_or_jax_or_give_lists(wrap):
    pairs = pb.Product(50, 40)
    check = wrap(lambda ij: ij[:, 0] + ij[:, 1] < 80)
    found = ask(pairs, check, budget=2000)
    assert found.parts[0].levels[-1]["failures"] == sum(
        i + j >= 80 for i in range(50) for j in range(40)
    )


def test_draws_depend_on_the_question_and_on_nothing_else():
    same = ask(budget=50).to_json()
    assert ask(budget=50, batch=7).to_json()["parts"] == same["parts"]
    assert ask(budget=50, name="other").seed == ask(budget=50).seed
    assert ask(budget=50, strategy="iid").seed == ask(budget=50).seed
    different = [
        {"budget": 51},
        {"delta": 0.06},
        {"side": "two"},
        {"version": "2"},
        {"beacon": "x"},
    ]
    seeds = {ask(**({"budget": 50} | each)).seed.value for each in different}
    assert len(seeds | {same["seed"]}) == len(different) + 1
    assert ask(pb.Listed(range(201)), budget=50).seed.value != same["seed"]


def test_a_function_without_source_or_version_needs_a_seed():
    nameless = partial(outside({1}))
    with pytest.raises(UserError, match="version="):
        ask(check=nameless, version=None)
    assert ask(check=nameless, version=None, seed=4).seed.source == "chosen"
    described = pb.Drawn(np.random.Generator.random, "x")
    with pytest.raises(UserError, match="the sampler has no source"):
        ask(described, lambda x: x < 2)


def test_the_source_is_hashed_and_its_closure_said_to_be_trusted():
    found = ask(version=None).to_json()
    assert found["claim"]["checks"][0]["identity"] == "source"
    assert any("closes over" in sentence for sentence in found["trusted"])


def test_what_a_screen_left_is_drawn_from():
    square = pb.Product(1000, 1000)
    left = pb.Left("rows", pb.Listed(np.argwhere(np.ones((1, 1000)))))
    found = ask(square, lambda ij: ij[:, 1] > 9, screens=[left], budget=100, side="two")
    part = found.parts[0]
    assert part.task.share == Fraction(1, 1000)
    assert found.failure_lower <= 1e-5 <= found.failure_upper <= 1e-3
    assert found.to_json()["parts"][0]["levels"][0]["failures"] == 1000
    certain = ask(square, lambda ij: ij[:, 1] > 9, screens=[left], budget=1000)
    assert certain.guarantee == "deterministic"
    assert certain.failure_upper == 1e-5
    nothing = ask(square, lambda ij: ij[:, 1] > 9, screens=[pb.Left("all", pb.Listed([]))])
    assert (nothing.bound, nothing.guarantee) == (1, "deterministic")


def test_cheap_checks_let_few_looks_follow_up_many_draws():
    square, cheap = pb.Product(10**6, 10**6), pb.Cheap("cheap", lambda ij: ij[:, 0] % 50 > 0)
    asked = {"budget": 2000, "screens": [cheap]}
    found = ask(square, lambda ij: ij[:, 0] % 100 > 0, **asked)
    part = found.parts[0]
    assert found.chosen == "cascade"
    assert 1500 < part.looks <= 2000 < 80_000 < part.task.sample.draws <= DRAWS_A_LOOK * 2000
    assert part.levels[-1]["conceded"] == 0
    assert 0.01 <= found.failure_upper < 0.012
    baseline = ask(square, lambda ij: ij[:, 0] % 100 > 0, strategy="iid", **asked)
    assert baseline.failure_upper > found.failure_upper
    assert not baseline.subject.cheap


def test_another_number_of_draws_has_other_draws():
    square, cheap = pb.Product(10**6, 10**6), pb.Cheap("cheap", lambda ij: ij[:, 0] % 2 > 0)
    seen = []

    def check(ij):
        seen.append(ij)
        return np.ones(len(ij), dtype=bool)

    for draws in (1000, 1001):
        ask(square, check, screens=[cheap], budget=2000, draws=draws, seed=1)
    assert not (seen[0][:100] == seen[1][:100]).all()


def test_everything_goes_through_the_checks_where_that_takes_no_more_draws():
    cheap = pb.Cheap("cheap", outside(set(range(0, 200, 2))))
    asked = {"screens": [cheap], "strategy": "cascade", "draws": 200, "side": "two"}
    found = ask(check=outside({2, 4}), budget=150, **asked)
    assert found.guarantee == "deterministic"
    assert found.failure_upper == 0.01
    conceded = ask(check=outside({2, 4}), budget=40, **asked)
    assert conceded.guarantee == "deterministic"
    assert Fraction(conceded.failure_upper).limit_denominator(200) == Fraction(2 + 60, 200)


@pytest.mark.parametrize("budget", [150, 200])
def test_ctrl_c_keeps_what_was_looked_at(budget):
    calls = []

    def check(items):
        calls.append(items)
        if len(calls) == 9:
            raise KeyboardInterrupt
        return outside({3, 150})(items)

    found = ask(check=check, budget=budget, batch=10, seed=5)
    part = found.parts[0]
    assert part.stopped_at == 80
    assert part.looks == 80
    assert 0.01 <= found.failure_upper < 1
    again = ask(budget=budget, batch=33, seed=5, stopped_at=80)
    assert (
        again.results == ask(check=outside({3, 150}), budget=budget, seed=5, stopped_at=80).results
    )
    assert [r.upper for r in again.results] == [r.upper for r in found.results]
    if budget == 150:
        assert part.levels[-1]["law"] == "hypergeometric, anytime"
        assert found.guarantee == "high-probability"
    else:
        assert found.guarantee == "deterministic"


def test_ctrl_c_among_draws_by_rising_ticket_concedes_the_others():
    calls = []

    def check(items):
        calls.append(items)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return outside({5, 150})(items)

    steep = pb.Listed(range(300), [10**7] * 20 + [5] * 280)
    screens = [pb.Cheap("cheap", outside(set(range(0, 300, 5))))]
    asked = {"screens": screens, "budget": 40, "draws": 150, "batch": 10}
    found = ask(steep, check, **asked)
    cheap, exact = found.parts[0].levels
    draws = found.parts[0].task.sample.draws
    assert found.parts[0].stopped_at is None
    assert cheap["samples"] == draws
    assert cheap["failures"] == exact["samples"] >= exact["conceded"] > 0
    assert found.failure_upper >= (10**7 * 1 + 5) / (20 * 10**7 + 5 * 280)


def test_what_a_check_raises_comes_through():
    def check(items):
        raise KeyError("of the user's own")

    with pytest.raises(KeyError, match="own") as raised:
        ask(check=check, budget=9)
    assert "was asked of 9 members, the first" in raised.value.__notes__[0]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"check": lambda items: np.ones(3)}, "as many booleans"),
        ({"check": lambda items: np.ones(len(items))}, "type float64"),
        ({"check": lambda items: True}, "shape ()"),
        ({"population": pb.Listed([])}, "no members"),
        ({"budget": -1}, "from 0 to 2^36"),
        ({"batch": 0}, "from 1 to"),
        ({"delta": 0.0}, "strictly between"),
        ({"draws": 5}, "Cheap screen"),
        ({"strategy": "cascade"}, "needs a Cheap screen"),
        ({"strategy": "brute-force", "population": pb.Product(2**37)}, "at most 2^36"),
        ({"population": HALVES, "screens": [pb.Cheap("c", outside({1}))]}, "Strata take no Cheap"),
        ({"strategy": "iid", "draws": 5}, "a cascade has"),
        ({"seed": 1, "beacon": "x"}, "not both"),
        ({"name": ""}, "what the claim is called"),
        ({"screens": [pb.Left("l", pb.Product(201))]}, "same units"),
        ({"screens": [pb.Left("l", pb.Product(2)), pb.Left("m", pb.Product(2))]}, "at most one"),
        ({"screens": [pb.Cheap("c", outside({1})), pb.Left("m", pb.Product(2))]}, "the first"),
        (
            {
                "strategy": "brute-force",
                "population": pb.Drawn(np.random.Generator.random, "x", version="1"),
            },
            "only be drawn",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_remedy(settings, says):
    with pytest.raises(UserError) as raised:
        ask(**settings)
    assert says in str(raised.value)


OUTSIDE_THE_HOOK = """
import probbound as pb
def tell(call):
    try: print(call())
    except pb.UserError as error: print(error)
tell(lambda: pb.bound_share([1, 2], len, name="x"))
tell(lambda: pb.bound_share(pb.Product(2), 3, name="x"))
tell(lambda: pb.bound_share(pb.Product(2), len, name="x", side="both"))
tell(lambda: pb.bound_share(pb.Product(2), len, name="x", strategy="best"))
tell(lambda: pb.bound_share(pb.Product(2), len, name="x", budget=1.5))
tell(lambda: pb.bound_share(pb.Product(2), len, name="x", screens=[len]))
tell(lambda: pb.Product(2.5))
tell(lambda: pb.Listed(["a"], [0.5]))
tell(lambda: pb.Sequences([(0.5, 0.5)]))
tell(lambda: pb.Drawn(3, "x"))
tell(lambda: pb.Strata([(0.1, pb.Product(2))]))
"""


def test_what_has_the_wrong_type_is_refused_in_one_sentence_too():
    ran = subprocess.run(
        [sys.executable, "-c", OUTSIDE_THE_HOOK],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    said = ran.stdout.splitlines()
    wanted = (
        *("give Listed(items)", "a function of a batch", "side must be one of lower, upper, two"),
        *("auto, brute-force, iid, cascade", "must be an integer", "probbound.Cheap"),
        *("must be an integer", "Listed.of_shares", "must be an integer", "sample(rng, n)"),
        "Fraction('0.1')",
    )
    assert len(said) == len(wanted)
    for sentence, part in zip(said, wanted, strict=True):
        assert part in sentence


def test_a_check_that_writes_on_its_batch_changes_no_member():
    def cheap(ij):
        ij[:] = 0
        return np.zeros(len(ij), dtype=bool)

    screens = [pb.Cheap("writes", cheap)]
    found = ask(pb.Product(20, 20), lambda ij: ij[:, 0] > 4, screens=screens, side="two")
    assert found.failure_lower <= 0.25 <= found.failure_upper < 0.26


def test_a_pilot_is_paid_for_and_said():
    cheap = pb.Cheap("cheap", lambda ij: ij[:, 0] % 2 > 0)
    asked = {"screens": [cheap], "budget": 100}
    found = ask(pb.Product(10**6), lambda ij: ij[:, 0] > 4, **asked).to_json()
    assert found["cost"]["pilot_looks"] == 4096
    assert any("maker's pilot" in sentence for sentence in found["trusted"])
    fixed = ask(pb.Product(10**6), lambda ij: ij[:, 0] > 4, draws=500, **asked).to_json()
    assert fixed["cost"]["pilot_looks"] == 0
    assert not any("maker's pilot" in sentence for sentence in fixed["trusted"])
