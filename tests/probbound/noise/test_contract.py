import math

import pytest

from probbound import UserError
from probbound.draws.random_streams import Stream
from probbound.noise.contract import MAXIMA, QUANTITIES, Method, Quantity, Settings
from probbound.noise.planted import planted
from probbound.noise.registry import METHODS, method_named, noise_table

SETTINGS = Settings(Stream.from_seed(0))
TERM = planted("gaussian", 20, 20, 3)


def nothing(term, quantities, settings):
    return []


@pytest.mark.parametrize("name", sorted(MAXIMA))
def test_samples_cannot_be_offered_for_a_maximum(name):
    with pytest.raises(ValueError, match="bound no maximum"):
        Method("wishful", "samples", frozenset([name]), nothing)
    Method("fine", "sketch", frozenset([name]), nothing)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "share-above"}, "needs a threshold"),
        ({"name": "rms", "threshold": 1.0}, "rms takes no threshold"),
        ({"name": "share-above", "threshold": -1.0}, "at least 0, got -1"),
        ({"name": "share-above", "threshold": math.nan}, "at least 0, got nan"),
        ({"name": "quantile", "level": 0.0}, r"level must lie in \(0, 1\], got 0"),
        ({"name": "input-share", "threshold": 1.0}, "needs a n_ctx"),
        ({"name": "input-share", "threshold": 1.0, "n_ctx": 0}, "at least 1, got 0"),
    ],
)
def test_ill_posed_quantities_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        Quantity(**arguments)


def test_a_method_refuses_what_it_cannot_bound():
    with pytest.raises(UserError, match="max-diff cannot bound rms; it bounds row-spread-share"):
        METHODS["max-diff"].bounds(TERM, [Quantity("rms")], SETTINGS)
    with pytest.raises(UserError, match="there is no method 'magic'; choose from exact"):
        method_named("magic")


def test_the_table_has_every_quantity_by_every_method_that_bounds_it():
    quantities = [Quantity("rms"), Quantity("largest-row-spread")]
    rows = noise_table(TERM, quantities, SETTINGS, methods=["svd", "max-diff"], exact=True)
    assert [(row.quantity.name, row.method) for row in rows] == [
        ("rms", "svd"),
        ("largest-row-spread", "svd"),
        ("largest-row-spread", "max-diff"),
    ]
    exact = {row.quantity: row.bound for row in noise_table(TERM, quantities, SETTINGS, ["exact"])}
    for row in rows:
        assert row.truth is not None
        assert row.truth <= exact[row.quantity] <= row.bound
        assert row.truth == pytest.approx(exact[row.quantity], rel=1e-7)


def test_by_default_no_method_evaluates_every_entry():
    methods = {row.method for row in noise_table(TERM, [Quantity("largest-row-spread")], SETTINGS)}
    assert methods.isdisjoint({"exact", "max-diff"})
    assert {"second-moments", "svd", "subproduct", "recursive", "frobenius"} <= methods


def test_exact_bounds_everything():
    assert METHODS["exact"].quantities == frozenset(QUANTITIES)
    assert (
        str(Quantity("input-share", threshold=0.5, n_ctx=4)) == "input-share threshold=0.5 n_ctx=4"
    )
