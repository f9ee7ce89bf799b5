"""Which rows the checker counts, and by which recipes they may have been looked at."""

import json

import numpy as np
import pytest

import probbound
from probbound.check.models.transformer.network import Network
from probbound.check.report import Refused
from probbound.check.tasks.next_token.answers import answered
from probbound.check.tasks.next_token.recipe import recipe_of
from probbound.check.tasks.next_token.rows import Rows
from probbound.tasks.next_token.recipes import recipe_of as made_of
from tests.probbound.tasks.next_token import rows

ALL = np.arange(rows.NUMBER)


def counted(networks, tokens, arithmetic="real", at=None):
    kind = "accuracy" if at is None else "margin"
    claim = {"kind": kind, "at": at, "population": {"arithmetic": arithmetic}}
    found = tuple(Network(rows.weights(each)) for each in networks)
    return answered(claim, found, Rows(tokens)).wrong(ALL)


@pytest.mark.parametrize("arithmetic", ["real", "float64"])
def test_maker_and_checker_count_the_same(arithmetic):
    tokens, other = rows.tokens(), rows.model("other", 0.05)
    for model, at in ((rows.model(), None), (rows.model(), 0.3), (rows.uncertain(), None)):
        claim = probbound.Claim() if at is None else probbound.Claim("margin", at)
        made = probbound.certify(
            model, rows.task(arithmetic=arithmetic), strategy="brute-force", claim=claim
        )
        assert counted([model], tokens, arithmetic, at) == round(48 * made.failure_upper)
    made = probbound.certify(
        rows.model(), rows.task(arithmetic=arithmetic, against=other), strategy="brute-force"
    )
    assert counted([rows.model(), other], tokens, arithmetic) == round(48 * made.failure_upper)


def test_equal_outcomes_are_no_answer():
    alike = rows.model(scales={"unembed.W_U": 0.0, "unembed.b_U": 0.0})
    for arithmetic in ("real", "float64"):
        assert counted([alike], rows.tokens(), arithmetic) == rows.NUMBER
        assert counted([alike, alike], rows.tokens(), arithmetic) == rows.NUMBER


@pytest.mark.parametrize("given", [{}, {"target": 0.25}])
@pytest.mark.parametrize("strategy", ["brute-force", "iid"])
def test_recipes_of_the_maker_are_read(strategy, given):
    found = json.loads(json.dumps(made_of(strategy, 48, given).to_json()))
    recipe = recipe_of(found, {"kind": "accuracy"})
    assert recipe.budgeted == (strategy == "iid")
    assert recipe.may_stop == (strategy == "iid")


@pytest.mark.parametrize(
    ("levels", "law"),
    [
        ([("forward pass", "enumerated")], {"law": "without replacement"}),
        ([("forward pass", "sampled")], None),
        ([("forward pass", "sampled")] * 2, {"law": "without replacement"}),
        ([("tables", "sampled")], {"law": "without replacement"}),
        ([("forward pass", "sampled")], {"law": "fixed"}),
        ([("forward pass", "sampled")], {"law": "without replacement", "target": 0.5}),
        ([("forward pass", "sampled")], {"law": "without replacement, anytime"}),
        ([("forward pass", "sampled")], {"law": "without replacement, anytime", "target": 1.5}),
        ([], {"law": "without replacement"}),
    ],
)
def test_what_no_strategy_runs_is_refused(levels, law):
    found = {"levels": [{"level": level, "mode": mode} for level, mode in levels], "law": law}
    with pytest.raises(Refused):
        recipe_of(found, {"kind": "accuracy"})
