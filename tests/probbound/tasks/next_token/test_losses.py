"""Bounds on single losses against exact ones, wherever outcomes lie within their radii (9.9)."""

import mpmath
import numpy as np
import pytest

from probbound.models.transformer.answering import AGREEMENT, FLOAT64, REAL, Spread
from probbound.tasks.next_token import losses as module
from probbound.tasks.next_token.losses import RowLosses, in_parts, loss_flops, losses_upper
from tests.counting import counted, counting

RANDOM = np.random.default_rng(7)
ROWS = {
    "random": RANDOM.normal(size=(6, 9)),
    "wide": 300 * RANDOM.normal(size=(6, 9)),
    "ties": np.zeros((3, 9)),
    "ties far from 0": np.full((3, 9), 1e15),
    "a spike": np.eye(9)[:4] * 800.0,
    "as large as floats are": RANDOM.choice([-1e300, 1e300], (6, 9)),
    "one is large": np.where(np.eye(9)[:6] == 1, 1e300, 0.0),
    "tiny": 1e-310 * RANDOM.normal(size=(6, 9)),
    "two answers": RANDOM.normal(size=(6, 2)),
    "one answer": RANDOM.normal(size=(4, 1)),
    "many answers": RANDOM.normal(size=(2, 500)),
}
RADII = {"none": 0.0, "small": 1e-9, "large": 3.0}


def worst(values, radii, label):
    """The largest loss of all outcomes within radii, exact."""
    with mpmath.workdps(700 if max(map(abs, values)) > 1e20 else 60):
        high = [mpmath.mpf(v) + mpmath.mpf(r) for v, r in zip(values, radii, strict=True)]
        high[label] = mpmath.mpf(values[label]) - mpmath.mpf(radii[label])
        top = max(high)
        return top - high[label] + mpmath.log(mpmath.fsum(mpmath.exp(h - top) for h in high))


@pytest.mark.parametrize("radius", RADII.values(), ids=RADII)
@pytest.mark.parametrize("values", ROWS.values(), ids=ROWS)
def test_no_loss_within_the_radii_is_above(values, radius):
    radii = radius * RANDOM.uniform(size=values.shape)
    labels = RANDOM.integers(values.shape[1], size=len(values))
    found = losses_upper(values, radii, labels)
    for row, off, label, bound in zip(values, radii, labels, found, strict=True):
        true = worst(row.tolist(), off.tolist(), int(label))
        sizes = float(np.abs(row).max() + off.max())
        assert true <= mpmath.mpf(bound)
        assert bound <= float(true) * (1 + 1e-11) + 1e-14 * sizes + 2.0**-899


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1])
def test_of_what_is_no_number_nothing_is_known(bad, place):
    values, radii, label = np.zeros((1, 3)), np.zeros((1, 3)), np.array([0])
    wrong = values.copy()
    wrong[0, place] = bad
    assert not np.isfinite(losses_upper(wrong, radii, label))
    assert not np.isfinite(losses_upper(values, np.abs(wrong), label))


def test_parts_are_put_together(monkeypatch):
    values, radii = RANDOM.normal(size=(7, 5)), RANDOM.uniform(size=(7, 5))
    labels = RANDOM.integers(5, size=7)
    whole = losses_upper(values, radii, labels)
    monkeypatch.setattr(module, "_AT_ONCE", 10)
    assert [part.stop - part.start for part in in_parts(7, 5)] == [2] * 4
    assert (losses_upper(values, radii, labels) == whole).all()
    assert losses_upper(values[:0], radii[:0], labels[:0]).shape == (0,)


def test_radii_are_twice_those_of_real_numbers_or_half_the_agreement():
    values = np.array([[3.0, -5.0, 1.0], [0.5, 0.25, 0.0]])
    real = Spread(values, np.array([[0.1, 0.2, 0.3], [0.0, 0.1, 0.0]]), np.zeros(2))
    assert (REAL.radii(real) == 2 * np.asarray(real.radii)).all()
    computed = Spread(values, 0.0, np.zeros(2))
    halves = AGREEMENT / 2 * np.array([[5.0], [0.5]])
    assert (FLOAT64.radii(computed) == halves).all()
    rows, labels = np.array([[4, 2], [4, 0]]), np.array([2, 0])
    measure = RowLosses(lambda read, margin: computed, FLOAT64, lambda r: r[:, -1], 0)
    wanted = losses_upper(values, np.repeat(halves, 3, axis=1), labels)
    assert (measure.upper(rows) == wanted).all()


def test_operations_are_priced():
    for outputs in (50, 400):
        values, radii = RANDOM.normal(size=(2, 20, outputs))
        with counting() as count:
            losses_upper(counted(values), counted(radii), np.zeros(20, dtype=int))
        assert 20 * loss_flops(outputs) == count.floats
