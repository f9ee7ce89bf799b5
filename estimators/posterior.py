"""Bayesian posteriors: a conjugate one, and by NUTS with the sampler's own diagnostics.

A credible interval is a statement about the model, not about the population: its guarantee is
`CREDIBLE` and it enters no proof. The models are Models 2.31 of docs/theory.md. JAX and NumPyro
are imported when a posterior is asked for, not before.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import special

from estimators._check import LOG_TWO, check_draw, check_side, count, plain
from estimators._numbers import number, numbers, shown, whole
from estimators.confidence import Delta, one_log_delta
from estimators.errors import EstimatorError
from estimators.guarantee import Guarantee
from estimators.interval import Interval, Side

MAX_R_HAT = 1.01
MIN_EFFECTIVE_DRAWS = 400
MIN_TAIL_DRAWS = 10
"""A quantile at δ is read off the draws only if this many of them are expected beyond it."""

Draws = dict[str, Float[np.ndarray, " draws"]]


@dataclass(frozen=True)
class Diagnostics:
    """What the chains say of themselves: worst r-hat and effective draws over the parameters."""

    divergences: int
    r_hat: float
    effective_draws: float
    draws: int


@dataclass(frozen=True)
class CredibleInterval(Interval):
    """An `Interval` that holds with posterior probability 1 - δ, and its diagnostics."""

    diagnostics: Diagnostics = field(kw_only=True)


@dataclass(frozen=True)
class NoResult:
    """The chains failed their diagnosis, for this reason: there is no interval to report."""

    reason: str
    diagnostics: Diagnostics


@dataclass(frozen=True)
class Chains:
    """How long to run NUTS, and from which seed."""

    chains: int = 4
    warmup: int = 1000
    draws: int = 2000
    seed: int = 0


def jeffreys_share(
    k: ArrayLike,
    n: ArrayLike,
    *,
    delta: Delta = None,
    log_delta: Delta = None,
    side: Side = "two",
) -> Interval:
    """A rate by its conjugate posterior, Beta(k + 1/2, n - k + 1/2) (Model 2.31c).

    No chains are run. k, n and δ broadcast as in `proportion.clopper_pearson`.

    Returns:
        Equal-tailed credible intervals; they exclude 0 and 1 even where no draw does. Where SciPy
        finds no quantile, as for counts near 2^53, the end is 0 or 1.

    Raises:
        EstimatorError: as `proportion.clopper_pearson`.
    """
    check_side(side)
    draw = check_draw(k, n, None, delta, log_delta)
    tail = np.exp(draw.log_delta - (LOG_TWO if side == "two" else 0.0))
    a, b = draw.k + 0.5, draw.n - draw.k + 0.5
    lower, upper = special.betaincinv(a, b, tail), 1 - special.betaincinv(b, a, tail)
    return Interval(
        lower=plain(np.zeros_like(lower) if side == "upper" else np.nan_to_num(lower, nan=0.0)),
        upper=plain(np.ones_like(upper) if side == "lower" else np.nan_to_num(upper, nan=1.0)),
        log_delta=plain(draw.log_delta),
        method="jeffreys",
        guarantee=Guarantee.CREDIBLE,
        n=count(draw.n),
    )


def hierarchical_share(
    k: ArrayLike,
    n: ArrayLike,
    weights: ArrayLike,
    *,
    delta: float | None = None,
    log_delta: float | None = None,
    side: Side = "two",
    chains: Chains = Chains(),
) -> CredibleInterval | NoResult:
    """Weighted share of marked members over strata whose rates are alike (Model 2.31a).

    Args:
        k: marked draws per stratum, shape (strata,); whole, 0 <= k <= n.
        n: draws per stratum; a stratum with none is informed by the others.
        weights: nonnegative, summing to one.

    Returns:
        An equal-tailed credible interval, or `NoResult` if the chains diverged or did not mix,
        or are too short for δ.

    Raises:
        EstimatorError: on counts or weights that are none, or δ outside (0, 1).
    """
    marked, drawn, weight = whole("k", k), whole("n", n), numbers("weights", weights)
    if marked.ndim != 1 or not marked.shape == drawn.shape == weight.shape:
        raise EstimatorError("k, n and weights must be three rows of one length")
    if np.any(marked > drawn):
        raise EstimatorError("k and n must be whole numbers with 0 <= k <= n in every stratum")
    if not (np.all(weight >= 0) and abs(weight.sum() - 1) <= 1e-9):
        raise EstimatorError(f"the weights must be nonnegative and sum to 1, got {shown(weights)}")
    log_tail = _log_tail(delta, log_delta, side)

    def model() -> None:
        import jax.numpy as jnp
        import numpyro
        import numpyro.distributions as dist

        centre = jnp.asarray(numpyro.sample("centre", dist.Beta(0.5, 0.5)))
        size = jnp.exp(numpyro.sample("log_size", dist.Normal(3.0, 2.0)))
        numpyro.sample(
            "k",
            dist.BetaBinomial(centre * size, (1 - centre) * size, total_count=drawn),
            obs=marked,
        )

    draws, diagnostics = _nuts(model, chains)
    rng = np.random.default_rng(chains.seed)
    centre, size = draws["centre"][:, None], np.exp(draws["log_size"])[:, None]
    rates = rng.beta(centre * size + marked, (1 - centre) * size + drawn - marked)
    return _credible(
        rates @ weight, (0.0, 1.0), log_tail, side, "hierarchical-share", drawn.sum(), diagnostics
    )


def pareto_tail(
    samples: ArrayLike,
    *,
    threshold: float,
    exceedance: float,
    delta: float | None = None,
    log_delta: float | None = None,
    side: Side = "two",
    chains: Chains = Chains(),
) -> CredibleInterval | NoResult:
    """The value exceeded with probability `exceedance`, from a Pareto tail (Model 2.31b).

    Args:
        samples: noise entries, shape (n,), real numbers; 10 of them at least above `threshold`.
        threshold: where the tail starts; fixed before the samples are seen.
        exceedance: in (0, share above the threshold): how rare a value is asked for.

    Returns:
        An equal-tailed credible interval for that value, or `NoResult` as for
        `hierarchical_share`. The side not asked for is infinite.

    Raises:
        EstimatorError: if there are fewer than 10 exceedances, the exceedance asked for is not
            rarer than the threshold, or δ is outside (0, 1).
    """
    x, threshold = numbers("samples", samples), number("threshold", threshold)
    exceedance = number("exceedance", exceedance)
    if x.ndim != 1 or not (np.isfinite(x).all() and math.isfinite(threshold)):
        raise EstimatorError("samples must be one row of finite numbers, and the threshold finite")
    above = x[x > threshold] - threshold
    if above.size < 10:
        raise EstimatorError(
            f"a tail needs at least 10 samples above the threshold, got {above.size}; lower it"
        )
    if not 0 < exceedance < above.size / x.size:
        raise EstimatorError(
            f"exceedance must lie between 0 and the share above the threshold,"
            f" {above.size / x.size}, got {exceedance}"
        )
    log_tail = _log_tail(delta, log_delta, side)
    unit = above.mean()
    scaled = above / unit

    def model() -> None:
        import jax.numpy as jnp
        import numpyro
        import numpyro.distributions as dist

        shape = jnp.asarray(numpyro.sample("shape", dist.Normal(0.0, 0.5)))
        spare = numpyro.sample("spare", dist.LogNormal(0.0, 1.0))
        scale = spare + jnp.maximum(-shape, 0.0) * scaled.max()
        safe = jnp.where(jnp.abs(shape) < 1e-4, 1e-4, shape)
        log_density = -jnp.log(scale) - (1 + 1 / safe) * jnp.log1p(safe * scaled / scale)
        numpyro.factor("exceedances", log_density.sum())

    draws, diagnostics = _nuts(model, chains)
    rng = np.random.default_rng(chains.seed)
    share = rng.beta(above.size + 0.5, x.size - above.size + 0.5, size=draws["shape"].size)
    shape = np.where(np.abs(draws["shape"]) < 1e-4, 1e-4, draws["shape"])
    scale = draws["spare"] + np.maximum(-draws["shape"], 0.0) * scaled.max()
    rarer = np.log(share) - math.log(exceedance)
    with np.errstate(over="ignore"):
        value = threshold + unit * scale / shape * np.expm1(shape * rarer)
    value = np.minimum(value, np.finfo(np.float64).max)
    return _credible(value, (-np.inf, np.inf), log_tail, side, "pareto-tail", x.size, diagnostics)


def _log_tail(delta: Delta, log_delta: Delta, side: Side) -> tuple[float, float]:
    """log δ, and the log of the share of it that one tail gets."""
    check_side(side)
    log = one_log_delta(delta, log_delta)
    return log, log - (LOG_TWO if side == "two" else 0.0)


def _nuts(model: Callable[[], None], chains: Chains) -> tuple[Draws, Diagnostics]:
    """Draws of every parameter, all chains in one row, and their diagnostics."""
    import jax
    from numpyro.diagnostics import effective_sample_size, split_gelman_rubin
    from numpyro.infer import MCMC, NUTS

    with jax.enable_x64(True):
        mcmc = MCMC(
            NUTS(model, target_accept_prob=0.95),
            num_warmup=chains.warmup,
            num_samples=chains.draws,
            num_chains=chains.chains,
            chain_method="vectorized",
            progress_bar=False,
        )
        mcmc.run(jax.random.key(chains.seed), extra_fields=("diverging",))
        by_chain: dict[str, Any] = {
            name: np.asarray(values)
            for name, values in mcmc.get_samples(group_by_chain=True).items()
        }
        diverging = int(np.asarray(mcmc.get_extra_fields()["diverging"]).sum())
    diagnostics = Diagnostics(
        divergences=diverging,
        r_hat=float(np.max([split_gelman_rubin(values) for values in by_chain.values()])),
        effective_draws=float(np.min([effective_sample_size(v) for v in by_chain.values()])),
        draws=chains.chains * chains.draws,
    )
    return {name: values.ravel() for name, values in by_chain.items()}, diagnostics


def _credible(
    values: Float[np.ndarray, " draws"],
    trivial: tuple[float, float],
    log_tail: tuple[float, float],
    side: Side,
    method: str,
    n: float,
    diagnostics: Diagnostics,
) -> CredibleInterval | NoResult:
    """The quantiles of the draws, or why there are none to report."""
    tail = np.exp(log_tail[1])
    resolved = diagnostics.effective_draws
    doubts = {
        f"{diagnostics.divergences} of the draws diverged": diagnostics.divergences > 0,
        f"r-hat is {diagnostics.r_hat:.3f}, above {MAX_R_HAT}": not diagnostics.r_hat <= MAX_R_HAT,
        f"only {resolved:.0f} effective draws, fewer than {MIN_EFFECTIVE_DRAWS}": (
            not resolved >= MIN_EFFECTIVE_DRAWS
        ),
        f"{resolved:.0f} effective draws cannot resolve a tail of {tail:.1e}": (
            not resolved * tail >= MIN_TAIL_DRAWS
        ),
    }
    for reason, found in doubts.items():
        if found:
            return NoResult(reason, diagnostics)
    lower, upper = np.quantile(values, [tail, 1 - tail])
    return CredibleInterval(
        lower=trivial[0] if side == "upper" else float(lower),
        upper=trivial[1] if side == "lower" else float(upper),
        log_delta=log_tail[0],
        method=method,
        guarantee=Guarantee.CREDIBLE,
        n=int(n),
        diagnostics=diagnostics,
    )
