"""Bounds on divergences against exact ones, wherever outcomes lie within their radii (9.11)."""

from typing import Any

import mpmath
import numpy as np
import pytest

from probbound.tasks.next_token import losses as module
from probbound.tasks.next_token.divergence import divergence_flops, divergences_upper
from tests.counting import counted, counting

RANDOM = np.random.default_rng(11)
BASE = RANDOM.normal(size=(5, 8))
PAIRS = {
    "equal": (BASE, BASE),
    "nearly equal": (BASE, BASE + 1e-9 * RANDOM.normal(size=(5, 8))),
    "shifted": (BASE, BASE + 40.0),
    "others": (BASE, RANDOM.normal(size=(5, 8))),
    "ties": (np.zeros((3, 8)), np.full((3, 8), -7.0)),
    "a spike against none": (1e3 * np.eye(8)[:5], np.zeros((5, 8))),
    "none against a spike": (np.zeros((5, 8)), 1e3 * np.eye(8)[:5]),
    "two spikes": (1e3 * np.eye(8)[:5], 1e3 * np.eye(8)[1:6]),
    "what underflows": (800 * BASE, -800 * BASE),
    "as large as floats are": tuple(RANDOM.choice([-1e300, 1e300], (2, 5, 8))),
    "one answer": (BASE[:, :1], BASE[:, 1:2]),
    "many answers": tuple(RANDOM.normal(size=(2, 1, 500))),
}
RADII = {"none": 0.0, "small": 1e-8, "large": 0.3}


def exact(reference, values) -> Any:
    """K(softmax of the reference, softmax of the values)."""
    with mpmath.workdps(700 if max(map(abs, (*reference, *values))) > 1e4 else 60):
        logs = []
        for outcomes in (reference, values):
            exacts = [mpmath.mpf(x) for x in outcomes]
            top = max(exacts)
            whole = top + mpmath.log(mpmath.fsum(mpmath.exp(x - top) for x in exacts))
            logs.append([x - whole for x in exacts])
        return mpmath.fsum(mpmath.exp(p) * (p - q) for p, q in zip(*logs, strict=True))


@pytest.mark.parametrize("radius", RADII.values(), ids=RADII)
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_no_divergence_within_the_radii_is_above(pair, radius):
    reference, values = pair
    radii = radius * RANDOM.uniform(size=(2, *values.shape))
    found = divergences_upper(reference, radii[0], values, radii[1])
    for row in range(len(values)):
        for way in range(4 if radius else 1):
            signs = RANDOM.choice([-1, 1], (2, values.shape[1])) if way else [[0], [0]]
            moved = [
                outcomes[row] + sign * off[row]
                for outcomes, off, sign in zip(pair, radii, np.asarray(signs), strict=True)
            ]
            assert exact(*(each.tolist() for each in moved)) <= mpmath.mpf(found[row])


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_without_radii_hardly_more_is_said_than_is_true(pair):
    reference, values = pair
    none = np.zeros_like(values)
    found = divergences_upper(reference, none, values, none)
    for row, bound in enumerate(found):
        true = float(exact(reference[row].tolist(), values[row].tolist()))
        sizes = 1 + float(np.abs(reference[row]).max() + np.abs(values[row]).max())
        off = 1e-14 * (sizes + values.shape[1]) * (1 + true)
        assert bound <= true * (1 + 1e-9) + 20 * off or sizes > 1e100


def test_it_is_the_reference_that_weighs():
    peaked, flat = np.array([[5.0, 0.0]]), np.zeros((1, 2))
    none = np.zeros((1, 2))
    p = 1 / (1 + np.exp(-5.0))
    by_peaked = p * np.log(2 * p) + (1 - p) * np.log(2 * (1 - p))
    by_flat = -(np.log(2 * p) + np.log(2 * (1 - p))) / 2
    assert divergences_upper(peaked, none, flat, none) == pytest.approx(by_peaked, rel=1e-9)
    assert divergences_upper(flat, none, peaked, none) == pytest.approx(by_flat, rel=1e-9)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("argument", range(4))
def test_of_what_is_no_number_nothing_is_known(bad, argument):
    given = [np.zeros((1, 3)) for _ in range(4)]
    given[argument][0, 1] = abs(bad) if argument % 2 else bad
    assert not divergences_upper(*given) <= 1e308


def test_parts_are_put_together(monkeypatch):
    given = RANDOM.normal(size=(4, 7, 5))
    given[1::2] = np.abs(given[1::2])
    whole = divergences_upper(*given)
    monkeypatch.setattr(module, "_AT_ONCE", 10)
    assert (divergences_upper(*given) == whole).all()


def test_operations_are_priced():
    for outputs in (50, 400):
        given = np.abs(RANDOM.normal(size=(4, 20, outputs)))
        with counting() as count:
            divergences_upper(*(counted(each) for each in given))
        assert 20 * divergence_flops(outputs) == count.floats
