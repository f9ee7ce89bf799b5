"""The posteriors against conjugate and known answers, and the honest non-results."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from estimators import EstimatorError, Guarantee
from estimators.posterior import (
    Chains,
    CredibleInterval,
    Diagnostics,
    NoResult,
    _credible,
    hierarchical_share,
    jeffreys_share,
    pareto_tail,
)

SHORT = Chains(warmup=300, draws=700)


def test_a_hierarchical_share_agrees_with_the_pooled_answer_when_strata_are_alike():
    n = np.full(6, 200)
    found = hierarchical_share(np.full(6, 20), n, np.full(6, 1 / 6), delta=0.1, chains=SHORT)
    assert isinstance(found, CredibleInterval)
    pooled = stats.beta(120.5, 1080.5).ppf([0.05, 0.95])
    assert found.lower == pytest.approx(pooled[0], abs=0.006)
    assert found.upper == pytest.approx(pooled[1], abs=0.006)
    assert found.guarantee is Guarantee.CREDIBLE
    assert not found.guarantee.is_proof
    assert found.n == 1200
    assert found.diagnostics.divergences == 0
    assert found.diagnostics.r_hat < 1.01
    assert found.diagnostics.effective_draws > 400


def test_a_pareto_tail_holds_the_quantile_of_a_heavy_tail():
    x = np.random.default_rng(51).standard_t(4, 3000)
    found = pareto_tail(x, threshold=2.0, exceedance=1e-3, delta=0.05, chains=SHORT)
    assert isinstance(found, CredibleInterval)
    assert found.lower < stats.t.isf(1e-3, 4) < found.upper
    assert found.width < 8
    assert found.guarantee is Guarantee.CREDIBLE


@pytest.mark.parametrize("side", ["lower", "upper", "two"])
def test_jeffreys_shares_are_quantiles_of_the_conjugate_posterior(side):
    k, n, delta = np.array([0, 3, 50]), 50, np.array([0.05, 0.01, 1e-6])
    found = jeffreys_share(k, n, delta=delta, side=side)
    tail = delta / 2 if side == "two" else delta
    law = stats.beta(k + 0.5, n - k + 0.5)
    assert np.allclose(found.lower, 0 if side == "upper" else law.ppf(tail), rtol=1e-9)
    assert np.allclose(found.upper, 1 if side == "lower" else law.isf(tail), rtol=1e-9)
    assert found.guarantee is Guarantee.CREDIBLE
    assert jeffreys_share(3, 50, log_delta=np.log(0.1)).n == 50
    with pytest.raises(EstimatorError, match="k must not exceed n"):
        jeffreys_share(3, 2, delta=0.1)


def test_a_rate_rare_enough_is_missed_by_a_jeffreys_share_without_a_draw():
    delta, n = 0.05, 1000
    lower = float(jeffreys_share(0, n, delta=delta).lower)
    assert lower == pytest.approx(delta**2 / (5 * n), rel=0.05)


SOUND = Diagnostics(divergences=0, r_hat=1.001, effective_draws=2000.0, draws=4000)
DOUBTS = {
    "3 of the draws diverged": replace(SOUND, divergences=3),
    "r-hat is 1.200, above 1.01": replace(SOUND, r_hat=1.2),
    "r-hat is nan": replace(SOUND, r_hat=np.nan),
    "only 12 effective draws, fewer than 400": replace(SOUND, effective_draws=12.0),
}


@pytest.mark.parametrize("reason", DOUBTS)
def test_every_failed_diagnosis_is_a_non_result_with_its_reason(reason):
    values = np.linspace(0, 1, 4000)
    log_tail = (np.log(0.1), np.log(0.05))
    believed = _credible(values, (0, 1), log_tail, "two", "m", 9, SOUND)
    assert isinstance(believed, CredibleInterval)
    assert believed.lower == pytest.approx(0.05)
    found = _credible(values, (0, 1), log_tail, "two", "m", 9, DOUBTS[reason])
    assert isinstance(found, NoResult)
    assert found.reason.startswith(reason)
    assert found.diagnostics == DOUBTS[reason]


def test_a_delta_beyond_the_draws_is_a_non_result():
    log_tail = (np.log(1e-30), np.log(1e-30))
    found = _credible(np.zeros(4000), (0, 1), log_tail, "upper", "m", 9, SOUND)
    assert isinstance(found, NoResult)
    assert "cannot resolve a tail of 1.0e-30" in found.reason


@pytest.mark.slow
def test_chains_too_short_to_mix_are_a_non_result():
    chains = Chains(warmup=1, draws=20)
    found = hierarchical_share([1, 2], [9, 9], [0.5, 0.5], delta=0.1, chains=chains)
    assert isinstance(found, NoResult)
    assert found.diagnostics.draws == 80


@pytest.mark.slow
def test_the_share_covers_when_the_strata_are_drawn_from_the_model():
    """Calibration, not a guarantee: 40 populations from the prior family, at δ = 0.2."""
    rng = np.random.default_rng(52)
    covered = 0
    for _ in range(40):
        rates = rng.beta(2, 8, 8)
        k = rng.binomial(60, rates)
        found = hierarchical_share(k, np.full(8, 60), np.full(8, 1 / 8), delta=0.2, chains=SHORT)
        if isinstance(found, CredibleInterval):
            covered += found.lower <= rates.mean() <= found.upper
    assert covered >= 22


def test_misuse_is_refused():
    with pytest.raises(EstimatorError, match="three rows of one length"):
        hierarchical_share([1], [2, 3], [0.5, 0.5], delta=0.1)
    with pytest.raises(EstimatorError, match="0 <= k <= n"):
        hierarchical_share([5], [2], [1.0], delta=0.1)
    with pytest.raises(EstimatorError, match="sum to 1"):
        hierarchical_share([1], [2], [0.9], delta=0.1)
    with pytest.raises(EstimatorError, match="delta must lie strictly"):
        hierarchical_share([1], [2], [1.0], delta=1.0)
    with pytest.raises(EstimatorError, match="at least 10 samples above"):
        pareto_tail(np.zeros(100), threshold=1.0, exceedance=0.01, delta=0.1)
    with pytest.raises(EstimatorError, match="exceedance must lie between"):
        pareto_tail(np.arange(100.0), threshold=50.0, exceedance=0.6, delta=0.1)
    with pytest.raises(EstimatorError, match="one row of finite numbers"):
        pareto_tail([[1.0]], threshold=0.0, exceedance=0.1, delta=0.1)


def test_a_diagnostic_that_is_no_number_is_not_hidden_by_the_others(monkeypatch):
    answers = iter([1.0, float("nan")])
    monkeypatch.setattr("numpyro.diagnostics.split_gelman_rubin", lambda values: next(answers))
    chains = Chains(chains=2, warmup=2, draws=4)
    found = hierarchical_share([1, 2], [9, 9], [0.5, 0.5], delta=0.1, chains=chains)
    assert np.isnan(found.diagnostics.r_hat)
