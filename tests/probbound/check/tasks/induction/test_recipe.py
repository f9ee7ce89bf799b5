"""By which recipes sequences of induction may have been looked at."""

import json

import pytest

from probbound.check.report import Refused
from probbound.check.tasks.induction.recipe import recipe_of
from probbound.tasks.induction.grammar import strategy_names
from probbound.tasks.induction.recipes import recipe_of as made_of

OF_ALL = {"kind": "accuracy"}


@pytest.mark.parametrize("strategy", [*strategy_names(), "tree:7", "hybrid:tree:9"])
@pytest.mark.parametrize("given", [{}, {"target": 0.25}, {"draws": 60}])
def test_recipes_of_the_maker_are_read(strategy, given):
    if given and not strategy.startswith("cascade"):
        return
    recipe = recipe_of(json.loads(json.dumps(made_of(strategy, 1, given).to_json())), OF_ALL)
    assert recipe.budgeted == (strategy.partition(":")[0] in ("iid", "hybrid", "cascade"))
    assert recipe.may_stop == recipe.cascade == strategy.startswith("cascade")


RUN = {"level": "forward pass", "mode": "sampled"}


@pytest.mark.parametrize(
    ("levels", "law"),
    [
        ([RUN], None),
        ([RUN], {"law": "fixed or interrupted"}),
        ([RUN], {"law": "fixed", "draws": None}),
        ([{"level": "pairs", "mode": "enumerated", "nodes": 1}], None),
        ([{"level": "pairs", "mode": "sampled"}], None),
        ([{"level": "pairs", "mode": "passed through"}, RUN], {"law": "fixed"}),
        ([{"level": "pairs", "mode": "enumerated"}], {"law": "fixed"}),
        ([{"level": "tree", "mode": "enumerated"}], None),
        ([{"level": "tree", "mode": "enumerated", "nodes": 0}], None),
        ([{"level": "tree", "mode": "enumerated", "nodes": 2.0}], None),
        ([{"level": "tree", "mode": "enumerated", "nodes": True}], None),
        ([{"level": "factored", "mode": "enumerated"}], None),
        ([{"level": "factored", "mode": "passed through"}, RUN], {"law": "fixed"}),
        ([{"level": "soft", "mode": "enumerated"}], None),
        ([{"level": "soft", "mode": "passed through"}, RUN], {"law": "fixed"}),
        ([{"level": "factored", "mode": "passed through"}, RUN], {"law": "anytime"}),
        (
            [{"level": "factored", "mode": "passed through"}, RUN],
            {"law": "anytime", "target": 0.5, "draws": 3},
        ),
        (
            [{"level": "pairs", "mode": "enumerated"}, RUN],
            {"law": "fixed or interrupted", "draws": None},
        ),
        ([{"level": "copying", "mode": "passed through"}, RUN], {"law": "fixed"}),
    ],
)
def test_what_no_strategy_runs_is_refused(levels, law):
    with pytest.raises(Refused):
        recipe_of({"levels": levels, "law": law}, OF_ALL)
