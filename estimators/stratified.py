"""Means and shares over strata of known weight, some of them known exactly.

The mean is Σ weight · (mean of the stratum). `method="product"` multiplies the strata's betting
capitals (Theorem 2.28): its width falls like the root of Σ weight² · variance / n, so many strata
cost nothing. `method="union"` bounds every stratum on its own at δ over the number of strata
sampled (Theorem 2.27): better for a few strata whose means lie at the ends of the range, and the
only one for counts too large to lay out. Decide before looking.

Every function is fixed-n and raises `EstimatorError` if the weights are negative or do not sum to
one, if a stratum has both samples and an exact mean, and as `estimators._samples.take` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike

from estimators._check import broadcast
from estimators._numbers import check_choice, number, numbers, shown, whole_number
from estimators._numbers import whole as whole_numbers
from estimators._product import Sampled, product_lower_endpoint
from estimators._samples import Sample, Unit, logical_range, take
from estimators.errors import EstimatorError
from estimators.interval import Bound, Interval, Side
from estimators.mean import betting
from estimators.proportion import clopper_pearson, hypergeometric

Method = Literal["product", "union"]


@dataclass(frozen=True)
class Stratum:
    """One stratum of a weighted mean.

    Attributes:
        weight: its share of the whole.
        samples: draws from it, shape (*batch, n), in the order drawn; n = 0 says nothing of it.
        population: its size if the draws are without replacement.
        exact: its mean where that is known; then no samples.
        planned: the number of draws planned; a sample of another size is refused.
    """

    weight: float
    samples: ArrayLike = ()
    population: int | None = None
    exact: float | None = None
    planned: int | None = None


@dataclass(frozen=True)
class StratumCounts:
    """One stratum of a weighted share: k of n draws are marked; k may have a batch shape."""

    weight: float
    k: int | Int[np.ndarray, "*batch"] = 0
    n: int = 0
    population: int | None = None
    exact: float | None = None


def mean(
    strata: Sequence[Stratum],
    *,
    delta: ArrayLike | None = None,
    log_delta: ArrayLike | None = None,
    low: float = 0.0,
    high: float = 1.0,
    side: Side = "two",
    method: Method = "product",
) -> Interval:
    """Interval for the weighted mean of values in [low, high]; fixed n in every stratum.

    High-probability, with draws independent between strata for "product" (Theorem 2.28) and
    however dependent for "union" (Theorem 2.27). δ is halved over two sides; the union bound
    shares it equally over the strata that are sampled but not exhausted.
    """
    check_choice("method", method, ("product", "union"))
    _check_strata(strata, Stratum)
    kept = [stratum for stratum in strata if stratum.weight > 0]
    whole = take((), delta=delta, log_delta=log_delta, low=low, high=high, side=side)
    samples = [_stratum_sample(stratum, whole) for stratum in kept]
    firsts = (sample.x[..., :0].sum(-1) for sample in samples)
    broadcast("delta and the problems of the strata", whole.log_delta, *firsts)
    solve = _product_bounds if method == "product" else _union_bounds
    lower, upper = solve(whole, kept, samples)
    return whole.rescaled(f"stratified-{method}", lower, upper, sum(sample.n for sample in samples))


def proportion(
    strata: Sequence[StratumCounts],
    *,
    delta: ArrayLike | None = None,
    log_delta: ArrayLike | None = None,
    side: Side = "two",
    method: Method = "union",
    rng: np.random.Generator | None = None,
) -> Interval:
    """Interval for the weighted share of marked members; fixed n in every stratum.

    "union" adds up exact bounds, Clopper-Pearson or hypergeometric, at δ over the number of
    strata sampled (Theorem 2.27). "product" needs the draws in order: `rng` lays them out in a
    fresh random one, which has the law of the order drawn (Theorem 2.28).
    """
    check_choice("method", method, ("product", "union"))
    _check_strata(strata, StratumCounts)
    if method == "product":
        if not isinstance(rng, np.random.Generator):
            raise EstimatorError("the product method lays counts out in random order: give rng")
        laid = [_laid_out(stratum, rng) for stratum in strata]
        return mean(laid, delta=delta, log_delta=log_delta, side=side, method=method)
    kept = [stratum for stratum in strata if stratum.weight > 0]
    whole = take((), delta=delta, log_delta=log_delta, low=0.0, high=1.0, side=side)
    draws = [whole_number("n", stratum.n) for stratum in kept]
    pairs = zip(kept, draws, strict=True)
    spent = sum(s.exact is None and n > 0 and n != _members(s) for s, n in pairs)
    each = whole.log_delta - np.log(max(spent, 1))
    ends = [_share(stratum, whole, each) for stratum in kept]
    broadcast("delta and the problems of the strata", each, *(upper for _, upper in ends))
    lower = sum((s.weight * low for s, (low, _) in zip(kept, ends, strict=True)), np.zeros(()))
    upper = sum((s.weight * high for s, (_, high) in zip(kept, ends, strict=True)), np.zeros(()))
    return whole.rescaled("stratified-union", np.asarray(lower), np.asarray(upper), sum(draws))


def neyman_allocation(
    weights: Float[ArrayLike, " strata"],
    pilot_std: Float[ArrayLike, " strata"],
    budget: int,
    *,
    at_least: int = 0,
) -> Int[np.ndarray, " strata"]:
    """Draws per stratum in proportion to weight · standard deviation (Theorem 2.29).

    The standard deviations come from a pilot whose draws are not used again, else the sample
    sizes depend on the samples. Where all are zero the draws go by weight. `at_least` draws go
    to each stratum first: a stratum without draws is bounded by its range alone.

    Returns:
        Nonnegative whole numbers that sum to `budget`.

    Raises:
        EstimatorError: if the arguments are negative, not finite or of different shape, if no
            stratum has weight, or if the budget is below `at_least` in every stratum.
    """
    weight, std = numbers("weights", weights), numbers("pilot_std", pilot_std)
    budget, at_least = whole_number("budget", budget), whole_number("at_least", at_least)
    if weight.ndim != 1 or weight.shape != std.shape or not weight.size:
        raise EstimatorError(
            "weights and pilot_std must be two rows of one length,"
            f" got {weight.shape} and {std.shape}"
        )
    if not all(np.all(np.isfinite(row) & (row >= 0)) for row in (weight, std)):
        raise EstimatorError("weights and pilot_std must be finite and not negative")
    if not weight.max() > 0:
        raise EstimatorError("at least one stratum must have a positive weight")
    if budget < at_least * weight.size:
        raise EstimatorError(
            f"budget {budget} does not give each of {weight.size} strata at least {at_least} draws"
        )
    with np.errstate(over="ignore"):
        need = weight * std if (weight * std).sum() > 0 else weight
        total = need.sum()
        most = max(budget, 1) * total
    if not np.isfinite(most):
        raise EstimatorError("weights times pilot_std must be small enough for doubles to hold")
    ideal = (budget - at_least * weight.size) * need / total
    whole = np.floor(ideal).astype(np.int64)
    missing = budget - at_least * weight.size - int(whole.sum())
    first = np.argsort(-(ideal - whole), kind="stable")[:missing]
    whole[first] += 1
    return whole + at_least


def _check_strata(
    strata: Sequence[Stratum | StratumCounts], kind: type[Stratum | StratumCounts]
) -> None:
    if not isinstance(strata, Sequence) or not all(isinstance(each, kind) for each in strata):
        raise EstimatorError(f"strata must be a list of {kind.__name__}, got {shown(strata)}")
    weights = numbers("weights", [stratum.weight for stratum in strata])
    if weights.ndim != 1 or not (np.all(weights >= 0) and abs(weights.sum() - 1) <= 1e-9):
        raise EstimatorError(
            f"the weights of the strata must be nonnegative and sum to 1, got {shown(weights)}"
        )


def _members(stratum: Stratum | StratumCounts) -> int | None:
    given = stratum.population
    return None if given is None else whole_number("population", given)


def _share(stratum: StratumCounts, whole: Sample, log_delta: Unit) -> tuple[Bound, Bound]:
    """Bounds on the share of one stratum."""
    if stratum.exact is not None:
        if stratum.n:
            raise EstimatorError("a stratum has either draws or an exact share, not both")
        exact = _unit_exact(stratum.exact, whole)
        return exact, exact
    k, n, members, side = stratum.k, stratum.n, _members(stratum), whole.side
    found = (
        clopper_pearson(k, n, log_delta=log_delta, side=side)
        if members is None
        else hypergeometric(k, n, members, log_delta=log_delta, side=side)
    )
    return found.lower, found.upper


def _unit_exact(exact: float, whole: Sample) -> float:
    exact = number("exact", exact)
    if not whole.low <= exact <= whole.high:
        raise EstimatorError(
            f"the exact mean of a stratum must lie in [{whole.low}, {whole.high}], got {exact}"
        )
    return (exact - whole.low) / (whole.high - whole.low)


def _stratum_sample(stratum: Stratum, whole: Sample) -> Sample:
    sample = take(
        stratum.samples,
        delta=None,
        log_delta=whole.log_delta,
        low=whole.low,
        high=whole.high,
        side=whole.side,
        population=_members(stratum),
        planned=stratum.planned,
    )
    if stratum.exact is not None and sample.n:
        raise EstimatorError("a stratum has either samples or an exact mean, not both")
    return sample


def _known_range(stratum: Stratum, sample: Sample, whole: Sample) -> tuple[Unit, Unit] | None:
    """What is certain of the stratum's unit mean, or None if that is left to its draws."""
    if stratum.exact is not None:
        exact = np.asarray(_unit_exact(stratum.exact, whole))
        return exact, exact
    if sample.population is not None and sample.n == sample.population:
        return logical_range(sample.x.sum(-1), sample.n, sample.population)
    return None if sample.n else (np.zeros(()), np.ones(()))


def _product_bounds(
    whole: Sample, strata: list[Stratum], samples: list[Sample]
) -> tuple[Unit, Unit]:
    log_inverse = whole.log_inverse_tail
    batch = np.broadcast_shapes(log_inverse.shape, *(s.x.shape[:-1] for s in samples))
    lower, upper = np.zeros(batch), np.zeros(batch)
    drawn: list[tuple[float, Sample]] = []
    for stratum, sample in zip(strata, samples, strict=True):
        known = _known_range(stratum, sample, whole)
        if known is None:
            drawn.append((stratum.weight, sample))
        else:
            lower, upper = lower + stratum.weight * known[0], upper + stratum.weight * known[1]
    if not drawn:
        return lower, upper
    flat = np.broadcast_to(log_inverse, batch).ravel()
    share = sum(weight for weight, _ in drawn)
    ends = []
    for reflected in (False, True):
        parts, certain = [], np.zeros(batch)
        for weight, sample in drawn:
            x = np.broadcast_to(sample.x, (*batch, sample.n))
            x = 1 - x if reflected else x
            population = None if sample.population is None else int(sample.population)
            parts.append(Sampled(weight, x.reshape(-1, sample.n), population))
            if population is not None:
                certain = certain + weight * x.sum(-1) / population
        ends.append(np.maximum(product_lower_endpoint(parts, flat).reshape(batch), certain))
    return lower + ends[0], upper + share - ends[1]


def _union_bounds(whole: Sample, strata: list[Stratum], samples: list[Sample]) -> tuple[Unit, Unit]:
    known = [_known_range(*pair, whole) for pair in zip(strata, samples, strict=True)]
    each = whole.log_delta - np.log(max(known.count(None), 1))
    lower, upper = np.zeros(()), np.zeros(())
    for stratum, sample, certain in zip(strata, samples, known, strict=True):
        if certain is None:
            found = betting(sample.x, log_delta=each, side=whole.side, population=sample.population)
            certain = (found.lower, found.upper)
        lower, upper = lower + stratum.weight * certain[0], upper + stratum.weight * certain[1]
    return np.asarray(lower), np.asarray(upper)


def _laid_out(stratum: StratumCounts, rng: np.random.Generator) -> Stratum:
    """The stratum with its k marks among n draws in a fresh random order."""
    k, n = whole_numbers("k", stratum.k), whole_number("n", stratum.n)
    if np.any(k > n):
        raise EstimatorError(f"k must lie between 0 and n = {stratum.n}, got {stratum.k}")
    rank = rng.random((*k.shape, n)).argsort(-1).argsort(-1)
    return Stratum(
        weight=stratum.weight,
        samples=rank < k[..., None],
        population=stratum.population,
        exact=stratum.exact,
    )
