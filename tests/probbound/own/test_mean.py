"""`bound_mean` and `bound_difference`: exact sums, orders of draws, exact coverage, refusals."""

import base64
import hashlib
import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

import probbound as pb
from estimators.mean import betting
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.own.means import exact_sum, mean_part
from probbound.own.parts import Task
from probbound.own.question import Subject
from probbound.own.sample import Sample
from probbound.populations.contract import Population
from tests.probbound.own.claims import function

NOISE = np.random.default_rng(2).random(400)
LIST = pb.Listed(range(400))


def ask(population: Population = LIST, measure=None, **settings):
    asked = {"name": "mean", "low": 0, "high": 1, "delta": 0.05, "version": "1"} | settings
    return pb.bound_mean(population, measure or (lambda items: NOISE[np.asarray(items)]), **asked)


def test_sums_are_exact():
    values = np.array([1e300, -1e300, 5e-324, 0.1, -3.5, 0.0, 2.0**-1040])
    counts = np.array([1, 1, 7, 2**52, 3, 1, 9])
    assert exact_sum(values) == sum(map(Fraction, values.tolist()))
    weighted = zip(counts.tolist(), values.tolist(), strict=True)
    assert exact_sum(values, counts) == sum(w * Fraction(v) for w, v in weighted)
    assert exact_sum(np.empty(0)) == 0


def test_a_list_that_was_looked_at_as_a_whole_has_its_own_mean():
    weights = np.arange(1, 401)
    found = ask(pb.Listed(range(400), weights), side="two")
    truth = sum(w * Fraction(v) for w, v in zip(weights.tolist(), NOISE.tolist(), strict=True))
    truth /= int(weights.sum())
    assert found.guarantee == "deterministic"
    assert Fraction(found.results[0].lower) <= truth <= Fraction(found.results[0].upper)
    assert found.results[0].upper - found.results[0].lower <= 2 * math.ulp(0.6)
    assert found.to_json()["mean_upper"] == found.bound


def test_draws_are_bounded_by_betting_in_their_order():
    found = ask(budget=100, side="two")
    written = found.to_json()["parts"][0]["values"]
    content = base64.b64decode(written["base64"])
    assert hashlib.sha256(content).hexdigest() == written["sha256"]
    values = np.frombuffer(content, "<f8")
    tickets = found.parts[0].task.sample.tickets(found.parts[0].task.draws_stream)
    assert (values == NOISE[tickets]).all()
    expected = betting(values, delta=0.05, population=400)
    assert math.isclose(found.results[0].lower, expected.lower, rel_tol=1e-15)
    assert math.isclose(found.results[0].upper, expected.upper, rel_tol=1e-15)


def test_repeated_members_are_looked_at_once_and_count_as_often_as_they_were_drawn():
    weights = np.r_[10**7, np.random.default_rng(0).integers(1, 2000, 399)]
    looked = []

    def measure(items):
        looked.extend(items)
        return NOISE[np.asarray(items)]

    found = ask(pb.Listed(range(400), weights), measure, budget=100, side="two", batch=7)
    part = found.to_json()["parts"][0]
    assert len(looked) == len(set(looked)) == part["looks"]
    assert part["take_all"]["members"] == 1
    assert looked[0] == 0
    assert part["values"]["number"] == part["draws"] == 99 > part["distinct"] == part["looks"] - 1
    truth = (weights * NOISE).sum() / weights.sum()
    assert found.results[0].lower < truth < found.results[0].upper
    certain = part["values"]
    share = NOISE[0] * 10**7 / weights.sum()
    assert certain["certain_lower"] <= share <= certain["certain_upper"]


@pytest.mark.parametrize("values", [(0.0, 0.0, 1.0), (0.5, 0.25, 1.0), (1.0, 1.0, 1.0)])
@pytest.mark.parametrize("weights", [(1, 1, 1), (1, 2, 2)])
def test_bounds_fail_for_at_most_delta_of_all_orders(values, weights, monkeypatch):
    """Every order of two tickets of three and of five."""
    population, table = pb.Listed(range(3), list(weights)), np.array(values)
    measure = function(lambda items: table[np.asarray(items)])
    subject = Subject("mean", population, (measure,), low=0.0, high=1.0)
    sample = Sample.planned(population, 2)
    truth = exact_sum(table, np.array(weights)) / sum(weights)
    orders = list(itertools.permutations(range(sample.rest.tickets or 0), sample.draws))
    wrong = 0
    for order in orders:
        monkeypatch.setattr(Sample, "tickets", lambda self, stream, o=order: np.array(o))
        task = Task(Fraction(1), sample, 2, 0.3, "two", Stream.from_seed(0), 5)
        (ends,) = mean_part(subject, task).ends
        wrong += not ends.lower <= truth <= ends.upper
        assert ends.certain_lower <= truth <= ends.certain_upper
    assert wrong <= 0.3 * len(orders)


def test_a_measure_outside_its_range_is_refused_with_the_member():
    with pytest.raises(UserError, match=r"said to lie in \[0, 1\], and is 7 for 7"):
        ask(pb.Listed([7]), lambda items: np.array(items))
    with pytest.raises(UserError, match="and is nan"):
        ask(pb.Listed([7]), lambda items: np.array([math.nan]))
    with pytest.raises(UserError, match="as many numbers"):
        ask(measure=lambda items: np.ones(3))
    with pytest.raises(UserError, match="low must be below high"):
        ask(low=1, high=1)
    with pytest.raises(UserError, match="finite"):
        ask(high=math.inf)


def test_an_interrupted_mean_has_no_certificate():
    def measure(items):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask(measure=measure)


def test_without_looks_the_range_is_all_that_is_known():
    found = ask(budget=0, side="two", low=-2, high=3)
    assert (found.results[0].lower, found.results[0].upper) == (-2, 3)
    assert found.guarantee == "deterministic"


def test_a_difference_is_that_of_the_shares_that_pass():
    pairs = pb.Product(100, 100)
    asked = {"name": "a against b", "version": "1", "delta": 0.01}
    checks = (lambda ij: ij[:, 0] < 90, lambda ij: ij[:, 0] < 80)
    certain = pb.bound_difference(pairs, *checks, budget=10**4, **asked)
    assert certain.guarantee == "deterministic"
    assert abs(certain.bound - 0.1) < 1e-15
    found = pb.bound_difference(pairs, *checks, budget=2000, **asked)
    assert 0.07 < found.results[0].lower < 0.1 < found.results[0].upper < 0.13
    assert found.bound == found.to_json()["mean_lower"] == found.results[0].lower
    reverse = pb.bound_difference(pairs, *checks[::-1], budget=2000, seed=found.seed.value, **asked)
    assert math.isclose(reverse.results[0].upper, -found.results[0].lower, rel_tol=1e-12)
    agreed = pb.bound_difference(pairs, checks[0], checks[0], budget=2000, **asked)
    assert agreed.results[0].upper < 0.01
