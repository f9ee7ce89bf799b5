"""Coverage of the bounds that count: proportions, sequences, quantiles, bands and cascades."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from scipy import stats

from estimators import cascade, proportion, quantile
from tests.estimators import coverage, gallery
from tests.estimators.helpers import bounds

SIDES = ("lower", "upper", "two")
populations = pytest.mark.parametrize("name", gallery.POPULATIONS)
deltas = pytest.mark.parametrize("delta", coverage.DELTAS)
replicates_ = pytest.mark.parametrize("replicates", coverage.REPLICATES)
replacement = pytest.mark.parametrize("replace", [True, False])


def marked(name: str) -> np.ndarray:
    return gallery.POPULATIONS[name] > gallery.THRESHOLD


@deltas
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("n", [1, 7, 39, 40])
def test_hypergeometric_covers_every_population_exactly(n, side, delta):
    population, k = 40, np.arange(n + 1)
    lower, upper = bounds(proportion.hypergeometric(k, n, population, delta=delta, side=side))
    for count in range(population + 1):
        misses = (lower > count / population) | (upper < count / population)
        assert stats.hypergeom.pmf(k, population, count, n)[misses].sum() <= delta * (1 + 1e-12)


@deltas
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("n", [1, 10, 200])
def test_clopper_pearson_covers_every_rate_exactly(n, side, delta):
    k = np.arange(n + 1)
    lower, upper = bounds(proportion.clopper_pearson(k, n, delta=delta, side=side))
    ends = np.concatenate([lower, upper])
    rates = np.concatenate(
        [np.nextafter(ends, 0), ends, np.nextafter(ends, 1), np.linspace(0, 1, 501)]
    )
    misses = (lower[:, None] > rates) | (upper[:, None] < rates)
    probability = np.where(misses, stats.binom.pmf(k[:, None], n, rates), 0).sum(axis=0)
    assert np.all(probability <= delta * (1 + 1e-10))
    if side != "two":
        assert probability.max() > delta * (1 - 1e-10)


@populations
@deltas
@replicates_
@replacement
def test_proportions_cover_the_gallery(name, delta, replicates, replace):
    rng = np.random.default_rng(21)
    values = marked(name).astype(float)
    for n in gallery.SAMPLE_SIZES:
        counts = [
            batch.sum(axis=-1)
            for batch in gallery.batches(rng, values, n, replicates, replace=replace)
        ]
        k = np.concatenate(counts)
        interval = (
            proportion.clopper_pearson(k, n, delta=delta)
            if replace
            else proportion.hypergeometric(k, n, len(values), delta=delta)
        )
        lower, upper = bounds(interval)
        coverage.check(coverage.violations(lower, upper, values.mean()), replicates, delta)
        if n >= 100:
            coverage.check_not_vacuous(upper - lower, at_most=0.3)


@functools.cache
def sequence_table(delta: float, population: int | None) -> tuple[np.ndarray, np.ndarray]:
    """The bounds at every (n, k), n = 0, ..., SIZE."""
    n, k = np.meshgrid(np.arange(gallery.SIZE + 1), np.arange(gallery.SIZE + 1), indexing="ij")
    return bounds(proportion.anytime(np.minimum(k, n), n, delta=delta, population=population))


@populations
@deltas
@replicates_
@replacement
def test_sequences_are_never_crossed(name, delta, replicates, replace):
    rng = np.random.default_rng(22)
    values = marked(name).astype(int)
    lower, upper = sequence_table(delta, None if replace else gallery.SIZE)
    n = np.arange(1, gallery.SIZE + 1)
    crossed = 0
    for batch in gallery.batches(rng, values, gallery.SIZE, replicates, replace=replace):
        k = np.cumsum(batch, axis=-1)
        misses = (lower[n, k] > values.mean() + 1e-12) | (upper[n, k] < values.mean() - 1e-12)
        crossed += int(misses.any(axis=-1).sum())
    coverage.check(crossed, replicates, delta)
    coverage.check_not_vacuous(upper[gallery.SIZE] - lower[gallery.SIZE], at_most=0.2)


def test_the_gallery_catches_a_fixed_n_bound_that_is_peeked_at():
    rng = np.random.default_rng(23)
    n = np.arange(1, 101)
    batch = rng.random((coverage.FAST_REPLICATES, 100)) < 0.5
    interval = proportion.clopper_pearson(np.cumsum(batch, axis=-1), n, delta=0.1)
    lower, upper = bounds(interval)
    crossed = int(((lower > 0.5) | (upper < 0.5)).any(axis=-1).sum())
    with pytest.raises(pytest.fail.Exception, match="violations"):
        coverage.check(crossed, coverage.FAST_REPLICATES, 0.1)


@populations
@deltas
@replicates_
@replacement
@pytest.mark.parametrize("q", [0.1, 0.95])
def test_order_statistics_cover_every_quantile(name, q, delta, replicates, replace):
    rng = np.random.default_rng(24)
    values = gallery.POPULATIONS[name]
    ranked = np.sort(values)
    least = ranked[int(np.ceil(q * gallery.SIZE - 1e-9)) - 1]
    most = ranked[int(np.floor(q * gallery.SIZE + 1e-9))]
    for n in (10, gallery.SIZE):
        missed, width = 0, []
        for batch in gallery.batches(rng, values, n, replicates, replace=replace):
            interval = quantile.order_statistic(
                batch,
                q,
                delta=delta,
                population=None if replace else gallery.SIZE,
                low=0,
                high=1,
            )
            lower, upper = bounds(interval)
            missed += int(((lower > least) | (upper < most)).sum())
            width.append(upper - lower)
        coverage.check(missed, replicates, delta)
        if n == gallery.SIZE and not replace:
            coverage.check_not_vacuous(np.concatenate(width), at_most=most - least + 1e-12)


@populations
@deltas
@replicates_
@pytest.mark.parametrize("side", SIDES)
def test_bands_cover_everywhere_at_once(name, side, delta, replicates):
    rng = np.random.default_rng(25)
    values = gallery.POPULATIONS[name]
    points = np.unique(values)[:: max(1, len(np.unique(values)) // 50)]
    truth = np.mean(values <= points[:, None], axis=-1)
    n, missed = 50, 0
    for batch in gallery.batches(rng, values, n, replicates, replace=True):
        lower, upper = bounds(quantile.dkw(batch, points, delta=delta, side=side))
        misses = (lower > truth + 1e-12) | (upper < truth - 1e-12)
        missed += int(misses.any(axis=-1).sum())
    coverage.check(missed, replicates, delta)


SCREENS = (0.25, gallery.THRESHOLD, 0.75)


def cascade_levels(rng, values, n, replicates, *, replace):
    """Fresh draws at each level from exactly what the level before left, for all replicates."""
    levels, left = [], values
    for threshold in SCREENS:
        if not len(left):
            break
        count = n if replace else min(n, len(left))
        bad = int((left > threshold).sum())
        k = (
            rng.binomial(count, bad / len(left), replicates)
            if replace
            else rng.hypergeometric(bad, len(left) - bad, count, replicates)
        )
        levels.append(cascade.Sampled(k, count, None if replace else len(left)))
        left = left[left > threshold]
    return levels


@populations
@deltas
@replicates_
@replacement
def test_cascades_cover_the_gallery(name, delta, replicates, replace):
    rng = np.random.default_rng(26)
    values = gallery.POPULATIONS[name]
    truth = float(np.mean(values > SCREENS[-1]))
    for n in (5, 60):
        levels = cascade_levels(rng, values, n, replicates, replace=replace)
        shares = tuple(1 / 2 ** (place + 1) for place in range(len(levels)))
        for chosen in (None, shares):
            total = cascade.product(levels, delta=delta, side="two", shares=chosen).total
            lower, upper = (np.broadcast_to(end, replicates) for end in bounds(total))
            coverage.check(coverage.violations(lower, upper, truth), replicates, delta)
        if n == 60:
            coverage.check_not_vacuous(upper - lower, at_most=0.6)
