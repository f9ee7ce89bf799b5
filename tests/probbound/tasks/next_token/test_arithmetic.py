"""Which answers hold by 9.3 and 9.4, and which arithmetic is taken (9.7)."""

import numpy as np
import pytest

from probbound.machine.errors import UserError
from probbound.models.transformer.answering import (
    AGREEMENT,
    FLOAT64,
    REAL,
    Spread,
    arithmetic_named,
    strongest,
)
from tests.probbound.tasks.next_token import rows

VALUES = np.array([[3.0, 1.0, 2.0]])


def spread(values, radii: np.ndarray | float = 0.0, allowance=0.0):
    values = np.array([values], dtype=float)
    return Spread(values, radii, np.full(1, allowance))


def leads(found, target=0, margin=0.0):
    return bool(found.leads(np.array([target]), margin)[0])


def test_a_lead_is_more_than_margin_and_radii():
    assert leads(spread([3, 1, 2]))
    assert not leads(spread([3, 1, 2]), target=2)
    assert leads(spread([3, 1, 2]), margin=0.9)
    assert not leads(spread([3, 1, 2]), margin=1.0)
    assert leads(spread([3, 1, 2]), target=2, margin=-1.5)
    assert leads(spread([3, 1, 2], radii=np.array([[0.4, 9.0, 0.4]])), target=0) is False
    assert leads(spread([3, 1, 2], radii=np.array([[0.4, 0.1, 0.4]])))
    assert not leads(spread([3, 1, 2], radii=np.array([[0.5, 0.1, 0.5]])))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1])
def test_ties_and_what_is_no_number_count_against_the_claim(value, place):
    assert not leads(spread([2, 2, 1]))
    values = [3.0, 1.0, 2.0]
    values[place] = value
    with np.errstate(all="ignore"):
        allowed = AGREEMENT * np.abs(values).max()
    assert not leads(spread(values, allowance=allowed))
    assert not leads(spread([3, 1, 2], radii=np.array([[abs(value)] * 3])))


def test_a_lead_within_the_agreement_is_none():
    edge = 4.0 * AGREEMENT
    for lead, holds in ((edge, False), (edge * 1.001, True)):
        found = spread([4.0, 4.0 - lead, 0.0], allowance=AGREEMENT * 4.0)
        assert leads(found) is holds


def test_outcomes_are_those_of_the_definition_and_within_their_radii():
    model, tokens = rows.model(), rows.tokens()[:8]
    real, computed = (each.answering(model)(tokens[:, :-1], 0.0) for each in (REAL, FLOAT64))
    for row, values, radii in zip(tokens, real.values, np.asarray(real.radii), strict=True):
        assert (np.abs(rows.logits(model, row) - values) <= radii + 1e-15 * np.abs(values)).all()
    np.testing.assert_allclose(computed.values, real.values, rtol=1e-12)
    assert (computed.allowance == AGREEMENT * np.abs(computed.values).max(axis=1)).all()


def test_real_numbers_are_taken_where_they_decide_as_much():
    read = rows.tokens()[:, :-1]
    assert strongest([rows.model()], read) is REAL
    assert strongest([rows.uncertain()], read) is FLOAT64
    assert strongest([rows.model(), rows.uncertain()], read) is FLOAT64
    assert strongest([rows.model()], read[:1]) is REAL


def test_an_arithmetic_has_a_name():
    assert arithmetic_named("float64") is FLOAT64
    with pytest.raises(UserError, match="arithmetic must be auto or one of real, float64"):
        arithmetic_named("float32")
