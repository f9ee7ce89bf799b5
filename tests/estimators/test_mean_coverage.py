"""How often the mean intervals miss, on the gallery: never more than δ, and not vacuously."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from estimators.interval import Interval
from estimators.mean import (
    betting,
    betting_sequence,
    empirical_bernstein,
    empirical_bernstein_serfling,
    hoeffding,
    hoeffding_serfling,
)
from tests.estimators import coverage, gallery

REPLACING = (hoeffding, empirical_bernstein, betting, betting_sequence)
FINITE = (
    hoeffding_serfling,
    empirical_bernstein,
    empirical_bernstein_serfling,
    betting,
    betting_sequence,
)
CASES = [(f, True) for f in REPLACING] + [(f, False) for f in FINITE]
LABELS = [f"{f.__name__}{'' if replace else '-finite'}" for f, replace in CASES]

_LIMIT = {empirical_bernstein_serfling: 0.9}


def misses(
    estimate: Callable[..., Interval],
    name: str,
    n: int,
    replicates: int,
    delta: float,
    replace: bool,
) -> tuple[int, float]:
    """Violations, and the mean width; a sequence is wrong if it is wrong at any time."""
    values = gallery.POPULATIONS[name]
    rng = np.random.default_rng([n, replicates, sorted(gallery.POPULATIONS).index(name)])
    found, width = 0, 0.0
    for x in gallery.batches(rng, values, n, replicates, replace=replace):
        interval = estimate(x, delta=delta, **({} if replace else {"population": len(values)}))
        lower, upper = np.asarray(interval.lower), np.asarray(interval.upper)
        if estimate is betting_sequence:
            lower, upper = lower.max(-1), upper.min(-1)
        found += coverage.violations(lower, upper, float(values.mean()))
        width += float(np.sum(upper - lower)) / replicates
    return found, width


@pytest.mark.parametrize(("estimate", "replace"), CASES, ids=LABELS)
def test_coverage_on_the_worst_of_the_gallery(estimate, replace):
    for name in ("rate 1/N", "two points at the ends", "u-shaped"):
        found, width = misses(estimate, name, 60, coverage.FAST_REPLICATES, 0.1, replace)
        coverage.check(found, coverage.FAST_REPLICATES, 0.1)
        coverage.check_not_vacuous(width, 0.9)


@pytest.mark.slow
@pytest.mark.parametrize("delta", [0.1, 0.01])
@pytest.mark.parametrize("name", gallery.POPULATIONS)
@pytest.mark.parametrize(("estimate", "replace"), CASES, ids=LABELS)
def test_coverage_on_the_gallery(estimate, replace, name, delta):
    for n in (10, 100, gallery.SIZE):
        if n == gallery.SIZE and (replace or estimate is betting_sequence):
            continue
        found, width = misses(estimate, name, n, coverage.FULL_REPLICATES, delta, replace)
        coverage.check(found, coverage.FULL_REPLICATES, delta)
        if n == 100:
            coverage.check_not_vacuous(width, _LIMIT.get(estimate, 0.65))
        if n == gallery.SIZE:
            coverage.check_not_vacuous(width, 1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("delta", [0.1, 0.01])
@pytest.mark.parametrize("estimate", [hoeffding, empirical_bernstein, betting, betting_sequence])
def test_coverage_of_sorted_clusters_drawn_whole(estimate, delta):
    means = gallery.CLUSTERS.mean(axis=1)
    rng = np.random.default_rng(8)
    found, width = 0, 0.0
    for x in gallery.batches(rng, means, 40, coverage.FULL_REPLICATES, replace=True):
        interval = estimate(x, delta=delta)
        lower, upper = np.asarray(interval.lower), np.asarray(interval.upper)
        if estimate is betting_sequence:
            lower, upper = lower.max(-1), upper.min(-1)
        found += coverage.violations(lower, upper, float(means.mean()))
        width += float(np.sum(upper - lower)) / coverage.FULL_REPLICATES
    coverage.check(found, coverage.FULL_REPLICATES, delta)
    coverage.check_not_vacuous(width, 0.95)


def test_a_seed_that_draws_all_but_one_covers_at_a_tiny_delta():
    values = gallery.POPULATIONS["rate 1/N"]
    for x in gallery.batches(np.random.default_rng(9), values, 399, 200, replace=False):
        found = betting(x, delta=1e-30, population=400)
        assert not coverage.violations(
            np.asarray(found.lower), np.asarray(found.upper), values.mean()
        )
        assert np.max(found.width) <= 1 / 400 + 1e-9
