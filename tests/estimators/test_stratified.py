"""Strata: exact references where there are any, coverage, the odd strata, the refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from estimators import EstimatorError
from estimators._product import Sampled, product_lower_endpoint
from estimators.mean import betting
from estimators.proportion import clopper_pearson, hypergeometric
from estimators.stratified import (
    Method,
    Stratum,
    StratumCounts,
    mean,
    neyman_allocation,
    proportion,
)
from tests.estimators import coverage, gallery

RNG_SEED = 21


def _log_capital(x, share, m):
    return float(np.sum(np.log1p(share * (x / m - 1))))


@pytest.mark.parametrize("log_inverse", [2.0, 8.0, 70.0])
def test_the_certificate_is_the_least_favourable_split_of_the_mean(log_inverse, monkeypatch):
    """Two strata, constant shares: minimise the product over the segment by brute force."""
    rng = np.random.default_rng(RNG_SEED)
    x, y, share = rng.random(60), rng.beta(1, 4, 40), 0.2
    bets = "estimators._product.aimed_bets"
    monkeypatch.setattr(bets, lambda x, scale, weight: np.full(x.shape, np.inf))
    monkeypatch.setattr("estimators._product.TRUNCATION", share)
    strata = [Sampled(0.3, x[None], None), Sampled(0.7, y[None], None)]
    found = product_lower_endpoint(strata, np.array([log_inverse]))[0]

    def least(mu: float) -> float:
        splits = np.linspace(1e-9, min(1.0, mu / 0.3), 4001)
        rest = (mu - 0.3 * splits) / 0.7
        keep = (rest > 1e-9) & (rest <= 1)
        logs = [
            _log_capital(x, share, a) + _log_capital(y, share, b)
            for a, b in zip(splits[keep], rest[keep], strict=True)
        ]
        return min(logs) - log_inverse

    assert found == pytest.approx(optimize.brentq(least, 0.01, 0.9), abs=1e-4)
    assert least(found) >= -1e-9


def test_one_stratum_is_nearly_the_plain_interval():
    x = np.random.default_rng(RNG_SEED).random((5, 300))
    for population in (None, 400):
        plain = betting(x, delta=0.01, population=population)
        union = mean([Stratum(1.0, x, population)], delta=0.01, method="union")
        product = mean([Stratum(1.0, x, population)], delta=0.01)
        np.testing.assert_allclose(union.lower, plain.lower, atol=1e-12)
        assert np.all(product.width <= 1.1 * plain.width)


def test_many_strata_cost_the_product_little_and_the_union_much():
    x = np.random.default_rng(RNG_SEED).random((10, 100))
    strata = [Stratum(0.1, row) for row in x]
    product, union = mean(strata, delta=1e-3), mean(strata, delta=1e-3, method="union")
    assert product.width <= 1.15 * betting(x.ravel(), delta=1e-3).width
    assert union.width >= 2.5 * product.width


@pytest.mark.parametrize("method", ["product", "union"])
def test_strata_known_empty_exhausted_or_weightless(method):
    ends = [
        Stratum(0.25, exact=2.0),
        Stratum(0.25, [1.0, 3.0], population=2),
        Stratum(0.5, [], population=7),
        Stratum(0.0, [], population=0),
    ]
    found = mean(ends, delta=1e-30, low=1.0, high=3.0, method=method)
    assert found.lower == pytest.approx(0.25 * 2 + 0.25 * 2 + 0.5 * 1)
    assert found.upper == pytest.approx(0.25 * 2 + 0.25 * 2 + 0.5 * 3)
    known = mean([Stratum(1.0, exact=0.2)], delta=0.1, method=method)
    assert (known.lower, known.upper) == pytest.approx((0.2, 0.2))


@pytest.mark.parametrize("side", ["lower", "upper", "two"])
def test_a_batch_of_stratified_problems_is_its_problems(side):
    rng = np.random.default_rng(RNG_SEED)
    x, y = rng.random((4, 30)), rng.random((4, 50))
    batch = mean([Stratum(0.4, x, 60), Stratum(0.6, y)], delta=0.05, side=side)
    for i in range(4):
        one = mean([Stratum(0.4, x[i], 60), Stratum(0.6, y[i])], delta=0.05, side=side)
        assert one.lower == pytest.approx(np.asarray(batch.lower)[i], abs=1e-9)
        assert one.upper == pytest.approx(np.asarray(batch.upper)[i], abs=1e-9)
    if side == "upper":
        assert np.all(batch.lower == 0)


def test_constant_strata_at_the_ends():
    strata = [Stratum(0.5, np.zeros(200)), Stratum(0.5, np.ones(200))]
    for delta in (0.1, 1e-30):
        found = mean(strata, delta=delta)
        assert found.lower <= 0.5 <= found.upper
        assert found.width <= 3 * np.log(2 / delta) / 200


def test_the_union_of_proportions_adds_exact_bounds_at_the_split_delta():
    strata = [
        StratumCounts(0.5, 3, 40),
        StratumCounts(0.3, 5, 50, population=90),
        StratumCounts(0.1, 4, 4, population=4),
        StratumCounts(0.1, exact=0.25),
    ]
    found = proportion(strata, delta=0.02, side="upper")
    first = clopper_pearson(3, 40, delta=0.01, side="upper").upper
    second = hypergeometric(5, 50, 90, delta=0.01, side="upper").upper
    wanted = 0.5 * first + 0.3 * second + 0.1 + 0.025
    assert found.upper == pytest.approx(wanted, abs=1e-12)


def test_the_product_of_proportions_lays_counts_out_in_order():
    counts = [StratumCounts(0.5, np.array([3, 5]), 100), StratumCounts(0.5, 9, 100, population=150)]
    found = proportion(counts, delta=0.01, method="product", rng=np.random.default_rng(0))
    assert np.shape(found.lower) == (2,)
    assert np.all(found.upper <= 0.2)
    with pytest.raises(EstimatorError, match="give rng"):
        proportion(counts, delta=0.01, method="product")
    bad = [StratumCounts(1.0, 5, 3)]
    with pytest.raises(EstimatorError, match="k must lie between"):
        proportion(bad, delta=0.01, method="product", rng=np.random.default_rng(0))


def _coverage(name: str, method: Method, delta: float, replicates: int, share: float) -> None:
    """Strata of the gallery, weighted by size; odd ones without replacement, even ones with."""
    members = gallery.STRATA[name]
    size = sum(len(values) for values in members)
    truth = sum(float(values.sum()) for values in members) / size
    rng = np.random.default_rng(RNG_SEED)
    batch = 1_000
    found, width = 0, 0.0
    for _ in range(replicates // batch):
        strata = []
        for i, values in enumerate(members):
            n, finite = int(np.ceil(share * len(values))), i % 2 == 1
            x = gallery.draw(rng, values, n, batch, replace=not finite) if n else []
            strata.append(Stratum(len(values) / size, x, len(values) if finite else None))
        interval = mean(strata, delta=delta, method=method)
        found += coverage.violations(np.asarray(interval.lower), np.asarray(interval.upper), truth)
        width += float(np.mean(interval.width)) * batch / replicates
    coverage.check(found, replicates, delta)
    if method == "product":
        coverage.check_not_vacuous(width, 0.6)


@pytest.mark.parametrize("name", gallery.STRATA)
def test_coverage_over_strata(name):
    _coverage(name, "product", 0.1, coverage.FAST_REPLICATES, 0.25)


@pytest.mark.slow
@pytest.mark.parametrize("delta", [0.1, 0.01])
@pytest.mark.parametrize("method", ["product", "union"])
@pytest.mark.parametrize("name", gallery.STRATA)
def test_coverage_over_strata_at_length(name, method, delta):
    _coverage(name, method, delta, coverage.FULL_REPLICATES, 0.25)


@pytest.mark.slow
@pytest.mark.parametrize("delta", [0.1, 0.01])
@pytest.mark.parametrize("method", ["product", "union"])
def test_coverage_of_stratified_proportions_at_length(method, delta):
    rng = np.random.default_rng(RNG_SEED)
    rates, weights, draws = (0.001, 0.2, 0.97), (0.5, 0.3, 0.2), (80, 40, 40)
    found, width = 0, 0.0
    for _ in range(coverage.FULL_REPLICATES // 1_000):
        k = [rng.binomial(n, rate, 1_000) for n, rate in zip(draws, rates, strict=True)]
        strata = [StratumCounts(w, c, n) for w, c, n in zip(weights, k, draws, strict=True)]
        interval = proportion(strata, delta=delta, method=method, rng=rng)
        truth = float(np.dot(rates, weights))
        found += coverage.violations(np.asarray(interval.lower), np.asarray(interval.upper), truth)
        width = float(np.mean(interval.width))
    coverage.check(found, coverage.FULL_REPLICATES, delta)
    coverage.check_not_vacuous(width, 0.5)


def test_neyman_allocation_goes_by_weight_and_deviation_and_spends_the_budget():
    np.testing.assert_array_equal(neyman_allocation([0.5, 0.5], [3, 1], 100), [75, 25])
    np.testing.assert_array_equal(neyman_allocation([0.9, 0.1], [0, 0], 10), [9, 1])
    np.testing.assert_array_equal(neyman_allocation([1, 1], [1, 0], 10, at_least=2), [8, 2])
    rng = np.random.default_rng(RNG_SEED)
    for budget in (0, 1, 7, 1000):
        found = neyman_allocation(rng.random(6), rng.random(6), budget)
        assert found.sum() == budget
        assert found.min() >= 0
        assert found.dtype == np.int64


REFUSED = {
    "weights of the strata must be nonnegative and sum to 1": [Stratum(0.5, [0.1])],
    "either samples or an exact mean": [Stratum(1.0, [0.1], exact=0.1)],
    "the exact mean of a stratum must lie in": [Stratum(1.0, exact=1.1)],
    "samples must lie in": [Stratum(1.0, [2.0])],
    "population must hold at least one member and all": [Stratum(1.0, [0.1, 0.2], population=1)],
    "3 samples were planned": [Stratum(1.0, [0.1, 0.2], planned=3)],
}


@pytest.mark.parametrize("message", REFUSED)
def test_misuse_is_refused(message):
    with pytest.raises(EstimatorError, match=message):
        mean(REFUSED[message], delta=0.1)


def test_misuse_of_the_allocation_and_the_method_is_refused():
    with pytest.raises(EstimatorError, match="method must be"):
        mean([Stratum(1.0, [0.1])], delta=0.1, method="best")  # pyright: ignore[reportArgumentType]
    with pytest.raises(EstimatorError, match="two rows of one length"):
        neyman_allocation([1.0], [1.0, 2.0], 3)
    with pytest.raises(EstimatorError, match="finite and not negative"):
        neyman_allocation([1.0], [-1.0], 3)
    with pytest.raises(EstimatorError, match="positive weight"):
        neyman_allocation([0.0], [1.0], 3)
    with pytest.raises(EstimatorError, match="at least 2 draws"):
        neyman_allocation([1.0, 1.0], [1.0, 1.0], 3, at_least=2)


@pytest.mark.parametrize("weight", [1e-200, 1e-308])
def test_a_weight_whose_square_is_zero_gives_numbers(weight):
    found = mean([Stratum(1.0, exact=0.3), Stratum(weight, [0.0, 1.0, 1.0])], delta=0.1)
    assert 0.3 - 1e-12 <= found.lower <= 0.3 <= found.upper <= 0.3 + 1e-12


@pytest.mark.parametrize("method", ["product", "union"])
@pytest.mark.parametrize("k", [2.5, np.nan, -1])
def test_counts_that_are_no_whole_numbers_are_refused(k, method):
    rng = np.random.default_rng(0)
    with pytest.raises(EstimatorError, match="k must be whole numbers"):
        proportion([StratumCounts(1.0, k, 10)], delta=0.1, method=method, rng=rng)


@pytest.mark.parametrize("method", ["product", "union"])
def test_draws_beside_an_exact_share_are_refused(method):
    rng = np.random.default_rng(0)
    with pytest.raises(EstimatorError, match="not both"):
        proportion([StratumCounts(1.0, 3, 10, exact=0.9)], delta=0.1, method=method, rng=rng)
