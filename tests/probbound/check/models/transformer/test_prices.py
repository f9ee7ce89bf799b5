"""Prices that plans go by: of maker and checker alike, and near what is counted (10.14)."""

import pytest

from probbound.check.models.transformer.prices import radii_price, row_price, sizes_price
from probbound.models.transformer.flops import radii_flops
from probbound.models.transformer.planned import planned_radii, planned_row
from probbound.models.transformer.sizing import sizes_flops
from tests.probbound.check.tasks.induction.networks import weights_read
from tests.probbound.models.transformer.attention_alone.networks import (
    inducing_network,
    random_network,
)
from tests.probbound.models.transformer.networks import network

MODELS = [inducing_network(), inducing_network(heads=2), random_network(1, layers=3), network(3, 1)]


@pytest.mark.parametrize("model", MODELS)
def test_maker_and_checker_have_one_price(model):
    weights = weights_read(model)
    for length in (2, 4):
        assert row_price(weights, length) == planned_row(model, length)
        assert radii_price(weights, length) == planned_radii(model, length)
    assert sizes_price(weights) == sizes_flops(model)


@pytest.mark.parametrize("model", MODELS[:3])
def test_the_price_of_a_pass_is_near_what_is_counted(model):
    price, counted = planned_radii(model, model.n_ctx), radii_flops(model, model.n_ctx)
    assert counted / 1.1 < price < 1.25 * counted
