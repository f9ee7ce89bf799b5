"""Cases that are right on every filling: their draws, proofs, claims and what is refused."""

from collections import Counter
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import stats

import probbound
from probbound.check.judge import judge
from probbound.contract.claims import Claim
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.transformer.attention_alone.by_letters import is_read_sharply
from probbound.models.transformer.attention_alone.filling import Fillings
from probbound.models.transformer.attention_alone.form import form_of
from probbound.populations.product_sets import all_of
from probbound.tasks.induction import planning
from probbound.tasks.induction.cases import case_around, revealed
from probbound.tasks.induction.question import Cases, EveryFilling
from probbound.tasks.induction.task import Induction, matched
from tests.factories import through_json
from tests.forgeries import altered, resealed
from tests.probbound.check.tasks.induction.networks import weights_read
from tests.probbound.models.transformer.attention_alone.networks import (
    inducing_network,
    with_a_layer_between,
)

MODEL = inducing_network(1, v=4, n=6, noise=0.1)
TASK = Induction(4, 6)
EVERY: dict[str, Any] = {"strategy": "brute-force", "budget": None, "delta": None, "seed": None}
AUTO: dict[str, Any] = {"strategy": "auto", "budget": None, "seed": None}


def universal(given, **asked: Any):
    """A certificate about the cases of the network."""
    usual = {"strategy": "iid", "budget": 40, "delta": 0.01, "seed": 3, **asked}
    options = {name: value for name, value in usual.items() if value is not None}
    return probbound.certify(MODEL, TASK, claim=Claim("universal", float(given)), **options)


def test_given_places_are_free_and_uniform():
    stream = Stream.from_seed(5)
    given = revealed(TASK, stream, 0, 6000, 2)
    tokens = TASK.sample(stream.fold_in("sequences"), 0, 6000)
    place, rows = matched(tokens), np.arange(6000)
    assert (given.sum(axis=1) == 2).all()
    assert not (given[rows, place] | given[rows, place + 1] | given[:, -1]).any()
    numbers = np.array([np.ravel_multi_index(np.nonzero(row)[0], (6, 6)) for row in given])
    for at in range(4):
        _, counts = np.unique(numbers[place == at], return_counts=True)
        assert len(counts) == 3  # pairs of three free places
        assert stats.chisquare(counts).pvalue > 1e-9
    np.testing.assert_array_equal(given[100:200], revealed(TASK, stream, 100, 200, 2))


def test_a_case_holds_the_sequences_that_agree_where_tokens_are_given():
    tokens = np.array([2, 0, 1, 3, 0, 2])
    case = case_around(TASK, tokens, np.array([False, False, True, False, False, False]))
    rows = all_of(case.allowed)
    wanted = {(2, 0, 1, a, b, 2) for a, b in product(range(4), repeat=2) if 2 not in (a, b)}
    assert {tuple(row) for row in rows.tolist()} == wanted
    assert case.label == 0


def test_a_proved_case_is_right_on_every_filling_and_some_are_proved():
    check = EveryFilling(TASK, Fillings(form_of(MODEL)), 1)
    drawn = Cases(TASK, 1).sample(Stream.from_seed(0), 0, 150)
    left = check.uncertified(drawn)
    assert 0 < left.sum() < len(left)
    for tokens, given in zip(*(part for part in np.split(drawn[~left], 2, axis=1)), strict=True):
        rows = all_of(case_around(TASK, tokens, given.astype(bool)).allowed)
        assert (MODEL(rows).argmax(axis=1) == TASK.labels(rows)).all()


@pytest.mark.parametrize("given", [0, 1, 3])
def test_the_checker_proves_the_same_cases_again(given):
    made, weights = through_json(universal(given)), weights_read(MODEL)
    assert judge(made, weights).holds
    assert made["levels"][0]["check"] == "every filling"
    assert made["ledger"][0]["theorem"] == "10.12"
    assert made["claim"]["at"] == given


def test_cases_are_numbered_each_once_and_are_those_that_are_drawn():
    for given in range(4):
        every = Cases(TASK, given)
        members = every.members(np.arange(every.number))
        found = Counter(_key(*each) for each in zip(*np.split(members, 2, axis=1), strict=True))
        assert len(found) == every.number == sum(found.values())
        drawn = every.sample(Stream.from_seed(1), 0, 400)
        assert {_key(*each) for each in zip(*np.split(drawn, 2, axis=1), strict=True)} <= set(found)


def _key(tokens, given):
    return case_around(TASK, tokens, given.astype(bool)).allowed.tobytes()


@pytest.mark.parametrize("given", [0, 1, pytest.param(3, marks=pytest.mark.slow)])
def test_all_cases_are_tried_and_tried_again(given):
    made = universal(given, **EVERY)
    every = Cases(TASK, given)
    left = EveryFilling(TASK, Fillings(form_of(MODEL)), 1).uncertified(
        every.members(np.arange(every.number))
    )
    assert 0 < left.sum() < every.number
    assert left.mean() <= made.failure_upper <= np.nextafter(left.mean(), 1)
    assert made.delta == 0
    assert judge(through_json(made), weights_read(MODEL)).holds
    drawn = universal(given, budget=400)
    assert made.failure_upper <= drawn.failure_upper


def test_fewer_cases_left_than_the_checker_leaves_are_refused():
    predicate = through_json(universal(0, **EVERY))
    share = predicate["failure_upper"] - 1 / Cases(TASK, 0).number
    predicate["levels"][0]["share_upper"] = predicate["failure_upper"] = share
    predicate["bound"] = predicate["proof"]["certified_mass"] = float(np.nextafter(1 - share, 0))
    predicate["confidence_weighted"] = predicate["bound"]
    assert "leave a share" in judge(resealed(predicate), weights_read(MODEL)).refused[0]


@pytest.mark.parametrize(
    ("given", "amount", "ran"),
    [
        (0, 1e3, "iid"),
        (0, 6e7, "iid"),
        (0, 2e8, "brute-force"),
        (2, 2e7, "iid"),
    ],
)
def test_auto_chooses_and_the_checker_chooses_again(given, amount, ran):
    made = universal(given, **AUTO, budget_flops=amount)
    assert made.chosen == ran
    assert made.cost.flops <= amount
    assert judge(through_json(made), weights_read(MODEL)).holds


def test_another_choice_than_the_checkers_is_refused(monkeypatch):
    weights = weights_read(MODEL)
    monkeypatch.setattr(planning, "MOST_RUN", 0)
    drawn = through_json(universal(0, **AUTO, budget_flops=2e8))
    assert "made again it is every filling enumerated" in judge(drawn, weights).refused[0]
    monkeypatch.undo()
    monkeypatch.setattr(planning, "MOST_DRAWS", 5)
    fewer = through_json(universal(2, **AUTO, budget_flops=2e7))
    assert "with budget 5; made again it is" in judge(fewer, weights).refused[0]


def test_auto_takes_a_budget_of_cases():
    made = universal(2, strategy="auto", budget=20)
    assert made.chosen == "iid"
    assert made.ran.budget == 20
    assert judge(through_json(made), weights_read(MODEL)).holds


def test_three_layers_are_proved_by_letters_and_the_checker_does_so_again():
    model = with_a_layer_between(inducing_network(1, v=4, n=6, noise=0.05, whole=True))
    fillings = Fillings(form_of(model))
    assert is_read_sharply(fillings.ranges, np.ones((6, 4), dtype=bool))
    asked = {"strategy": "iid", "budget": 40, "delta": 0.01, "seed": 3}
    claim = Claim("universal", 1.0)
    made = through_json(probbound.certify(model, TASK, claim=claim, **asked))
    assert made["sampling"]["failures"] < 20
    assert judge(made, weights_read(model)).holds


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("claim", "at"), 0.0),
        (("claim", "at"), 0.5),
        (("claim", "at"), 4.0),
        (("claim", "kind"), "accuracy"),
        (("sampling", "failures"), 0),
        (("levels", 0, "failures"), 0),
        (("levels", 0, "check"), "forward pass"),
        (("ran", "recipe", "levels", 0, "level"), "forward pass"),
        (("ledger", 0, "theorem"), "1.5"),
        (("bound",), 0.999),
    ],
)
def test_what_was_not_counted_is_refused(path, value):
    made, weights = through_json(universal(1)), weights_read(MODEL)
    forged = altered(made, path, lambda old: value)
    assert forged != made
    assert not judge(forged, weights).holds


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"strategy": "cascade"}, "--strategy iid"),
        ({"strategy": "pairs"}, "all tried"),
        ({"given": 4}, "at most 3 more"),
    ],
)
def test_what_no_strategy_bounds_is_refused(options, said):
    given = options.pop("given", 1)
    with pytest.raises(UserError, match=said):
        universal(given, **options)
    with pytest.raises(UserError, match="whole"):
        Claim("universal", 0.5)
    with pytest.raises(UserError, match="repeat once"):
        probbound.certify(
            MODEL, Induction(4, 6, "any"), claim=Claim("universal", 1.0), strategy="iid"
        )


def test_other_tasks_have_no_cases():
    for name in ("max-of-4", "mod-add-p59-s0"):
        model = probbound.load(name)
        with pytest.raises(UserError, match="cases"):
            probbound.certify(
                model, probbound.task_for(model), claim=Claim("universal", 1.0), strategy="iid"
            )
