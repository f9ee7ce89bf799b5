"""What can be asked of induction, and the one sentence of what cannot."""

from dataclasses import replace

import pytest

from probbound import MaxOfK, UserError
from probbound.contract.claims import Claim
from probbound.draws.priors import Prior
from probbound.models.transformer.network import GeneralTransformer
from probbound.tasks.given import Given
from probbound.tasks.induction.asking import beyond, require_way_to, task_for, uses
from probbound.tasks.induction.room import TASK
from probbound.tasks.induction.task import Induction
from tests.factories import random_model
from tests.probbound.models.transformer.attention_alone.networks import random_network
from tests.probbound.tasks.induction.asked import RIGHT, question

TASKS = Induction(4, 5)


def ask(model=RIGHT, task=TASKS, claim=None, strategy="iid", **given):
    asked = {"budget": 10, "delta": 1e-3, "seed": 0, "stopped_at": None, "settings": {}, **given}
    return TASK.asked(model, task, claim or Claim(), strategy, Given(**asked))


def fewer_answers():
    model = random_network(0)
    arrays = dict(model.arrays)
    arrays["unembed.W_U"] = arrays["unembed.W_U"][:, :3]
    arrays["unembed.b_U"] = arrays["unembed.b_U"][:3]
    return GeneralTransformer(arrays, replace(model.architecture, d_out=3), "short")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": random_model(0, d_vocab=4, n_ctx=5)}, "of kind transformer"),
        ({"model": fewer_answers()}, "short has 3 answers for 4 tokens"),
        ({"task": MaxOfK(4, 5)}, "proved for Induction itself"),
        ({"task": Induction(4, 4)}, "5 positions of 4 tokens, got 4 of 4"),
        ({"task": Induction(3, 5)}, "5 positions of 4 tokens, got 5 of 3"),
        ({"task": Induction(4, 6)}, "5 positions of 4 tokens, got 6 of 4"),
        ({"claim": Claim("loss", None)}, "margins and universal claims are bounded, not a loss"),
        ({"strategy": "hybrid:factored"}, "there is no strategy"),
        ({"budget": -1}, "budget must be at least 0"),
        ({"budget": 2**36 + 1}, "at most 68,719,476,736"),
        ({"delta": 0.0}, "delta"),
        ({"delta": 1.5}, "delta"),
        ({"stopped_at": 5}, "iid cannot be interrupted; a cascade can"),
        ({"strategy": "iid", "settings": {"target": 0.1}}, "target"),
        ({"strategy": "hybrid", "settings": {"draws": 10}}, "draws"),
        ({"strategy": "cascade", "settings": {"draws": -3}}, "draws"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(given, said):
    with pytest.raises(UserError, match=said) as told:
        ask(**given)
    assert "\n" not in str(told.value)


def test_brute_force_of_too_many_is_refused(monkeypatch):
    monkeypatch.setattr("probbound.tasks.induction.asking.MOST_RUN", TASKS.size - 1)
    with pytest.raises(UserError, match="at most 323 are run; hybrid:pairs proves most of them"):
        ask(strategy="brute-force")


def test_priors_are_refused():
    prior = Prior((1, 1, 2, 3))
    with pytest.raises(UserError, match="leave the prior out"):
        task_for(RIGHT, prior)
    with pytest.raises(UserError, match="leave the prior out"):
        require_way_to("iid", Claim(), weighted=True)


def test_the_task_is_that_of_the_network():
    assert task_for(RIGHT, None) == Induction(4, 5, "once")
    assert task_for(RIGHT, None, "any") == Induction(4, 5, "any")


def test_more_draws_than_sequences_are_remarked():
    assert not list(beyond(TASKS, 324, "iid"))
    for strategy in ("iid", "cascade"):
        (said,) = beyond(TASKS, 325, strategy)
        assert "more than the 324 sequences that there are; brute-force" in said
    assert not list(beyond(TASKS, 325, "hybrid"))


def test_what_strategies_use():
    assert uses("cascade").settings == {"target", "draws"}
    assert uses("auto").settings == {"budget_flops"}
    for name in ("pairs", "tree:3", "brute-force"):
        assert uses(name).settings == frozenset()


def test_a_margin_above_nothing_is_a_right_answer():
    assert TASK.one_claim({"kind": "margin", "at": 0.0}) == {"kind": "accuracy", "at": None}
    assert TASK.one_claim({"kind": "margin", "at": 0.5}) == {"kind": "margin", "at": 0.5}


def test_the_operations_of_a_plan_are_those_of_the_budget():
    asked = question(RIGHT, "auto", budget=70)
    assert asked.budget_flops == 70 * asked.price
    assert question(RIGHT, "auto", budget_flops=1e6).budget_flops == 1e6


def test_a_subclass_or_changed_task_is_refused():
    class Mine(Induction):
        pass

    with pytest.raises(UserError, match="proved for Induction itself"):
        ask(task=Mine(4, 5))
    changed = Induction(4, 5)
    object.__setattr__(changed, "n_ctx", 6)
    with pytest.raises(UserError):
        ask(task=changed)
