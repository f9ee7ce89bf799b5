"""The judge is judged: it lets sound bounds pass, and catches unsound and vacuous ones."""

from __future__ import annotations

import numpy as np
import pytest

from tests.estimators import coverage, gallery


def test_populations_lie_in_the_unit_interval_and_cannot_be_written():
    for values in gallery.POPULATIONS.values():
        assert values.shape == (gallery.SIZE,)
        assert values.min() >= 0
        assert values.max() <= 1
        assert not values.flags.writeable


@pytest.mark.parametrize("replace", [True, False])
def test_batches_draw_every_replicate(replace):
    rng = np.random.default_rng(0)
    values = np.arange(10.0)
    batches = list(gallery.batches(rng, values, 10, 25, replace=replace, size=10))
    assert [len(batch) for batch in batches] == [10, 10, 5]
    if not replace:
        assert np.all(np.sort(np.concatenate(batches), axis=-1) == values)


def test_a_bound_violated_as_often_as_delta_passes():
    coverage.check(2_000, 20_000, 0.1)
    coverage.check(0, 20_000, 1e-30)


def test_a_bound_violated_too_often_fails():
    with pytest.raises(pytest.fail.Exception, match="violations"):
        coverage.check(2_300, 20_000, 0.1)
    with pytest.raises(pytest.fail.Exception, match="violations"):
        coverage.check(1, 20_000, 1e-30)


def test_a_vacuous_bound_fails():
    coverage.check_not_vacuous(np.full(5, 0.2), at_most=0.5)
    with pytest.raises(pytest.fail.Exception, match="vacuous"):
        coverage.check_not_vacuous(np.ones(5), at_most=0.5)


def test_violations_are_counted_on_both_sides():
    lower, upper = np.array([0.0, 0.5, 0.0]), np.array([1.0, 1.0, 0.2])
    assert coverage.violations(lower, upper, 0.3) == 2
