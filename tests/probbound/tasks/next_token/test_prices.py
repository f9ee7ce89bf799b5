"""No row costs more than it is planned to, and the checker plans by the same prices (9.7)."""

import json

import numpy as np
import pytest

from probbound.check.models.transformer.configuration import configuration
from probbound.check.tasks.next_token import prices as checked
from probbound.models.transformer.answering import ARITHMETICS
from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.arrays import shapes
from probbound.models.transformer.network import GeneralTransformer
from tests.probbound.check.models.transformer.networks import CASES, PLAIN, ROTARY, stated

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
        assert of.flops(made, length) <= price
        read, real = configuration(json.dumps(said)), name == "real"
        assert checked.price(read, length, real=real) == price
        assert checked.price_once(read, real=real) == of.once_flops(made)


@pytest.mark.parametrize("name", ARITHMETICS)
def test_a_price_is_not_far_above_what_is_booked(name):
    of, made = ARITHMETICS[name], model({**PLAIN, **WAYS["wide"]})
    assert of.price(made.architecture, 5) < 1.1 * of.flops(made, 5)


def test_a_budget_looks_at_the_rows_that_it_pays_for():
    said = configuration(json.dumps(PLAIN))
    each, once = checked.price(said, 4, real=True), checked.price_once(said, real=True)
    for operations, rows in ((once - 1, 0), (once + each, 1), (once + 2 * each - 1, 1), (1e30, 9)):
        assert checked.looks(float(operations), [said], 4, 9, real=True) == rows
