"""No row costs more than it is planned to, and the checker plans by the same prices (9.7)."""

import json

import numpy as np
import pytest

from probbound.check.models.transformer.configuration import configuration
from probbound.check.tasks.next_token import prices as checked
from probbound.contract.claims import Claim
from probbound.models.transformer.answering import ARITHMETICS
from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.arrays import shapes
from probbound.models.transformer.largest_loss import largest_loss_flops
from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.sharing import Shared
from probbound.tasks.next_token.planning import once_price, row_price
from probbound.tasks.next_token.question import RowQuestion
from probbound.tasks.next_token.task import NextToken
from tests.probbound.check.models.transformer.networks import CASES, PLAIN, ROTARY, stated

ALONE = Shared(0, 0)
DEAREST = {
    "norm_place": "both",
    "embedding_norm": True,
    "gated": True,
    "activation": "gelu_tanh",
    "head": "masked",
    "score_cap": 1.0,
    "logit_cap": 2.0,
}
WAYS = {
    **CASES,
    "dearest": DEAREST,
    "dearest, shortformer": {**DEAREST, "positions": "shortformer"},
    "dearest, alibi": {**DEAREST, "positions": "alibi"},
    "dearest, rotary": {**DEAREST, **ROTARY},
    "wide": {**DEAREST, "d_model": 48, "d_head": 12, "n_heads": 4, "d_mlp": 96, "d_out": 50},
    "one of each": {
        **dict.fromkeys(("n_heads", "n_key_value_heads", "d_model", "d_head", "d_mlp"), 1),
        "d_out": 1,
    },
}


def model(said):
    """With every array that it may have."""
    made = Architecture.from_json(said)
    arrays = {name: np.full(shape.axes, 0.5) for name, shape in shapes(made).items()}
    return GeneralTransformer(arrays, made)


@pytest.mark.parametrize("name", ARITHMETICS)
@pytest.mark.parametrize("case", WAYS)
def test_a_row_is_booked_for_no_more_than_its_price(case, name):
    said, of = stated(**WAYS[case]), ARITHMETICS[name]
    made = model(said)
    for length in (1, 4):
        price = of.price(made.architecture, length)
        assert of.flops([made], length, ALONE).each <= price
        read, real = configuration(json.dumps(said)), name == "real"
        assert checked.price(read, length, real=real) == price
        assert checked.price_once(read, real=real) == of.once_price(made)
        assert of.once_flops([made]) <= of.once_price(made)


@pytest.mark.parametrize("name", ARITHMETICS)
def test_a_price_is_not_far_above_what_is_booked(name):
    of, made = ARITHMETICS[name], model({**PLAIN, **WAYS["wide"]})
    assert of.price(made.architecture, 5) < 1.1 * of.flops([made], 5, ALONE).each


def test_a_budget_looks_at_the_rows_that_it_pays_for():
    said = configuration(json.dumps(PLAIN))
    claim = {"kind": "accuracy", "at": None, "population": {"arithmetic": "real"}}
    once, each = checked.planned(claim, [said], 4, balls=False)
    assert (once, each) == (checked.price_once(said, real=True), checked.price(said, 4, real=True))
    for operations, rows in ((once - 1, 0), (once + each, 1), (once + 2 * each - 1, 1), (1e30, 9)):
        assert checked.looks(float(operations), once, each, 9) == rows


@pytest.mark.parametrize("name", ARITHMETICS)
@pytest.mark.parametrize("case", WAYS)
def test_what_is_made_of_outcomes_is_in_the_price(case, name):
    said, tokens = stated(**WAYS[case]), np.zeros((2, 5), dtype=int)
    made, read = model(said), configuration(json.dumps(said))
    losses = ((Claim("loss"), None), (Claim("loss", 2.0), None))
    for claim, against in (*losses, (Claim("kl", 1.0), made)):
        task = NextToken(tokens, name, against)
        asked = RowQuestion(made, task, budget=1, delta=0.1, seed=0, claim=claim)
        about = {"kind": claim.kind, "at": claim.at, "population": {"arithmetic": name}}
        planned = checked.planned(about, [read] * len(asked.models), 4, balls=False)
        assert planned == (once_price(asked), row_price(asked))
        booked = asked.losses if claim.kind == "loss" else asked.exact
        assert booked.flops <= row_price(asked)
        largest = largest_loss_flops(made) if about["kind"] == "loss" and claim.at is None else 0
        assert once_price(asked) >= largest + asked.once_flops
